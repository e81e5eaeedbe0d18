"""Figures: drawn on the axes that they are given, saved without a display."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.reports.comparison import Parity, Reliability
from ase_rfhgn.reports.plots import MANY_VALUES, plot_errors, plot_parity, plot_reliability, save_figure, scatter

pytestmark = pytest.mark.quick

FORCES = Parity("force", "eV/Å", np.array([-1.0, 0.0, 2.0]), np.array([-1.0, 0.3, 2.0]))
ENERGIES = Parity("energy", "eV/atom", np.array([-3.51, -3.49]), np.array([-3.50, -3.50]))


def test_parity_plot_draws_on_the_axes_it_is_given() -> None:
    axes = Figure().subplots()
    assert plot_parity(FORCES, axes) is axes
    points = axes.lines[0].get_xydata()
    np.testing.assert_array_equal(points, np.column_stack([FORCES.label_m, FORCES.prediction_m]))


def test_parity_plot_names_quantity_unit_and_error() -> None:
    axes = plot_parity(FORCES, Figure().subplots())
    assert axes.get_xlabel() == "labelled force (eV/Å)"
    assert axes.get_ylabel() == "predicted force (eV/Å)"
    assert axes.get_title() == "RMSE 0.173 eV/Å"


def test_energies_are_judged_in_millielectronvolts() -> None:
    assert plot_parity(ENERGIES, Figure().subplots()).get_title() == "RMSE 10 meV/atom"


@pytest.mark.parametrize("parity", [FORCES, ENERGIES], ids=lambda parity: parity.quantity)
def test_both_axes_show_every_point_on_the_same_scale(parity: Parity) -> None:
    axes = plot_parity(parity, Figure().subplots())
    low, high = axes.get_xlim()
    assert axes.get_ylim() == (low, high)
    assert low < min(parity.label_m.min(), parity.prediction_m.min())
    assert high > max(parity.label_m.max(), parity.prediction_m.max())


@pytest.mark.parametrize("value", [0.0, -3.5])
def test_a_single_value_has_an_axis_too(value: float) -> None:
    axes = plot_parity(Parity("energy", "eV/atom", np.array([value]), np.array([value])), Figure().subplots())
    low, high = axes.get_xlim()
    assert low < value < high


def test_figure_has_one_panel_per_quantity(tmp_path: Path) -> None:
    save_figure([FORCES], tmp_path / "one.png")
    save_figure([ENERGIES, FORCES], tmp_path / "two.png", title="Two quantities")
    save_figure([ENERGIES, FORCES, FORCES], tmp_path / "three.png", columns=2)
    one, two, three = (imread(tmp_path / f"{name}.png") for name in ("one", "two", "three"))
    height, width, _ = one.shape
    assert two.shape[:2] == (height, 2 * width)
    assert three.shape[:2] == (2 * height, 2 * width)


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="no frame has a label"):
        save_figure([], tmp_path / "parity.png")


def test_unknown_format_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"parity\.doc.*png"):
        save_figure([FORCES], tmp_path / "parity.doc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("logarithmic", [False, True])
def test_many_points_become_counts_in_hexagons(rng: np.random.Generator, *, logarithmic: bool) -> None:
    across_m, up_m = rng.uniform(0.1, 1.0, (2, MANY_VALUES + 1))
    axes = Figure().subplots()
    assert scatter(across_m, up_m, axes, ((0.1, 1.0), (0.1, 1.0)), logarithmic=logarithmic) is axes
    assert not axes.lines
    assert np.sum(np.asarray(axes.collections[0].get_array())) == MANY_VALUES + 1
    few = scatter(across_m[:-1], up_m[:-1], Figure().subplots(), ((0.1, 1.0), (0.1, 1.0)), logarithmic=logarithmic)
    assert np.asarray(few.lines[0].get_xdata()).shape == (MANY_VALUES,)


def test_true_half_widths_lie_on_the_line(rng: np.random.Generator) -> None:
    expected_m = 10.0 ** rng.uniform(-3.0, 0.0, 24_000)
    reliability = Reliability(np.abs(rng.normal(size=24_000)) * expected_m, expected_m)
    assert "68 % of errors below" in plot_errors(reliability, Figure().subplots()).get_title()
    for too_narrow in (1.0, 10.0):
        axes = plot_reliability(Reliability(too_narrow * reliability.error_m, expected_m), Figure().subplots())
        expected_i, error_i = np.asarray(axes.lines[0].get_xydata()).T
        np.testing.assert_allclose(error_i, too_narrow * expected_i, rtol=0.15)
