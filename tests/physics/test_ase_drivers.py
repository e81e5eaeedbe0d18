"""Every kind of driver that ASE has, on copper: dynamics, optimisers, cell filters, phonons, paths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.md.langevin import Langevin
from ase.md.nptberendsen import NPTBerendsen
from ase.md.verlet import VelocityVerlet
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from ase.optimize.optimize import Optimizer
from ase.phonons import Phonons
from ase.vibrations import Vibrations

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.models.potential import Potential


def crystal(copper: Potential, repeat: int | tuple[int, int, int] = 1, *, a: float = 3.6) -> Atoms:
    """Return a cubic crystal of copper with its potential."""
    atoms: Atoms = bulk("Cu", a=a, cubic=True) * repeat
    atoms.calc = RFHGNCalculator(copper)
    return atoms


def heat(atoms: Atoms, temperature: float) -> None:
    """Give the atoms random momenta at a temperature (K), without net momentum."""
    spread_n = np.sqrt(units.kB * temperature * atoms.get_masses())
    momentum_nc = np.random.default_rng(4).normal(size=(len(atoms), 3)) * spread_n[:, None]
    atoms.set_momenta(momentum_nc - momentum_nc.mean(axis=0))


def total_energies(atoms: Atoms, *, step: float, n_steps: int) -> FloatArray:
    """Return the total energy per atom (eV) along velocity Verlet's trajectory, the step in fs."""
    energies = []
    dynamics = VelocityVerlet(atoms, step * units.fs)
    dynamics.attach(lambda: energies.append(atoms.get_total_energy() / len(atoms)))
    dynamics.run(n_steps)
    return np.array(energies)


def test_velocity_verlet_fluctuation_falls_as_the_step_squared(copper: Potential) -> None:
    spread = {}
    for step in (2.0, 4.0):
        atoms = crystal(copper)
        heat(atoms, 600.0)
        spread[step] = total_energies(atoms, step=step, n_steps=int(400.0 / step)).std()
    assert spread[4.0] / spread[2.0] == pytest.approx(4.0, rel=0.2)


def test_velocity_verlet_has_no_drift_in_20_ps(copper: Potential) -> None:
    atoms = crystal(copper)
    heat(atoms, 600.0)
    energies = total_energies(atoms, step=4.0, n_steps=5000)
    drift_per_ps = np.polyfit(np.linspace(0.0, 20.0, len(energies)), energies, 1)[0]
    assert abs(drift_per_ps) < 1e-5


def test_langevin_keeps_the_temperature(copper: Potential) -> None:
    atoms = crystal(copper, (2, 1, 1))
    heat(atoms, 600.0)
    temperatures: list[float] = []
    rng = np.random.default_rng(8)
    dynamics = Langevin(atoms, 4.0 * units.fs, temperature_K=300.0, friction=0.05 / units.fs, rng=rng, fixcm=False)
    dynamics.attach(lambda: temperatures.append(atoms.get_temperature()))
    dynamics.run(500)
    assert np.mean(temperatures[100:]) == pytest.approx(300.0, rel=0.15)


def test_barostat_relaxes_a_compressed_crystal(copper: Potential) -> None:
    atoms = crystal(copper, a=3.45)
    heat(atoms, 100.0)
    assert atoms.get_stress()[:3].mean() < -0.1
    dynamics = NPTBerendsen(
        atoms,
        4.0 * units.fs,
        temperature_K=100.0,
        pressure_au=0.0,
        taut=100.0 * units.fs,
        taup=100.0 * units.fs,
        compressibility_au=1.1,
    )
    dynamics.run(250)
    assert abs(atoms.get_stress(include_ideal_gas=True)[:3].mean()) < 0.01
    assert atoms.cell.lengths().mean() == pytest.approx(3.6, abs=0.05)


@pytest.mark.parametrize("optimizer", [BFGS, FIRE])
def test_optimisers_find_the_crystal(optimizer: type[Optimizer], copper: Potential) -> None:
    atoms = crystal(copper, (2, 1, 1))
    energy = atoms.get_potential_energy()
    atoms.rattle(0.1, seed=2)
    assert optimizer(atoms, logfile=None).run(fmax=1e-3, steps=200)
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-5)


def test_cell_filter_and_equation_of_state_agree(copper: Potential) -> None:
    volumes, energies = [], []
    for a in np.linspace(3.5, 3.7, 7):
        atoms = crystal(copper, a=a)
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy())
    volume, energy, modulus = EquationOfState(volumes, energies).fit()
    sheared = crystal(copper, a=3.5)
    sheared.set_cell(sheared.cell.array @ (np.eye(3) + 0.02 * np.eye(3, k=1)), scale_atoms=True)
    optimiser = BFGS(FrechetCellFilter(sheared), logfile=None)  # type: ignore[arg-type]  # ASE's hint forgets filters
    assert optimiser.run(fmax=1e-3, steps=100)
    np.testing.assert_allclose(sheared.get_stress(), 0.0, atol=1e-4)
    assert sheared.get_volume() == pytest.approx(volume, rel=2e-3)
    assert sheared.get_potential_energy() == pytest.approx(energy, abs=2e-3)
    assert 90.0 < modulus / units.GPa < 180.0


def test_elastic_answers_are_those_of_the_training_potential(copper: Potential) -> None:
    atoms, taught = crystal(copper, a=3.5), bulk("Cu", a=3.5, cubic=True)
    taught.calc = EMT()
    np.testing.assert_allclose(atoms.get_stress(), taught.get_stress(), atol=0.005)
    assert atoms.get_potential_energy() == pytest.approx(taught.get_potential_energy(), abs=0.02)


def test_phonons_are_stable_and_translations_cost_nothing(copper: Potential, tmp_path: Path) -> None:
    atoms: Atoms = bulk("Cu", a=3.6)
    phonons = Phonons(atoms, RFHGNCalculator(copper), supercell=(4, 4, 4), delta=0.02, name=tmp_path / "phonons")
    phonons.run()
    phonons.read(acoustic=False)
    frequencies = 1e3 * phonons.band_structure([[0.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(np.abs(frequencies[0]), 0.0, atol=1.0)
    assert (frequencies[1:] > 10.0).all()
    assert (frequencies[1:] < 40.0).all()


def test_vibrations_have_the_symmetry_of_the_crystal(copper: Potential, tmp_path: Path) -> None:
    atoms = crystal(copper, (2, 2, 2))
    vibrations = Vibrations(atoms, indices=[0], name=str(tmp_path / "vibrations"))
    vibrations.run()
    energies = vibrations.get_energies()
    assert not energies.imag.any()
    np.testing.assert_allclose(energies.real, energies.real[0], rtol=1e-6)


def test_elastic_band_of_a_vacancy_is_symmetric(copper: Potential) -> None:
    start = crystal(copper, (2, 2, 1))
    del start[0]
    end = start.copy()
    hopping = int(np.argmin(np.linalg.norm(start.positions - [0.0, 1.8, 1.8], axis=1)))
    end.positions[hopping] = 0.0
    images = [start, *(start.copy() for _ in range(3)), end]
    for image in images:
        image.calc = RFHGNCalculator(copper)
    band = NEB(images, climb=True, method="improvedtangent")
    band.interpolate(mic=True)
    assert FIRE(band, logfile=None).run(fmax=0.1, steps=150)
    energies = np.array([image.get_potential_energy() for image in images]) - start.get_potential_energy()
    assert 0.2 < energies[2] < 1.5
    assert energies.argmax() == 2
    np.testing.assert_allclose(energies, energies[::-1], atol=0.02)
