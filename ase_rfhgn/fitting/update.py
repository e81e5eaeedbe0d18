"""Updates of models: frames are added or removed exactly, at a cost independent of the other frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import SettingsError, TrainingDataError, UpdateError
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.fitting.fit_state import AnyBonds, FitState, Frames, refuse_strangers, state_of
from ase_rfhgn.fitting.label_use import LabelUse, changed_counts, label_record
from ase_rfhgn.fitting.linear_model import KINDS, LinearModel, Solution
from ase_rfhgn.fitting.linear_system import LinearSystem
from ase_rfhgn.fitting.record import UNITS
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.fitting.uncertainty import sampled_members
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.runtime.random_streams import ENSEMBLE, random_stream
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.checks import unknown_elements
from ase_rfhgn.structures.frame_graphs import GraphedFrame

Model = TypeVar("Model", Potential, PhaseSpacePotential)


def update(fitted: Model, frames: Frames, bonds: AnyBonds = None) -> Model:
    """Return the model of a fit to the old frames and to more frames.

    Features, prior, ridges and weights stay. The cost does not depend on the number of old frames.

    Parameters
    ----------
    fitted : Potential or PhaseSpacePotential
        A model that was fitted with ``updatable=True``.
    frames : path or iterable of ase.Atoms
        More labelled structures, of elements that the model knows.
    bonds : Bonds, or a sequence of Bonds, one per frame, optional
        Edges of these frames, for a phase-space model that was fitted with bonds.

    Raises
    ------
    UpdateError
        If the model was not fitted with ``updatable=True``.
    TrainingDataError
        If a frame cannot be used; the message names it.
    """
    with single_threaded():
        state = state_of(fitted, bonds)
        new = _read(state, frames)
        grown = state.system.with_rows(new.rows, new.fingerprint_i)
        return _rebuilt(fitted, replace(state, system=grown, model=_seen_by(state.model, new)), new, sign=1.0)


def downdate(fitted: Model, frames: Frames, bonds: AnyBonds = None) -> Model:
    """Return the model of a fit without some of the old frames.

    Parameters
    ----------
    fitted, frames, bonds
        As for `update`; the frames must be in the fit, with the same labels.

    Raises
    ------
    UpdateError
        If a frame is not in the fit, or too many digits would be lost.
    """
    with single_threaded():
        state = state_of(fitted, bonds)
        gone = _read(state, frames)
        refuse_strangers(state.system, gone.names, gone.fingerprint_i.tolist())
        if len(gone.names) == len(state.system.fingerprint_i):
            message = "these are all the frames of the fit: nothing would be left"
            raise UpdateError(message)
        shrunk = state.system.without_rows(gone.rows, gone.fingerprint_i)
        return _rebuilt(fitted, replace(state, system=shrunk), gone, sign=-1.0)


def reweighted(
    fitted: Model,
    *,
    ridge: float,
    energy_weight: float | None = None,
    force_weight: float | None = None,
    stress_weight: float | None = None,
    velocity_weight: float | None = None,
) -> Model:
    """Return the model of a fit to the same frames with a given ridge and other weights.

    Unlabelled structures are not used, as in every fit with a given ridge. Interval scales stay.

    Parameters
    ----------
    fitted : Potential or PhaseSpacePotential
        A model that was fitted with ``updatable=True``.
    ridge : float
        Strength of the prior on the scaled coefficients.
    energy_weight, force_weight, stress_weight, velocity_weight : float, optional
        Weights of energies, forces, stresses and velocities; a weight that is not given stays.

    Raises
    ------
    UpdateError
        If the model was not fitted with ``updatable=True``.
    SettingsError
        If a value is out of its range.
    """
    state = state_of(fitted, None)
    system = state.system
    given = {"energy": energy_weight, "force": force_weight, "stress": stress_weight, "velocity": velocity_weight}
    chosen = dict(system.weights) | {kind: weight for kind, weight in given.items() if weight is not None}
    if not (np.isfinite(ridge) and ridge > 0.0) or min(chosen.values()) < 0.0 or not any(chosen.values()):
        message = (
            f"ridge {ridge} and weights {chosen}: the ridge must be positive, no weight negative, and one not zero"
        )
        raise SettingsError(message)
    with single_threaded():
        spread_f = state.model.prior(system.column_norms(chosen))
        changed = replace(system, weights=chosen, spread_f=spread_f, ridge=ridge)
        changed = replace(changed, teacher_ridge=None, unlabelled=None, far=None)
        return _rebuilt(fitted, replace(state, system=changed), None, sign=0.0)


@dataclass(frozen=True, slots=True)
class _Changes:
    """Contributions of frames: rows, fingerprints, sites, and densities of neighbours."""

    names: list[str]
    rows: list[dict[str, FloatArray]]
    fingerprint_i: IntArray
    n_atoms: int
    use_i: dict[int, LabelUse]
    sites: list[tuple[FloatArray, IntArray]]
    density_s: FloatArray


def _read(state: FitState, frames: Frames) -> _Changes:
    """Return the contributions of frames to a linear system."""
    model = state.model
    names, rows, prints, sites, n_atoms = [], [], [], [], 0
    density_s = np.zeros(model.layout.n_species)
    use_i: dict[int, LabelUse] = {}
    for item in state.frames(frames):
        _refuse_unknown(model, item)
        rows.append(state.rows(item))
        described = model.descriptors(item)
        if described is not None:
            sites.append(described)
        _raise_densities(model, item, density_s)
        names.append(item.frame.name)
        prints.append(item.frame.fingerprint)
        n_atoms += item.graph.n_atoms
        use_i[item.index] = LabelUse.of(item.frame)
    return _Changes(names, rows, np.array(prints), n_atoms, use_i, sites, density_s)


def _refuse_unknown(model: LinearModel, item: GraphedFrame) -> None:
    """Refuse elements that a potential does not know; phase-space models check nodes themselves."""
    if not isinstance(model, SphericalModel):
        return
    unknown = unknown_elements(item.frame.atoms, model.fields.species_s)
    if unknown:
        message = f"{item.frame.name}: the potential does not know {', '.join(unknown)}: fit anew with this frame"
        raise TrainingDataError(message)


def _raise_densities(model: LinearModel, item: GraphedFrame, density_s: FloatArray) -> None:
    """Raise the largest densities of neighbours to those of a frame, in place."""
    if isinstance(model, SphericalModel) and model.fields.density_limit is not None:
        species_n = np.searchsorted(model.fields.species_s, item.graph.number_n)
        np.maximum.at(density_s, species_n, model.fields.density_limit.density(item.graph))


def _seen_by(model: LinearModel, new: _Changes) -> LinearModel:
    """Return the model whose density limit is beyond the densities of new frames."""
    if not isinstance(model, SphericalModel) or model.fields.density_limit is None:
        return model
    return replace(model, fields=_with_densities(model.fields, new.density_s))


def _with_densities(fields: SphericalFields, density_s: FloatArray) -> SphericalFields:
    """Return features that are held above larger densities only."""
    limit = fields.density_limit
    assert limit is not None  # noqa: S101  # told by the caller
    raised = replace(limit, largest_density_s=np.maximum(limit.largest_density_s, density_s))
    return replace(fields, density_limit=raised)


def _rebuilt(fitted: Model, state: FitState, changed: _Changes | None, sign: float) -> Model:
    """Return the model of a changed linear system."""
    system, ensemble = state.system, fitted.ensemble
    solved = system.regression().solve()
    rng = random_stream(fitted.record["settings"]["seed"], ENSEMBLE, len(system.fingerprint_i))
    solution = Solution(
        coefficient_f=solved.coefficient_f,
        member_ef=sampled_members(solved.restricted(state.model.reduced_columns), rng),
        interval_scale={} if ensemble is None else ensemble.interval_scale,
        domain=_domain(fitted, changed, sign),
        record=_record(fitted.record, system, solved.coefficient_f, changed, sign),
        linear_system=system.as_arrays(),
    )
    rebuilt = state.model.finish(solution)
    assert isinstance(rebuilt, type(fitted))  # noqa: S101  # of the same kind
    return rebuilt if ensemble is not None else replace(rebuilt, ensemble=None)


def _domain(fitted: AnyModel, changed: _Changes | None, sign: float) -> Domain | None:
    """Return the neighbourhoods that the frames of a changed fit have."""
    if not isinstance(fitted, Potential) or fitted.ensemble is None:
        return None
    domain = fitted.ensemble.domain
    for descriptor_nd, species_n in [] if changed is None else changed.sites:
        domain = domain.extended(descriptor_nd, species_n, sign=sign)
    return domain


def _record(
    record: Mapping[str, Any], system: LinearSystem, coefficient_f: FloatArray, changed: _Changes | None, sign: float
) -> dict[str, Any]:
    """Return the record of a changed fit, without entries that only a fit from scratch knows."""
    errors = system.root_mean_squares(coefficient_f)
    n_atoms = 0 if changed is None else int(sign) * changed.n_atoms
    return (
        dict(record)
        | _changed_labels(record, system, changed, int(sign))
        | {
            "n_frames": len(system.fingerprint_i),
            "n_atoms": record["n_atoms"] + n_atoms,
            "weights": dict(system.weights),
            "ridge": system.ridge,
            "teacher_ridge": system.teacher_ridge,
            "train_rmse": {kind: UNITS[kind] * errors[kind] for kind in KINDS if kind in errors},
            "cross_validation_rmse": {},
            "ridge_path": {},
        }
    )


def _changed_labels(
    record: Mapping[str, Any], system: LinearSystem, changed: _Changes | None, sign: int
) -> dict[str, Any]:
    """Return the counts of labels and groups after a change of the frames."""
    if changed is None or "labels" not in record:
        return {}
    weight_i = {
        i: {kind: float(system.weigh(fingerprint, kind, 1).max()) for kind in KINDS}
        for i, fingerprint in enumerate(changed.fingerprint_i.tolist())
    }
    found = label_record(changed.use_i, weight_i, system.weights)
    return {key: changed_counts(record.get(key, {}), entries, sign) for key, entries in found.items()}
