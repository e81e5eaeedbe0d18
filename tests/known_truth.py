"""Structures with labels from a potential that is known, and small fits to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.spherical.rows import feature_rows
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.graph import build_graph


def labelled_by(potential: Potential, atoms: Atoms) -> Atoms:
    """Return the atoms with what a potential says of them as labels."""
    atoms, answer = atoms.copy(), potential.evaluate(atoms)
    results = {"energy": answer.energy, "forces": answer.force_nc, "stress": answer.stress_v}
    atoms.calc = SinglePointCalculator(atoms, **{key: value for key, value in results.items() if value is not None})
    return atoms


def random_alloy(symbols: Sequence[str], seed: int, *, size: float = 0.1, a: float = 3.8) -> Atoms:
    """Return a strained and shaken crystal with random elements on its four sites."""
    rng = np.random.default_rng(seed)
    atoms: Atoms = bulk("Cu", a=a, cubic=True)
    atoms.symbols = rng.choice(list(symbols), size=len(atoms))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0.0, 0.02, (3, 3))), scale_atoms=True)
    atoms.rattle(size, rng=rng)
    return atoms


@dataclass(frozen=True)
class Answers:
    """What a potential says of several structures, in one array per quantity."""

    energy_i: FloatArray
    force_m: FloatArray
    stress_m: FloatArray

    @classmethod
    def of(cls, potential: Potential, structures: Sequence[Atoms]) -> Answers:
        """Return energies per atom, forces and stresses of all structures."""
        answers = [potential.evaluate(atoms) for atoms in structures]
        return cls(
            np.array([answer.energy / len(answer.energy_n) for answer in answers]),
            np.concatenate([answer.force_nc.ravel() for answer in answers]),
            np.concatenate([np.zeros(0) if answer.stress_v is None else answer.stress_v for answer in answers]),
        )

    def misses(self, truth: Answers) -> dict[str, float]:
        """Return root mean square deviations, in units of the spread of the truth; NaN for none."""
        pairs = {
            "energy": (self.energy_i, truth.energy_i),
            "force": (self.force_m, truth.force_m),
            "stress": (self.stress_m, truth.stress_m),
        }
        return {
            name: float(np.sqrt(np.mean((found - true) ** 2)) / true.std())
            for name, (found, true) in pairs.items()
            if len(true)
        }


def random_truth(drawn: Potential, structures: Sequence[Atoms], rng: np.random.Generator) -> Potential:
    """Return a potential with the features of another one and random coefficients.

    Every feature contributes about as much as any other, the derivatives are of order 1 eV/Å.
    """
    hamiltonian = drawn.hamiltonian
    n_species, n_columns = len(drawn.species_s), drawn.coefficient_sf.size
    column_s = hamiltonian.n_features * np.arange(n_species)
    parts = []
    for atoms in structures:
        rows = feature_rows(hamiltonian, build_graph(atoms, hamiltonian.cutoff), column_s, n_columns, stress=True)
        parts.append(np.vstack([rows.force_mf, rows.virial_vf / len(atoms)]))
    derivative_mf = np.concatenate(parts)
    norm_f = np.sqrt(np.mean(derivative_mf**2, axis=0))
    seen_f = norm_f > 1e-4 * norm_f.max()  # odd degrees, for one, vanish at inversion centres
    coefficient_f = rng.normal(size=n_columns) / np.where(seen_f, norm_f, np.inf)
    coefficient_f /= (derivative_mf @ coefficient_f).std()
    one_body_s = rng.normal(size=n_species)
    return replace(
        drawn,
        coefficient_sf=coefficient_f.reshape(n_species, -1),
        baseline=replace(drawn.baseline, one_body_s=one_body_s),
    )


def drawn_for(structures: Sequence[Atoms], **settings: Any) -> Potential:  # noqa: ANN401 - settings of any type
    """Return the potential that a fit to structures draws; its coefficients do not matter."""
    unlabelled = [atoms.copy() for atoms in structures]
    for atoms in unlabelled:
        atoms.calc = SinglePointCalculator(atoms, energy=0.0)
    return fit(unlabelled, **{"ridge": 1.0} | settings)
