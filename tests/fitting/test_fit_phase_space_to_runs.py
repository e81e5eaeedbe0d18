"""Fits in phase space to runs without labels: as good as fits to labels, by the same laws and checks as other fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.md.langevin import Langevin
from verlet_runs import run_of, without

from ase_rfhgn.errors import SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.calculators import BondedPairs
from ase_rfhgn.systems.classics import fermi_pasta_ulam_tsingou_chain
from ase_rfhgn.systems.lattices import lattice
from ase_rfhgn.systems.pair_laws import Spring

PAIRS: Mapping[str, Any] = {
    "kinetic": "known",
    "node_inputs": (),
    "edge_inputs": ("distance",),
    "node_units": 1,
    "edge_units": 40,
    "message_units": 1,
}
"""A sum over pairs, to which all systems here belong."""

STEP = 0.1
"""Time step of systems of unit masses (ASE's unit)."""


UNSEEN = 7
"""Seed of the run that errors are measured on."""


@dataclass(frozen=True, eq=False)
class System:
    """Atoms with calculator and random momenta for a seed, their bonds, the time step, and settings of the fit."""

    start: Callable[[int], Atoms]
    bonds: Bonds | None
    timestep: float = STEP
    settings: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, frames: list[Atoms], **settings: Any) -> PhaseSpacePotential:  # noqa: ANN401 - of any type
        """Return a fit to frames of this system."""
        timing = {} if settings.get("targets") == "labels" else {"timestep": self.timestep}
        return fit_phase_space(frames, bonds=self.bonds, **{**PAIRS, **self.settings, **timing, **settings})

    def run(self, seed: int, n_frames: int, stride: int = 1) -> list[Atoms]:
        """Return labelled frames of a run."""
        atoms = self.start(seed)
        timing: dict[str, Any] = {"stride": stride, "timestep": self.timestep}
        return run_of(atoms, n_frames, wrap=False, calculator=atoms.calc, **timing)

    def runs(self, stride: int = 1, n_frames: int = 60) -> list[Atoms]:
        """Return labelled frames of two runs, one after the other."""
        return [frame for seed in (0, 1) for frame in self.run(seed, n_frames, stride)]

    @cache  # noqa: B019 - systems live as long as the module
    def unseen(self) -> list[Atoms]:
        """Return labelled frames of another run, far apart."""
        return self.run(UNSEEN, 8, 10)

    def force_error(self, model: PhaseSpacePotential) -> float:
        """Return the relative root mean square error of forces on atoms that move, in another run."""
        found, expected = [], []
        for atoms in self.unseen():
            fixed = [i for constraint in atoms.constraints for i in constraint.index]
            moves_n = ~np.isin(np.arange(len(atoms)), fixed)
            found.append(model.evaluate(atoms, self.bonds).force_nc[moves_n])
            expected.append(atoms.get_forces()[moves_n])
        error = np.linalg.norm(np.concatenate(found) - np.concatenate(expected))
        return float(error / np.linalg.norm(np.concatenate(expected)))


def with_momenta(atoms: Atoms, seed: int, n_dimensions: int, shake: float, speed: float) -> Atoms:
    """Return atoms that are displaced and move, fixed ones excepted."""
    rng = np.random.default_rng(seed)
    shape = len(atoms), n_dimensions
    displacement_nc, momentum_nc = np.zeros((2, len(atoms), 3))
    displacement_nc[:, :n_dimensions] = rng.normal(0.0, shake, shape)
    momentum_nc[:, :n_dimensions] = atoms.get_masses()[:, None] * rng.normal(0.0, speed, shape)
    atoms.set_positions(atoms.positions + displacement_nc)
    atoms.set_momenta(momentum_nc - (0.0 if atoms.constraints else momentum_nc.mean(axis=0)))
    return atoms


def springs(seed: int) -> Atoms:
    atoms, bonds = lattice((3, 3), periodic=True)
    atoms.calc = BondedPairs(Spring(rest_length=0.9), bonds)
    return with_momenta(atoms, seed, 2, 0.1, 0.3)


def argon(seed: int) -> Atoms:
    atoms: Atoms = bulk("Ar", a=5.3, cubic=True) * (2, 2, 1)
    atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=6.0, ro=4.5, smooth=True)
    return with_momenta(atoms, seed, 3, 0.1, 0.0115)


def chain(seed: int) -> Atoms:
    speed = 0.2 if seed == UNSEEN else 0.5  # lengths of bonds lie within those of training
    return with_momenta(fermi_pasta_ulam_tsingou_chain(8, beta=0.1), seed, 1, 0.2, speed)


SYSTEMS = {
    "springs": System(springs, lattice((3, 3), periodic=True)[1]),
    "argon": System(argon, None, 8.0 * units.fs, {"cutoff": 6.0, "smooth_cutoff": True}),
    "chain with fixed ends": System(chain, lattice((10,))[1]),
}
SPRINGS = SYSTEMS["springs"]


@pytest.fixture(scope="module")
def run() -> list[Atoms]:
    """Return labelled frames of two runs of springs."""
    return SPRINGS.runs()


@pytest.mark.parametrize("name", SYSTEMS)
def test_motion_teaches_forces_as_well_as_labels_do(name: str) -> None:
    system = SYSTEMS[name]
    labelled = system.runs()
    reference = system.force_error(system.fit(labelled, targets="labels"))
    assert reference < 1e-3
    for targets, bar in (("momenta", 1.5), ("positions", 2.0)):
        model = system.fit(without(labelled, momenta=targets == "positions"))
        assert model.record["targets"].startswith(f"{targets} of frames")
        assert model.record["targets"].endswith("in 2 runs")
        assert system.force_error(model) < bar * reference


@pytest.mark.parametrize("name", ["springs", "chain with fixed ends"])
@pytest.mark.parametrize("targets", ["momenta", "positions"])
def test_frames_of_every_third_step_are_enough(name: str, targets: str) -> None:
    system = SYSTEMS[name]
    frames = without(system.runs(stride=3)[:60], momenta=targets == "positions")
    assert system.force_error(system.fit(frames, stride=3)) < 1e-3
    blind = system.fit(frames, timestep=3 * system.timestep)  # forces between frames left out
    assert system.force_error(blind) > 5e-3


def velocity_error(model: PhaseSpacePotential) -> float:
    """Return the relative root mean square error of velocities in another run of springs."""
    velocity_inc = np.array([atoms.get_velocities() for atoms in SPRINGS.unseen()])
    found_inc = np.array([model.evaluate(atoms, SPRINGS.bonds).velocity_nc for atoms in SPRINGS.unseen()])
    return float(np.linalg.norm(found_inc - velocity_inc) / np.linalg.norm(velocity_inc))


def test_a_whole_hamiltonian_is_learned_from_momenta(run: list[Atoms]) -> None:
    settings: dict[str, Any] = {"kinetic": "learned", "node_inputs": ("momentum",), "node_units": 100, "ridge": 1e-16}
    from_labels, from_motion = (SPRINGS.fit(frames, axes="laboratory", **settings) for frames in (run, without(run)))
    assert not from_motion.separable
    assert velocity_error(from_motion) < min(0.03, 1.5 * velocity_error(from_labels))
    assert SPRINGS.force_error(from_motion) < min(1e-3, 1.5 * SPRINGS.force_error(from_labels))


def test_labels_come_first_where_there_are_any(run: list[Atoms]) -> None:
    assert SPRINGS.fit(run[:8]).record["targets"] == "labels"
    with_labels, bare = (SPRINGS.fit(frames, targets="positions") for frames in (run[:20], without(run[:20])))
    np.testing.assert_array_equal(with_labels.coefficient_f, bare.coefficient_f)
    assert (with_labels.record["energies"], with_labels.constant) == ("relative", bare.constant)


def test_one_known_energy_fixes_the_constant(run: list[Atoms]) -> None:
    energy = run[3].get_potential_energy() + run[3].get_kinetic_energy()
    relative, absolute = (SPRINGS.fit(without(run[:30]), known_energy=known) for known in (None, (3, energy)))
    assert (relative.record["energies"], absolute.record["energies"]) == ("relative", "absolute")
    for atoms in run[:30:10]:
        total = atoms.get_potential_energy() + atoms.get_kinetic_energy()
        assert absolute.evaluate(atoms, SPRINGS.bonds).energy == pytest.approx(total, abs=1e-3)
    assert relative.evaluate(run[0], SPRINGS.bonds).energy == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("wrong", [0.8, 2.0])
def test_a_wrong_time_step_is_refused_with_the_measured_one(run: list[Atoms], wrong: float) -> None:
    with pytest.raises(TrainingDataError, match=r"momenta say that frames are 1\.018 fs apart"):
        SPRINGS.fit(without(run), timestep=wrong * STEP)


def test_a_kinetic_energy_is_not_learned_from_positions(run: list[Atoms]) -> None:
    with pytest.raises(SettingsError, match=r'positions alone .* use kinetic="known"'):
        SPRINGS.fit(without(run, momenta=True), kinetic="learned")


def test_kicks_of_a_thermostat_are_told_and_weighted() -> None:
    atoms, system = argon(0), SYSTEMS["argon"]
    rng = np.random.default_rng(0)
    dynamics = Langevin(atoms, system.timestep, temperature_K=60.0, friction=1e-3 / units.fs, fixcm=False, rng=rng)
    frames = []
    for _ in range(40):
        frames.append(atoms.copy())
        dynamics.run(1)
    with pytest.warns(TrainingDataWarning, match=r"random kicks \(0\.0\d+ eV/Å on Ar beside forces of 0\.0\d+ eV/Å"):
        weighted = system.fit(frames)
    assert system.force_error(weighted) < 0.3


def test_noise_of_positions_is_told_in_angstroms_and_weighted(run: list[Atoms]) -> None:
    rng = np.random.default_rng(0)
    noisy = without(run, momenta=True)
    for atoms in noisy:
        atoms.positions[:, :2] += rng.normal(0.0, 1e-3, (9, 2))
    with pytest.warns(TrainingDataWarning, match=r"positions have a noise of 0\.(0010?|0009)\d* on H \(Å\)"):
        model = SPRINGS.fit(noisy)
    assert SPRINGS.force_error(model) < 0.02  # 0.06 without weights


def springs_in_a_row(n_nodes: int) -> System:
    """Return nodes on a line, the ends of which are free."""
    bonds = lattice((n_nodes,))[1]

    def start(seed: int) -> Atoms:
        atoms, _ = lattice((n_nodes,))
        atoms.calc = BondedPairs(Spring(rest_length=0.9), bonds)
        return with_momenta(atoms, seed, 1, 0.1, 0.3)

    return System(start, bonds)


def test_runs_of_different_systems_have_bonds_of_their_own() -> None:
    large, small = (springs_in_a_row(n_nodes).run(0, 30) for n_nodes in (5, 3))
    large_bonds, bonds = (lattice((n_nodes,))[1] for n_nodes in (5, 3))
    noisy = without(large + small)
    rng = np.random.default_rng(0)
    for atoms in noisy:  # so that forces of a first fit are asked for
        atoms.positions[:, 0] += rng.normal(0.0, 1e-4, len(atoms))
    both = [large_bonds] * 30 + [bonds] * 30
    with pytest.warns(TrainingDataWarning, match="positions have a noise"):
        model = fit_phase_space(noisy, bonds=both, targets="positions", timestep=STEP, **PAIRS)
    for atoms in large[::10]:
        np.testing.assert_allclose(model.evaluate(atoms, large_bonds).force_nc, atoms.get_forces(), atol=0.02)
