"""The protocol of linear models: columns, rows, a prior, and a way to become a fitted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import GraphedFrame

KINDS = ("energy", "force", "stress", "velocity", "motion")
"""Kinds of rows: eV/atom, eV/Å, eV/Å³, Å per ASE time, and mean forces between frames in eV/Å."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of the linear system: one-body energies, if there are any, then the features of every species.

    Attributes
    ----------
    n_species, n_features : int
        Number of species, and of features per species.
    has_one_body : bool, default True
        Whether one-body energies have columns.
    """

    n_species: int
    n_features: int
    has_one_body: bool = True

    @property
    def n_one_body(self) -> int:
        """Number of columns of one-body energies."""
        return self.n_species if self.has_one_body else 0

    @property
    def n_columns(self) -> int:
        """Number of columns without the right-hand side."""
        return self.n_one_body + self.n_species * self.n_features

    def columns(self, system: tuple[int, ...]) -> IntArray:
        """Return the columns that frames of some species touch, the right-hand side last."""
        one_body = [np.array(system)] if self.has_one_body else []
        features = [self.n_one_body + s * self.n_features + np.arange(self.n_features) for s in system]
        return np.concatenate([*one_body, *features, [self.n_columns]]).astype(np.int64)

    def split(self, coefficient_f: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return one-body energies (n_species,) and coefficients (n_species, n_features)."""
        return coefficient_f[: self.n_one_body], coefficient_f[self.n_one_body :].reshape(self.n_species, -1)


@dataclass(frozen=True, slots=True)
class RidgeSearch:
    """How the ridge of a kind of model is searched for.

    Attributes
    ----------
    ridges : tuple of float
        Ridges that are tried, ascending.
    tolerance : float
        Relative excess of the cross-validated sum of squares that the choice may have.
    default : float
        Ridge if there are too few frames to leave any out.
    """

    ridges: tuple[float, ...]
    tolerance: float
    default: float


@dataclass(frozen=True, slots=True)
class Solution:
    """Solution of a fit; `LinearModel.finish` makes a fitted model of it.

    Attributes
    ----------
    coefficient_f : ndarray of shape (n_columns,)
        The coefficients.
    member_ef : ndarray of shape (n_members, n_reduced_columns)
        Deviations of the coefficients of an ensemble, over the columns of `LinearModel.reduced_columns`.
    interval_scale : mapping of str to ndarray of shape (2,)
        Interval scales of the ensemble by kind of rows: half-widths of the 68 % and 95 % intervals per unit of spread.
    domain : Domain or None
        Neighbourhoods of the training data; None if the model has no grade.
    record : dict
        Training record for the model file.
    linear_system : mapping of str to ndarray, optional
        Linear system, for updates of the model.
    """

    coefficient_f: FloatArray
    member_ef: FloatArray
    interval_scale: Mapping[str, FloatArray]
    domain: Domain | None
    record: dict[str, Any] = field(default_factory=dict)
    linear_system: Mapping[str, NDArray[Any]] | None = None


class LinearModel(Protocol):
    """A model that is linear in its coefficients, before these are known."""

    @property
    def layout(self) -> Layout:
        """Columns of its linear system."""

    @property
    def search(self) -> RidgeSearch:
        """How its ridge is searched for."""

    @property
    def reduced_columns(self) -> IntArray:
        """Columns of the reduced-basis ensemble that predicts uncertainties."""

    @property
    def baseline_s(self) -> FloatArray:
        """One-body energies that are subtracted from labels (eV), one per species, or none."""

    @property
    def parameters(self) -> FloatArray:
        """Numbers from which it is made again, besides the contents of the fitted model."""

    @property
    def nothing_seen(self) -> Domain | None:
        """Domain of no training sites, None if the model has no grade."""

    def graphed(self, index: int, frame: Frame) -> GraphedFrame:
        """Return a frame with the graph that the features see, checked."""

    def encoded(self, item: GraphedFrame) -> GraphedFrame:
        """Return a frame with the work that `rows` and `descriptors` share, if there is any."""

    def rows(self, items: Sequence[GraphedFrame], system: tuple[int, ...]) -> list[dict[str, FloatArray]]:
        """Return the rows of every kind of label that frames have, right-hand side last.

        Parameters
        ----------
        items : sequence of GraphedFrame
            Frames that are dealt with together.
        system : tuple of int
            Species that have columns.
        """

    def size(self, item: GraphedFrame) -> float:
        """Return the size of a frame: frames up to a sum of 1 are dealt with together."""

    def prior(self, norm_f: FloatArray) -> FloatArray:
        """Return the prior spread of the coefficients for given norms of the weighted columns."""

    def descriptors(self, item: GraphedFrame) -> tuple[FloatArray, IntArray] | None:
        """Return descriptors and species of the atoms of a frame, None if the model has no grade."""

    def finish(self, solution: Solution) -> AnyModel:
        """Return the model of a solution."""

    def forces(self, model: AnyModel, item: GraphedFrame) -> FloatArray:
        """Return the forces of a fitted model of this kind on a frame (eV/Å)."""
