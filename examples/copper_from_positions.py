"""Copper learned from positions alone, and its phonons.

A run of molecular dynamics is all there is: positions of atoms, every 5 fs, no forces, no energies,
no momenta. Newton's law says that their second differences are forces, so a potential can be fitted
to them. It then gives the vibrations of the crystal, printed beside those of the potential that
made the run, effective medium theory (EMT).

    python examples/copper_from_positions.py [--repeat 3] [--frames 400]
"""

# %%
from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.md.velocitydistribution import Stationary
from ase.md.verlet import VelocityVerlet
from ase.phonons import Phonons

from ase_rfhgn import Potential, RFHGNCalculator, fit
from ase_rfhgn.arrays import FloatArray

LATTICE_CONSTANT = 3.6
TIMESTEP = 5.0 * units.fs
TEMPERATURE = 300.0
EQUILIBRATION = 200
TERAHERTZ = units.invcm / 0.0299792458
"""Energy of a phonon of 1 THz (eV)."""
POINTS = {"X": (0.5, 0.0, 0.5), "W": (0.5, 0.25, 0.75), "K": (0.375, 0.375, 0.75), "L": (0.5, 0.5, 0.5)}


# %% [markdown]
# The run: velocity Verlet at constant energy. Of every frame only the elements, the cell and the
# positions are kept, wrapped into the cell as many codes store them.


# %%
def positions_of_a_run(repeat: int, n_frames: int) -> list[Atoms]:
    """Return the frames of a run of copper, one per step, without momenta, forces and energies."""
    atoms = bulk("Cu", a=LATTICE_CONSTANT, cubic=True).repeat(repeat)
    rng = np.random.default_rng(0)
    scale_n = np.sqrt(2.0 * units.kB * TEMPERATURE * atoms.get_masses())
    atoms.set_momenta(scale_n[:, None] * rng.normal(size=(len(atoms), 3)))
    Stationary(atoms)
    atoms.calc = EMT()
    dynamics = VelocityVerlet(atoms, TIMESTEP)
    dynamics.run(EQUILIBRATION)
    frames = []
    for _ in range(n_frames):
        frame = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
        frame.wrap()
        frames.append(frame)
        dynamics.run(1)
    return frames


# %% [markdown]
# The fit needs to be told the time step. Nothing gives it a clue of the energy of an atom, so energies
# are relative to isolated atoms; a known energy of one frame (``known_energy``) would fix that.


# %%
def learned(frames: Sequence[Atoms]) -> Potential:
    """Return the potential that explains how the atoms move."""
    potential = fit(frames, timestep=TIMESTEP)
    record = potential.record
    print(f"fitted to {record['targets']}: {record['train_rmse']['motion']:.2g} eV/Å are left unexplained")
    print(f"energies are {record['energies']}, {record['fit_cpu_seconds']:.0f} s of CPU")
    return potential


# %% [markdown]
# Phonons from finite displacements in a supercell, by ASE, at corners of the Brillouin zone.


# %%
def phonon_frequencies(calculator: Calculator, repeat: int) -> dict[str, FloatArray]:
    """Return the phonon frequencies of copper at named points (THz)."""
    crystal = bulk("Cu", a=LATTICE_CONSTANT)
    with tempfile.TemporaryDirectory() as folder:
        phonons = Phonons(crystal, calculator, supercell=(repeat,) * 3, delta=0.02, name=str(Path(folder) / "phonons"))
        phonons.run()
        phonons.read(acoustic=True)
        energy_ks = phonons.band_structure(np.array(list(POINTS.values())), verbose=False)
    return dict(zip(POINTS, energy_ks / TERAHERTZ, strict=True))


# %%
def run_example(repeat: int = 3, n_frames: int = 400, supercell: int = 5) -> float:
    """Print the phonons of the learned potential beside EMT's; return the largest deviation (THz)."""
    potential = learned(positions_of_a_run(repeat, n_frames))
    found = phonon_frequencies(RFHGNCalculator(potential), supercell)
    true = phonon_frequencies(EMT(), supercell)
    print("\npoint    learned from positions (THz)    EMT (THz)")
    for point in POINTS:
        cells = ["  ".join(f"{frequency:6.3f}" for frequency in one[point]) for one in (found, true)]
        print(f"{point:<9}{cells[0]}          {cells[1]}")
    deviation = max(float(np.abs(found[point] - true[point]).max()) for point in POINTS)
    print(f"largest deviation {deviation:.3f} THz")
    return deviation


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Copper learned from positions alone.")
    parser.add_argument("--repeat", type=int, default=3, help="cubic cells along every edge of the crystal")
    parser.add_argument("--frames", type=int, default=400, help="frames of the run, one per step")
    options = parser.parse_args()
    run_example(options.repeat, options.frames)
