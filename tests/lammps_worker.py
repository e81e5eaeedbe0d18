"""What tests run in LAMMPS, on any number of processes: ``mpirun -n 2 python lammps_worker.py PART FOLDER``.

Every part returns plain JSON values. The first process writes them to ``PART-2.json`` in the folder.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read
from ase.io.lammpsdata import write_lammps_data

from ase_rfhgn import Potential
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.lammps import ExternalForces, Grading, attach, run_script
from ase_rfhgn.calculators.lammps.library import communicator, start
from ase_rfhgn.errors import RFHGNError
from ase_rfhgn.models.domain import DomainEvaluation

QUIET = ("-log", "none", "-screen", "none", "-nocite")

SYSTEMS = {
    "silicon": "",
    "alloy": "",
    "water": "",
    "slab": "",
    "molecule": "processors 1 1 *",
    "lone": "processors * 1 1",
}
"""Commands of each system before its box: the last ones leave processes without atoms."""


class Run:
    """An instance of LAMMPS with a system of the folder."""

    def __init__(self, folder: Path, system: str, *, before: str = "", **settings: Any) -> None:  # noqa: ANN401
        self.comm = communicator()
        self.folder = folder
        self.potential = Potential.load(folder / f"{system}.npz")
        self.elements = [str(Atoms([number]).symbols) for number in self.potential.species_s]
        self.lmp = start(self.comm, QUIET)
        structure = read(folder / f"{system}.traj")
        assert isinstance(structure, Atoms)
        boundary = " ".join("p" if periodic else "s" for periodic in structure.pbc)
        self.do("units metal", f"boundary {boundary}", before, f"read_data {self.data(system)}", "neighbor 1.0 nsq")
        self.forces: ExternalForces = attach(self.lmp, self.potential, self.elements, **settings)
        self.do("compute pe all pe/atom", "compute stress all stress/atom NULL")
        self.do("thermo_style custom step temp pe etotal press econserve vol")

    def data(self, system: str) -> Path:
        """Return the data file of a system, which the first process writes."""
        path = self.folder / f"{system}.data"
        if self.comm.rank == 0:
            write_lammps_data(
                path,
                read(self.folder / f"{system}.traj"),
                specorder=self.elements,
                masses=True,
                units="metal",
                velocities=True,
            )
        self.comm.barrier()
        return path

    def do(self, *lines: str) -> None:
        """Run commands."""
        self.lmp.commands_list([line for line in lines if line])

    def atoms(self) -> Atoms:
        """Return the structure as LAMMPS has it."""
        lower, upper, xy, yz, xz, periodic, _ = self.lmp.extract_box()
        length = np.subtract(upper, lower)
        cell = [[length[0], 0, 0], [xy, length[1], 0], [xz, yz, length[2]]]
        kind_n = np.array(self.gathered("type", 1), dtype=int).ravel() - 1
        symbols = [self.elements[kind] for kind in kind_n]
        return Atoms(symbols, self.gathered("x", 3), cell=cell, pbc=[bool(one) for one in periodic])

    def gathered(self, name: str, width: int) -> FloatArray:
        """Return a property of all atoms in the order of their IDs."""
        if name.startswith("c_"):
            values = self.lmp.gather(name, 1, width)
        else:
            values = self.lmp.gather_atoms(name, 0 if name == "type" else 1, width)
        return np.array(list(values), dtype=float).reshape(-1, width)

    def pressure(self) -> float:
        """Return the pressure without LAMMPS's own constant (eV/Å³)."""
        return float(self.lmp.get_thermo("press")) / float(self.lmp.extract_global("nktv2p"))

    def errors(self) -> dict[str, float]:
        """Return how far LAMMPS is from the calculator, at the present structure without motion."""
        self.do("velocity all set 0 0 0", "run 0 post no")
        atoms = self.atoms()
        wanted = self.potential.evaluate(atoms)
        stress = self.gathered("c_stress", 6).sum(axis=0)
        energy = float(self.lmp.get_thermo("pe"))
        assert wanted.stress_v is not None
        pressure = -float(wanted.stress_v[:3].mean())
        tensor = -wanted.stress_v[[0, 1, 2, 5, 4, 3]] * atoms.get_volume() * float(self.lmp.extract_global("nktv2p"))
        return {
            "energy": abs(energy / wanted.energy - 1.0),
            "energies": float(np.abs(self.gathered("c_pe", 1)[:, 0] - wanted.energy_n).max()),
            "forces": float(np.abs(self.gathered("f", 3) - wanted.force_nc).max()),
            "largest": float(np.abs(wanted.force_nc).max()),
            "pressure": abs(self.pressure() / pressure - 1.0),
            "virials": float(np.abs(-stress - tensor).max() / np.abs(tensor).max()),
        }


def static(folder: Path) -> Any:  # noqa: ANN401
    """Return the errors of every system, how many processes were empty, and the same with newton off."""
    found: dict[str, Any] = {}
    for system, before in SYSTEMS.items():
        run = Run(folder, system, before=before)
        found[system] = run.errors()
        found[system]["empty"] = sum(one == 0 for one in run.comm.allgather(run.lmp.extract_setting("nlocal")))
        found[system]["centres"] = run.comm.allgather((run.forces.n_own, run.forces.n_centres))
    found["newton off"] = Run(folder, "alloy", before="newton off").errors()
    return found


def motion(folder: Path) -> Any:  # noqa: ANN401
    """Return energies along a picosecond, and errors after it."""
    run = Run(folder, "wire")
    run.do("velocity all create 300 7 loop all", "timestep 0.002", "fix nve all nve", "run 0 post no")
    energies = [float(run.lmp.get_thermo("etotal"))]
    for _ in range(5):
        run.do("run 100 post no")
        energies.append(float(run.lmp.get_thermo("etotal")))
    return {"totals": energies, "n_atoms": run.lmp.get_natoms(), **run.errors()}


def barostat(folder: Path) -> Any:  # noqa: ANN401
    """Return the conserved enthalpy of a run under pressure for two time steps, volumes, and errors after it."""
    found: dict[str, Any] = {}
    for femtoseconds in (2, 1):
        run = Run(folder, "wire")
        run.do("velocity all create 300 7 loop all", f"timestep {0.001 * femtoseconds}", "thermo 20")
        run.do("fix nph all nph aniso 0 0 0.2", "run 0 post no")
        enthalpies, volumes = [], []
        for _ in range(10):
            run.do(f"run {20 // femtoseconds} post no")
            enthalpies.append(float(run.lmp.get_thermo("econserve")) / run.lmp.get_natoms())
            volumes.append(float(run.lmp.get_thermo("vol")))
        found[f"{femtoseconds} fs"] = {"enthalpies": enthalpies, "volumes": volumes}
    found["errors"] = run.errors()
    return found


def sheared(folder: Path) -> Any:  # noqa: ANN401
    """Return errors after a run in which the box changes its shape."""
    run = Run(folder, "alloy")
    run.do("velocity all create 300 7 loop all", "timestep 0.001", "fix nve all nve")
    run.do("fix deform all deform 1 xy delta 1.5 y scale 1.1 remap v", "run 30 post no", "unfix deform")
    return run.errors()


def restarted(folder: Path) -> Any:  # noqa: ANN401
    """Return how far a run that was written to a restart file and read back is from the run that went on."""
    run = Run(folder, "wire", grading=Grading())
    run.do("velocity all create 300 7 loop all", "timestep 0.002", "fix nve all nve", "run 20 post no")
    run.do(f"write_restart {folder / 'restart'}", "run 20 post no")
    position_nc = run.gathered("x", 3)
    run.lmp.command("clear")
    run.do(f"read_restart {folder / 'restart'}", "neighbor 1.0 bin", "timestep 0.002", "fix nve all nve")
    attach(run.lmp, run.potential, run.elements)
    run.do("run 20 post no")
    return {"difference": float(np.abs(run.gathered("x", 3) - position_nc).max())}


def minimised(folder: Path) -> Any:  # noqa: ANN401
    """Return energies before and after a minimisation, and errors after it."""
    run = Run(folder, "silicon")
    run.do("run 0 post no")
    before = float(run.lmp.get_thermo("pe"))
    run.do("minimize 0 1e-3 20 100")
    return {"before": before, "after": float(run.lmp.get_thermo("pe")), **run.errors()}


def graded(folder: Path) -> Any:  # noqa: ANN401
    """Return grades as LAMMPS and as the potential have them, and the step at which a limit ended the run."""
    run = Run(folder, "alloy", grading=Grading(every=2, warn=0.1, halt=1e6))
    run.do(
        "fix nve all nve",
        f"dump 1 all custom 2 {folder / 'grades.dump'} id element x y z d_grade",
        "dump_modify 1 sort id element " + " ".join(run.elements),
        "run 2 post no",
        "undump 1",
    )
    wanted_n = run.potential.grade(run.atoms())
    found_n = np.array(list(run.lmp.gather("d_grade", 1, 1)))
    largest = float(run.lmp.extract_fix("rfhgn", 0, 1, 0))
    halted = Run(folder, "alloy", grading=Grading(every=2, halt=0.5 * largest))
    halted.do("fix nve all nve", "run 10 post no")
    return {
        "difference": float(np.abs(found_n - wanted_n).max()),
        "largest": [largest, float(wanted_n.max())],
        "halted at": int(halted.lmp.extract_global("ntimestep")),
    }


@contextmanager
def refused(found: dict[str, list[str]], name: str) -> Iterator[None]:
    """Note what all processes say."""
    comm, text = communicator(), ""
    try:
        yield
    except RFHGNError as error:
        text = str(error)
    found[name] = comm.allgather(text)


def bad_input(folder: Path) -> Any:  # noqa: ANN401
    """Return the messages of all processes."""
    found: dict[str, list[str]] = {}
    comm = communicator()
    box = "units metal\nregion b block 0 9 0 9 0 9\ncreate_box 2 b\nmass 1 63.5\nmass 2 197\n"
    style = "pair_style zero 12\npair_coeff * *\n"
    lines = {
        "units": box.replace("metal", "real") + style,
        "halo": box + style.replace("12", "3"),
        "box": "units metal\npair_style zero 9\n",
        "command": "units metal\nnonsense\n",
        "type": box.replace("create_box 2", "create_box 3") + "mass 3 1\n" + style,
        "mass": box + "mass 1 197\nmass 2 63.5\n" + style,
        "respa": box + style + "run_style respa 2 2 pair 1\n",
        "multi": box + style + "neighbor 1 multi\ncomm_modify mode multi\n",
        "crash": box + style + "create_atoms 1 single 1 1 1\ncreate_atoms 1 single 1 1 1\n",
    }
    for name, text in lines.items():
        script = folder / f"{name}.lmp"
        if comm.rank == 0:
            script.write_text(f"{text}fix rfhgn all external pf/callback 1 1\nfix nve all nve\nrun 3\n")
        comm.barrier()
        with refused(found, name):
            run_script(script, folder / "alloy.npz", ["Cu", "Au"], arguments=QUIET)
    with refused(found, "element"):
        run_script(folder / "mass.lmp", folder / "alloy.npz", ["Cu", "Pt"], arguments=QUIET)
    with refused(found, "model"):
        run_script(folder / "mass.lmp", folder / "nowhere.npz", ["Cu", "Au"], arguments=QUIET)
    with refused(found, "script"):
        run_script(folder / "nowhere.lmp", folder / "alloy.npz", ["Cu", "Au"], arguments=QUIET)
    run = Run(folder, "alloy")
    run.forces._evaluate = fail_on_last_process(run.forces)  # type: ignore[method-assign, assignment]
    try:
        run.do("fix nve all nve", "run 3")
    except Exception as error:  # noqa: BLE001 - of LAMMPS
        found["one process"] = comm.allgather(f"{error} {run.forces.failure}")
    return found


def fail_on_last_process(forces: ExternalForces) -> Callable[[int, int], DomainEvaluation]:
    """Return an evaluation that fails on one process alone, in step 1."""
    evaluate = forces._evaluate

    def failing(step: int, n_own: int) -> DomainEvaluation:
        if step == 1 and communicator().rank == communicator().size - 1:
            message = "planted"
            raise RuntimeError(message)
        return evaluate(step, n_own)

    return failing


PARTS: dict[str, Callable[[Path], Any]] = {
    part.__name__: part for part in (static, motion, barostat, sheared, restarted, minimised, graded, bad_input)
}


def main() -> None:
    """Run the parts."""
    warnings.simplefilter("error")
    folder = Path(sys.argv[-1])
    for name in sys.argv[1:-1]:
        found = PARTS[name](folder)
        if communicator().rank == 0:
            (folder / f"{name}-{communicator().size}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
