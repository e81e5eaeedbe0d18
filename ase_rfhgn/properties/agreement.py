"""How far two potentials agree on the same structures, beside what they expect of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.models.evaluation import Evaluation
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.results import Result


@dataclass(frozen=True, slots=True)
class Agreement(Result):
    """Root mean squares of the differences of two potentials, and of what their uncertainties let expect.

    Attributes
    ----------
    energy_mev_atom, energy_mev_atom_error : float
        Difference of energies per atom, and the expected one (meV/atom).
    force_ev_a, force_ev_a_error : float
        Difference of force components, and the expected one (eV/Å).
    stress_gpa, stress_gpa_error : float or None
        Difference of stress components, and the expected one (GPa); None without cells.
    largest_force_ev_a : float
        Largest difference of a force component (eV/Å).
    largest_frame : int
        Number of its structure.
    n_frames, n_atoms : int
        Size of the comparison.
    force_m, other_force_m : ndarray of shape (n_values,)
        Force components of the two potentials (eV/Å).
    """

    energy_mev_atom: float
    energy_mev_atom_error: float | None
    force_ev_a: float
    force_ev_a_error: float | None
    stress_gpa: float | None
    stress_gpa_error: float | None
    largest_force_ev_a: float
    largest_frame: int
    n_frames: int
    n_atoms: int
    force_m: FloatArray
    other_force_m: FloatArray


def agreement(first: Potential, second: Potential, structures: Iterable[Atoms]) -> Agreement:
    """Return how far two potentials differ on some structures.

    Parameters
    ----------
    first, second : Potential
        The potentials.
    structures : iterable of ase.Atoms
        Any structures, labelled or not.

    Raises
    ------
    StructureError
        If a structure cannot be evaluated, or there is none.
    """
    known = first.ensemble is not None and second.ensemble is not None
    both = [
        (_evaluated(first, atoms, number, uncertainty=known), _evaluated(second, atoms, number, uncertainty=known))
        for number, atoms in enumerate(structures)
    ]
    if not both:
        message = "there are no structures to compare the potentials on"
        raise StructureError(message)
    largest_i = [float(np.abs(one.force_nc - other.force_nc).max(initial=0.0)) for one, other in both]
    differences = _rms([_values(one) for one, _ in both], [_values(other) for _, other in both], np.subtract)
    expected = _rms([_doubts(one) for one, _ in both], [_doubts(other) for _, other in both], np.hypot)
    return Agreement(
        energy_mev_atom=differences["energy"],
        energy_mev_atom_error=expected.get("energy"),
        force_ev_a=differences["force"],
        force_ev_a_error=expected.get("force"),
        stress_gpa=differences.get("stress"),
        stress_gpa_error=expected.get("stress"),
        largest_force_ev_a=max(largest_i),
        largest_frame=int(np.argmax(largest_i)),
        n_frames=len(both),
        n_atoms=sum(len(one.energy_n) for one, _ in both),
        force_m=np.concatenate([one.force_nc.ravel() for one, _ in both]),
        other_force_m=np.concatenate([other.force_nc.ravel() for _, other in both]),
    )


def _evaluated(potential: Potential, atoms: Atoms, number: int, *, uncertainty: bool) -> Evaluation:
    try:
        return potential.evaluate(atoms, uncertainty=uncertainty)
    except StructureError as error:
        message = f"structure {number}: {error}"
        raise StructureError(message) from error


def _values(found: Evaluation) -> dict[str, FloatArray]:
    """Return energy (meV/atom), forces (eV/Å) and stress (GPa), if there is one."""
    return _in_units(found.energy, found.force_nc, found.stress_v)


def _doubts(found: Evaluation) -> dict[str, FloatArray]:
    """Return the uncertainties of `_values`, nothing without an ensemble."""
    doubt = found.uncertainty
    return {} if doubt is None else _in_units(doubt.energy, doubt.force_nc, doubt.stress_v)


def _in_units(energy: float, force_nc: FloatArray, stress_v: FloatArray | None) -> dict[str, FloatArray]:
    values = {"energy": np.array([1e3 * energy / max(len(force_nc), 1)]), "force": force_nc.ravel()}
    return values if stress_v is None else values | {"stress": stress_v / GPa}


def _rms(
    first: Sequence[dict[str, FloatArray]],
    second: Sequence[dict[str, FloatArray]],
    combine: Callable[[FloatArray, FloatArray], FloatArray],
) -> dict[str, float]:
    """Return the root mean square over all structures of the combined values, per kind of values."""
    parts: dict[str, list[FloatArray]] = {}
    for one, other in zip(first, second, strict=True):
        for kind in one:
            parts.setdefault(kind, []).append(combine(one[kind], other[kind]))
    return {kind: float(np.sqrt(np.mean(np.concatenate(some) ** 2))) for kind, some in parts.items()}
