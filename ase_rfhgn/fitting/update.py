"""Potentials that take in more frames, or forget some, without the others: exactly, at a fixed cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import SettingsError, TrainingDataError, UpdateError
from ase_rfhgn.fitting.linear_system import LinearSystem
from ase_rfhgn.fitting.prior import prior_spread
from ase_rfhgn.fitting.record import UNITS
from ase_rfhgn.fitting.rows import KINDS, Layout, frame_rows
from ase_rfhgn.fitting.uncertainty import sample_ensemble, sites_of
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.runtime.random_streams import ENSEMBLE, random_stream
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.checks import unknown_elements
from ase_rfhgn.structures.graph import build_graph
from ase_rfhgn.structures.training_set import TrainingSet

Frames = str | Path | Iterable[Atoms] | TrainingSet


def update(potential: Potential, frames: Frames) -> Potential:
    """Return the potential that a fit to its frames and to more of them gives; see `Potential.update`."""
    with single_threaded():
        system = linear_system_of(potential)
        new = _read(potential, system, frames)
        grown = system.with_rows(new.rows, new.fingerprint_i)
        return _rebuilt(_with_densities(potential, new.largest_density_s), grown, new, sign=1.0)


def downdate(potential: Potential, frames: Frames) -> Potential:
    """Return the potential that a fit without some of its frames gives; see `Potential.downdate`."""
    with single_threaded():
        system = linear_system_of(potential)
        gone = _read(potential, system, frames)
        refuse_strangers(system, gone.names, gone.fingerprint_i.tolist())
        if len(gone.names) == len(system.fingerprint_i):
            message = "these are all the frames of the fit: nothing would be left"
            raise UpdateError(message)
        shrunk = system.without_rows(gone.rows, gone.fingerprint_i)
        return _rebuilt(potential, shrunk, gone, sign=-1.0)


def reweighted(potential: Potential, ridge: float, weights: Mapping[str, float | None]) -> Potential:
    """Return the potential that a fit with another ridge and other weights gives; see `Potential.reweighted`."""
    system = linear_system_of(potential)
    chosen = dict(system.weights) | {kind: weight for kind, weight in weights.items() if weight is not None}
    if not (np.isfinite(ridge) and ridge > 0.0) or min(chosen.values()) < 0.0 or not any(chosen.values()):
        message = (
            f"ridge {ridge} and weights {chosen}: the ridge must be positive, no weight negative, and one not zero"
        )
        raise SettingsError(message)
    with single_threaded():
        norm_f = system.column_norms(chosen)
        power, free = system.species_power, system.free_one_body
        spread_f = prior_spread(potential.hamiltonian, norm_f, power, free_one_body=free)
        changed = replace(system, weights=chosen, spread_f=spread_f, ridge=ridge, teacher_ridge=None, unlabelled=None)
        return _rebuilt(potential, changed, None, sign=0.0)


@dataclass(frozen=True, slots=True)
class _Frames:
    """What frames contribute: rows, fingerprints, sites, and their densities of neighbours."""

    names: list[str]
    rows: list[dict[str, FloatArray]]
    fingerprint_i: IntArray
    descriptor_nd: FloatArray
    species_n: IntArray
    largest_density_s: FloatArray


def linear_system_of(potential: Potential) -> LinearSystem:
    """Return what a potential remembers of its linear system.

    Raises
    ------
    UpdateError
        If it remembers nothing, or something that does not fit to it.
    """
    if potential.linear_system is None:
        message = "this potential does not remember its linear system: fit it with updatable=True"
        raise UpdateError(message)
    hamiltonian = potential.hamiltonian
    layout = Layout(len(hamiltonian.species_s), hamiltonian.n_features)
    try:
        return LinearSystem.of_arrays(potential.linear_system, layout)
    except (KeyError, TypeError, ValueError) as error:
        message = f"what this potential remembers of its linear system is damaged ({error!r}): fit anew"
        raise UpdateError(message) from error


def _read(potential: Potential, system: LinearSystem, frames: Frames) -> _Frames:
    """Return what frames contribute to the linear system of a potential."""
    training_set = frames if isinstance(frames, TrainingSet) else TrainingSet.open(frames)
    hamiltonian = potential.hamiltonian
    species_s = hamiltonian.species_s
    baseline = subtracted_baseline(potential, system)
    names, rows, prints, descriptors, species = [], [], [], [], []
    largest_density_s = np.zeros(len(species_s))
    for frame in training_set:
        unknown = unknown_elements(frame.atoms, species_s)
        if unknown:
            message = f"{frame.name}: the potential does not know {', '.join(unknown)}: fit anew with this frame"
            raise TrainingDataError(message)
        graph = build_graph(frame.atoms, hamiltonian.cutoff)
        rows.append(frame_rows(hamiltonian, baseline, frame, graph, tuple(range(len(species_s)))))
        descriptor_nd, species_n = sites_of(hamiltonian, graph)
        if hamiltonian.density_limit is not None:
            np.maximum.at(largest_density_s, species_n, hamiltonian.density_limit.density(graph))
        names.append(frame.name)
        prints.append(frame.fingerprint)
        descriptors.append(descriptor_nd)
        species.append(species_n)
    return _Frames(
        names, rows, np.array(prints), np.concatenate(descriptors), np.concatenate(species), largest_density_s
    )


def subtracted_baseline(potential: Potential, system: LinearSystem) -> Baseline:
    """Return what was, and is to be, subtracted from the labels."""
    return replace(potential.baseline, one_body_s=system.one_body_s)


def refuse_strangers(system: LinearSystem, names: Sequence[str], fingerprints: Sequence[int]) -> None:
    """Raise UpdateError for the first frame that is not in the fit (again, if it is named twice)."""
    left = Counter(system.fingerprint_i.tolist())
    for name, fingerprint in zip(names, fingerprints, strict=True):
        left[fingerprint] -= 1
        if left[fingerprint] < 0:
            message = f"{name}: not one of the frames of the fit, with the same positions and labels to the last digit"
            raise UpdateError(message)


def _with_densities(potential: Potential, largest_density_s: FloatArray) -> Potential:
    """Return the potential whose features are not held at densities that new frames have."""
    hamiltonian = potential.hamiltonian
    if hamiltonian.density_limit is None:
        return potential
    raised = replace(
        hamiltonian.density_limit,
        largest_density_s=np.maximum(hamiltonian.density_limit.largest_density_s, largest_density_s),
    )
    return replace(potential, hamiltonian=replace(hamiltonian, density_limit=raised))


def _rebuilt(potential: Potential, system: LinearSystem, changed: _Frames | None, sign: float) -> Potential:
    """Return the potential of a changed linear system."""
    solved = system.regression().solve()
    hamiltonian = potential.hamiltonian
    one_body_s, coefficient_sf = Layout(len(hamiltonian.species_s), hamiltonian.n_features).split(solved.coefficient_f)
    ensemble = potential.ensemble
    if ensemble is not None:
        domain = ensemble.domain
        if changed is not None:
            domain = domain.extended(changed.descriptor_nd, changed.species_n, sign=sign)
        rng = random_stream(potential.record["settings"]["seed"], ENSEMBLE, len(system.fingerprint_i))
        drawn = sample_ensemble(solved, hamiltonian, domain, rng)
        ensemble = replace(drawn, interval_scale_ol=ensemble.interval_scale_ol)
    return replace(
        potential,
        coefficient_sf=coefficient_sf,
        baseline=Baseline(system.one_body_s + one_body_s, potential.baseline.core),
        ensemble=ensemble,
        linear_system=system.as_arrays(),
        record=_record(potential.record, system, solved.coefficient_f, changed, sign),
    )


def _record(
    record: Mapping[str, Any], system: LinearSystem, coefficient_f: FloatArray, changed: _Frames | None, sign: float
) -> dict[str, Any]:
    """Return the record of a changed fit; what only a fit can tell is dropped."""
    errors = system.root_mean_squares(coefficient_f)
    n_atoms = 0 if changed is None else int(sign) * len(changed.species_n)
    kept = {key: value for key, value in record.items() if key not in {"cross_validation_rmse", "ridge_path"}}
    return kept | {
        "n_frames": len(system.fingerprint_i),
        "n_atoms": record["n_atoms"] + n_atoms,
        "weights": dict(system.weights),
        "ridge": system.ridge,
        "teacher_ridge": system.teacher_ridge,
        "train_rmse": {kind: UNITS[kind] * errors[kind] for kind in KINDS if kind in errors},
        "cross_validation_rmse": {},
        "ridge_path": {},
    }
