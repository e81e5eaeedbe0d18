"""Sections of a report about errors on test frames, error bars, learning curves and the worst frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.models.uncertainty import PredictedUncertainty
from ase_rfhgn.reports.behaviour_plots import (
    plot_error_over_atoms,
    plot_error_over_force,
    plot_grades,
    plot_learning_curve,
)
from ase_rfhgn.reports.comparison import Comparison, errors_of, parities_of, reliability_of
from ase_rfhgn.reports.metrics import Errors
from ase_rfhgn.reports.page.document import Block, Figure, Note, Section, Table
from ase_rfhgn.reports.page.images import picture, plot
from ase_rfhgn.reports.page.words import ERROR_HEAD, error_row, number, percent
from ase_rfhgn.reports.plots import plot_errors, plot_parity, plot_reliability
from ase_rfhgn.reports.worst_frames import FrameErrors, worst_frames

FEWEST_POINTS = 2
"""Points from which there is a learning curve."""

WORST = 6
"""Frames that are shown as the worst ones."""


def errors(comparisons: Sequence[Comparison]) -> Section:
    """Return the section about errors on test frames, by group and by element."""
    if not comparisons:
        return Section("errors", "Errors on test frames")
    found = errors_of(comparisons)
    groups = found.by_group.items() if len(found.by_group) > 1 else ()
    rows = [error_row("all frames", found), *(error_row(name, one) for name, one in groups)]
    blocks: list[Block] = [Table(ERROR_HEAD, rows, "Errors on test frames, by group")]
    if found.by_element:
        cells = [
            (symbol, number(one.force_rmse), number(one.force_mae), str(one.n_atoms))
            for symbol, one in found.by_element.items()
        ]
        head = ("element", "force RMSE (eV/Å)", "MAE (eV/Å)", "atoms")
        blocks.append(Table(head, cells, "Errors of forces by element"))
    blocks += [
        plot(
            partial(plot_parity, parity),
            f"Predicted over labelled {parity.quantity}: points, or counts in hexagons. On the line, they agree.",
        )
        for parity in parities_of(comparisons)
    ]
    return Section("errors", "Errors on test frames", [*blocks, *_by_size(comparisons)])


def _by_size(comparisons: Sequence[Comparison]) -> Iterator[Figure]:
    frames = [FrameErrors.of(one) for one in comparisons]
    if any(one.force_rmse is not None for one in frames):
        caption = "Length of the error of a force over that of the force. Where the median is flat, errors do not grow."
        yield plot(partial(plot_error_over_force, comparisons), caption)
    sizes = {len(one.comparison.frame.atoms) for one in frames if one.force_rmse}
    if len(sizes) > 1:
        yield plot(partial(plot_error_over_atoms, frames), "Error of the forces of a frame over its number of atoms.")


def error_bars(comparisons: Sequence[Comparison]) -> Section:
    """Return the section about predicted uncertainties."""
    reliability = reliability_of(comparisons)
    if reliability is None:
        return Section("error-bars", "Error bars")
    share = percent(reliability.within(1.0))
    blocks: list[Block] = [
        Note(
            "A predicted uncertainty is the half-width of an interval that should hold 68 % of the errors. "
            f"On these frames, {share} of the errors of force components lie within it."
        ),
        plot(
            partial(plot_errors, reliability),
            "Error of every force component over its predicted uncertainty. 68 % should lie below the line. "
            "If more lie below it, error bars are too wide. If fewer do, they are too narrow.",
        ),
        plot(
            partial(plot_reliability, reliability),
            "Reliability: 68 % quantile of the errors over the predicted uncertainty, in groups of equal size. "
            "On the line, error bars are right. Above it, they are too narrow.",
        ),
    ]
    return Section("error-bars", "Error bars", blocks)


def grades(comparisons: Sequence[Comparison]) -> Section:
    """Return the section about extrapolation grades of test frames."""
    known = [
        (np.array(one.frame.atoms.get_chemical_symbols()), one.evaluation.uncertainty.grade_n)
        for one in comparisons
        if isinstance(one.evaluation.uncertainty, PredictedUncertainty)
    ]
    if not known:
        return Section("grades", "Extrapolation grades")
    symbol_n, grade_n = (np.concatenate(column) for column in zip(*known, strict=True))
    by_element = [(symbol, grade_n[symbol_n == symbol]) for symbol in np.unique(symbol_n).tolist()]
    rows = [
        (symbol, number(float(np.median(one))), number(float(one.max())), percent(float(np.mean(one > 1.0))))
        for symbol, one in by_element
    ]
    blocks: list[Block] = [
        Table(
            ("element", "median", "highest", "share above 1"),
            rows,
            "Extrapolation grades of the atoms of the test frames",
        ),
        plot(
            partial(plot_grades, by_element),
            "Extrapolation grades. Above 1 (dashed), an atom is unlike almost all atoms of the training frames.",
        ),
    ]
    return Section("grades", "Extrapolation grades", blocks)


def learning_curve(points: Sequence[tuple[int, Errors]], note: str) -> Section:
    """Return the section about errors with fewer training frames.

    Parameters
    ----------
    points : sequence of pairs of int and Errors
        Numbers of frames of fits, and errors on frames that were left out of them.
    note : str
        How the points were made.
    """
    if len(points) < FEWEST_POINTS:
        return Section("learning-curve", "Learning curve", [Note(note, is_warning=True)] if note else [])
    rows = [error_row(str(n_frames), one) for n_frames, one in points]
    figure = plot(
        partial(plot_learning_curve, points),
        "Errors on frames left out of the fit. If the curve still falls at its end, more such frames help.",
    )
    head = ("frames of the fit", *ERROR_HEAD[1:])
    return Section("learning-curve", "Learning curve", [Note(note), figure, Table(head, rows)])


def worst(comparisons: Sequence[Comparison], model: AnyModel) -> Section:
    """Return the section about the frames with the largest errors, with a picture of each."""
    found = worst_frames(comparisons, WORST)
    rows, pictures = [], []
    for one in found:
        frame, uncertainty = one.comparison.frame, one.comparison.evaluation.uncertainty
        formula = frame.atoms.get_chemical_formula()
        grade = number(float(uncertainty.grade_n.max())) if isinstance(uncertainty, PredictedUncertainty) else "–"
        errors = (number(one.force_rmse), number(one.worst_error), number(one.energy_error), grade)
        rows.append((frame.name, formula, *errors))
        place = f"; the cross marks atom {one.worst_atom}, whose force is wrong by {number(one.worst_error)} eV/Å"
        caption = f"{frame.name}: {formula}{'' if one.worst_atom is None else place}."
        pictures.append(picture(frame.atoms, caption, one.worst_atom))
    head = ("frame", "formula", "force RMSE (eV/Å)", "worst force (eV/Å)", "energy error (meV/atom)", "highest grade")
    blocks: list[Block] = [Table(head, rows, "Frames with the largest errors")] if rows else []
    advice = (
        "Frames with large errors and grades below 1 may have wrong labels. "
        "With grades above 1, the model extrapolates: add such frames to the fit."
    )
    if rows and isinstance(model, Potential):
        blocks.append(Note(advice))
    return Section("worst", "Worst frames", [*blocks, *pictures])
