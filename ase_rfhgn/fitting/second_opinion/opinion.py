"""The second opinion of a fit: what small fits to some labels say about the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.linear_model import LinearModel
from ase_rfhgn.fitting.second_opinion.contradiction import contradiction
from ase_rfhgn.fitting.second_opinion.mixed_units import likeness, mixed_units
from ase_rfhgn.fitting.second_opinion.predictions import predictions
from ase_rfhgn.fitting.second_opinion.small_fit import small_fits
from ase_rfhgn.fitting.second_opinion.verdicts import (
    outlying_energies,
    outlying_forces,
    outlying_stresses,
    two_references,
    units_of_energies,
    units_of_stresses,
)
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.structures.doctor.suspicion import Suspicion, ranked
from ase_rfhgn.structures.frame_graphs import FrameGraphs

ENERGIES = frozenset({"energy units", "force units", "energy zeros", "references", "hidden variable"})
"""Suspicions after which energies judge nothing."""

GARBAGE = frozenset({"garbage", "close atoms", "force zeros"})
"""Suspicions after which forces that are unlike predictions say nothing new."""

STRESSES = frozenset({"stress units", "stress zeros"})
"""Suspicions after which stresses judge nothing."""


def second_opinion(
    model: LinearModel,
    factors: Factors,
    items: FrameGraphs,
    weights: Mapping[str, float],
    known: Collection[str] = (),
    energy_error: float = np.inf,
) -> tuple[Suspicion, ...]:
    """Return what small fits to some labels say against the others, the gravest first.

    Forces alone predict energies and stresses, and forces of frames left out. Without forces, energies
    predict stresses, and energies of frames left out. Nothing is said where no frames can be left out,
    and where a small fit predicts nothing.

    Parameters
    ----------
    model : LinearModel
        The model of the fit; only potentials get a second opinion.
    factors : Factors
        Rows of all frames.
    items : FrameGraphs
        The frames.
    weights : mapping of str to float
        Weight of every kind of label.
    known : collection of str
        Kinds of suspicions that are known already: what they are about judges nothing else.
    energy_error : float
        Error of energies left out of the fit to all labels (eV/atom).
    """
    if not isinstance(model, SphericalModel) or not factors.grouping.left_out:
        return ()
    if factors.n_rows("force"):
        return ranked(_from_forces(model, factors, items, weights, known, energy_error))
    if factors.n_rows("energy"):
        return ranked(_from_energies(model, factors, items, weights, energy_error))
    return ()


def _from_forces(
    model: SphericalModel,
    factors: Factors,
    items: FrameGraphs,
    weights: Mapping[str, float],
    known: Collection[str],
    energy_error: float,
) -> Iterator[Suspicion]:
    """Yield what fits to forces say about forces left out, about energies, and then about stresses."""
    kinds = [("force",), ("force", "energy"), ("force", "stress")]
    kinds = [chosen for chosen in kinds if all(factors.n_rows(kind) and weights.get(kind, 0.0) for kind in chosen[1:])]
    opinions = [small_fits(model, factors, chosen, {**weights, "force": 1.0}) for chosen in kinds]
    predicted = dict(zip(kinds, predictions(model, items, factors.grouping, opinions), strict=True))
    frames = predicted["force",]
    about_forces = list(mixed_units(frames, "force")) if GARBAGE.isdisjoint(known) else []
    yield from about_forces
    if about_forces or not likeness(frames, "force").is_good:
        return  # what forces predict is not to be trusted
    yield from outlying_forces(frames)
    doubts = [*units_of_energies(frames), *two_references(frames, with_volume=True, energy_error=energy_error)][:1]
    yield from doubts
    doubted = bool(doubts) or not ENERGIES.isdisjoint(known)
    has_energies = factors.n_rows("energy") > 0 and weights.get("energy", 0.0) > 0.0 and not doubted
    has_stresses = factors.n_rows("stress") > 0
    if has_stresses:
        of_others = predicted["force", "energy"] if has_energies else frames
        about_stresses = list(units_of_stresses(of_others))
        yield from about_stresses or outlying_stresses(of_others)
        has_stresses = weights.get("stress", 0.0) > 0.0 and not about_stresses and STRESSES.isdisjoint(known)
    if has_energies:
        of_others = predicted["force", "stress"] if has_stresses else frames
        yield from two_references(of_others, with_volume=not has_stresses, energy_error=energy_error)
        yield from outlying_energies(of_others, with_volume=not has_stresses)
        yield from contradiction(model, factors, weights, frames)


def _from_energies(
    model: SphericalModel, factors: Factors, items: FrameGraphs, weights: Mapping[str, float], energy_error: float
) -> Iterator[Suspicion]:
    """Yield what fits to energies say about energies left out, and about stresses."""
    fits = small_fits(model, factors, ("energy",), {**weights, "energy": 1.0})
    (frames,) = predictions(model, items, factors.grouping, [fits])
    yield from two_references(frames, with_volume=False, energy_error=energy_error)
    yield from outlying_energies(frames, with_volume=False)
    yield from units_of_stresses(frames)
