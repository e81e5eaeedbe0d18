"""Small fits of potentials: a few features, one kind of label, every group of frames left out in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.blocks import Polynomials
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.reduced import reduced_fields
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.grouping import Group
from ase_rfhgn.fitting.linear_model import KINDS
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.regression.cross_validation import choose_ridge, left_out_score
from ase_rfhgn.regression.triangular import solve, stack

RIDGES = tuple(10.0**power for power in range(-10, 1, 2))
"""Ridges that are tried."""

TOLERANCE = 0.05
"""Excess of the cross-validated sum of squares that the ridge may have."""


@dataclass(frozen=True, slots=True)
class SmallFit:
    """A small fit.

    Attributes
    ----------
    polynomials : Polynomials
        Its coefficients.
    one_body_s : ndarray of shape (n_species,)
        One-body energies, beside those of the baseline (eV).
    """

    polynomials: Polynomials
    one_body_s: FloatArray


@dataclass(frozen=True, slots=True)
class SmallFits:
    """Small fits to some kinds of labels.

    Attributes
    ----------
    left_out : mapping of Group to SmallFit
        The fit without each of the groups that are left out.
    everything : SmallFit
        The fit to all frames.
    knows_energies : bool
        Whether energies were among the labels.
    """

    left_out: Mapping[Group, SmallFit]
    everything: SmallFit
    knows_energies: bool

    def without(self, group: Group) -> SmallFit:
        """Return the fit that does not know a group, or knows all where this group is never left out."""
        return self.left_out.get(group, self.everything)


def small_fields(model: SphericalModel) -> SphericalFields:
    """Return the features of small fits, the reduced basis of a model.

    Parameters
    ----------
    model : SphericalModel
        The model of the fit.
    """
    n_reduced = (len(model.reduced_columns) - model.layout.n_one_body) // model.layout.n_species
    return reduced_fields(model.fields, n_reduced // (model.fields.degree + 2))


def small_fits(
    model: SphericalModel, factors: Factors, kinds: tuple[str, ...], weights: Mapping[str, float]
) -> SmallFits:
    """Return small fits to some kinds of labels alone.

    Parameters
    ----------
    model : SphericalModel
        The model of the fit; the features of its reduced-basis ensemble are used.
    factors : Factors
        Rows of all frames.
    kinds : tuple of str
        Kinds of labels.
    weights : mapping of str to float
        Weight of each kind.
    """
    chosen = {kind: weights[kind] for kind in kinds}
    column_f = model.reduced_columns
    if "energy" not in kinds:
        column_f = column_f[model.layout.n_one_body :]
    spread_f = spread_of(model, factors, chosen, column_f)
    row_g = {group: rows_of_group(factors, group, chosen, column_f) for group in factors.by_group}
    folds = [group for group in factors.grouping.left_out if group in row_g]
    rests = {fold: stack([row_g[group] for group in row_g if group != fold]) for fold in folds}
    score = left_out_score(list(rests.values()), [row_g[fold] for fold in folds], spread_f)
    ridge = choose_ridge(score, RIDGES, TOLERANCE).ridge

    fields = small_fields(model)

    def fitted(row_mf: FloatArray) -> SmallFit:
        return _small_fit(fields, solve(row_mf, spread_f, ridge), has_one_body="energy" in kinds)

    # several kinds of labels are asked about a kind that is not among them: nothing has to be left out
    left_out = {fold: fitted(rest) for fold, rest in rests.items()} if len(kinds) == 1 else {}
    return SmallFits(left_out, fitted(stack(list(row_g.values()))), "energy" in kinds)


def spread_of(model: SphericalModel, factors: Factors, weights: Mapping[str, float], column_f: IntArray) -> FloatArray:
    """Return the prior spread of the coefficients of some columns, for some kinds of labels.

    Parameters
    ----------
    model, factors, weights
        As for `small_fits`; kinds without a weight do not count.
    column_f : ndarray
        The columns.
    """
    spread_f: FloatArray = model.prior(factors.column_norms(dict.fromkeys(KINDS, 0.0) | dict(weights)))[column_f]
    return spread_f


def rows_of_group(factors: Factors, group: Group, weights: Mapping[str, float], column_f: IntArray) -> FloatArray:
    """Return the triangular factor of the rows of a group over some columns and the right-hand side.

    Parameters
    ----------
    factors : Factors
        Rows of all frames.
    group : Group
        The group.
    weights : mapping of str to float
        Weights of the kinds of labels that count.
    column_f : ndarray
        The columns.
    """
    chosen_f = np.append(column_f, factors.layout.n_columns)
    by_kind = factors.by_group[group]
    used = [(by_kind[kind], weight) for kind, weight in weights.items() if kind in by_kind]
    parts = [factor.wide_rows(factors.layout.n_columns, weight)[:, chosen_f] for factor, weight in used]
    triangle_ff = np.zeros((len(chosen_f), len(chosen_f)), order="F")
    if parts:
        factor_mf = np.linalg.qr(np.concatenate(parts), mode="r")
        triangle_ff[: len(factor_mf)] = factor_mf
    return triangle_ff


def _small_fit(fields: SphericalFields, coefficient_f: FloatArray, *, has_one_body: bool) -> SmallFit:
    n_species = len(fields.species_s)
    n_one_body = n_species if has_one_body else 0
    one_body_s = coefficient_f[:n_species] if has_one_body else np.zeros(n_species)
    return SmallFit(fields.polynomials(coefficient_f[n_one_body:].reshape(n_species, -1)), one_body_s)
