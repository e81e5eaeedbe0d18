"""Text of the command line: errors, models and the demonstration in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase_rfhgn.cli.copper_demo import (
    TRAIN_TEMPERATURES,
    UNSEEN_TEMPERATURES,
    CubicProperties,
    DemoResult,
    EnergyConservation,
)
from ase_rfhgn.models.extrapolation import FAR_GRADE

Report = dict[str, Any]
"""Results of a command: plain JSON values, the object that ``--json`` prints."""

UNITS = {"energy": "meV/atom", "force": "eV/Å", "stress": "GPa"}
LABEL_WIDTH, COLUMN_WIDTH = 24, 10


def error_table(errors_of_rows: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return a table of errors, one row per set of frames; a dash where there is no label.

    Parameters
    ----------
    errors_of_rows : mapping of str to mapping
        Name of each row, and its errors under the keys of `Errors.as_dict`.
    """
    heads = "".join(f"{f'{kind} {unit}':>{2 * COLUMN_WIDTH}}" for kind, unit in UNITS.items())
    keys = [f"{kind}_{measure}" for kind in UNITS for measure in ("rmse", "mae")] + ["n_frames", "n_atoms"]
    rows = [_row(label, [number_text(errors.get(key)) for key in keys]) for label, errors in errors_of_rows.items()]
    return "\n".join([" " * LABEL_WIDTH + heads, _row("", [*["RMSE", "MAE"] * len(UNITS), "frames", "atoms"]), *rows])


def describe_fit(report: Report) -> str:
    """Return the errors and the cost of a fit."""
    rows = _broken_down("training", report)
    rows |= {name: report[key] for key, name in _OTHER_ROWS.items() if report.get(key)}
    rows |= _broken_down("test", report.get("test"))
    return (
        f"{error_table(rows)}\n{_motion(report)}{describe_stability(report)}{describe_labels(report['labels'])}\n{_cost(report)}\n"
        f"potential {report['model']}"
    )


def describe_test(report: Report) -> str:
    """Return the errors of a potential on test frames."""
    return error_table(_broken_down("test", report))


def describe_labels(labels: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    """Return which labels were used and ignored, with numbers of frames: two lines."""
    lines = []
    for word in ("used", "ignored"):
        found = [f"{name} {count}" for kind in labels.values() for name, count in kind[word].items()]
        lines.append(f"labels {word}: {', '.join(found) or 'none'}")
    return "\n".join(lines)


def describe_selection(report: Report) -> str:
    """Return how many frames of a pool were picked."""
    return (
        f"picked {report['n_picked']} of {report['n_pool']} frames, of which {report['n_duplicates']} are copies of "
        f"others\nframes {report['frames']}"
    )


def describe_check(report: Report) -> str:
    """Return what looks wrong about frames, one line each, the gravest first."""
    counts = ", ".join(f"{count} with {kind}" for kind, count in report["labels"].items())
    lines = [f"{number}. {one['line']}" for number, one in enumerate(report["suspicions"], start=1)]
    return "\n".join([f"{report['frames']} frames, {counts}", *(lines or ["nothing looks wrong"])])


def describe_demo(result: DemoResult) -> str:
    """Return the results of the demonstration."""
    folder = result.folder
    errors = {"training": result.train_errors.as_dict(), "unseen": result.unseen_errors.as_dict()}
    return "\n".join(
        [
            f"Copper by EMT: fitted to strained crystals and to runs at {_temperatures(TRAIN_TEMPERATURES)};",
            f"the unseen frames are other, milder strains and runs at {_temperatures(UNSEEN_TEMPERATURES)}.",
            "",
            error_table(errors),
            _cost(result.fit_record),
            "",
            _properties_table({"fitted potential": result.properties, "EMT": result.reference}),
            "",
            _conservation(result.conservation),
            "",
            f"potential {folder / 'copper.npz'}, figure {folder / 'parity.png'}",
            f"frames {folder / 'copper_train.traj'}, {folder / 'copper_unseen.traj'}",
        ]
    )


_OTHER_ROWS = {"cross_validation": "cross-validation"}

MOST_ROWS = 20
"""Groups beyond which errors of every one of them are left to --json."""


def _broken_down(name: str, errors: Report | None) -> dict[str, Mapping[str, float | None]]:
    """Return rows of errors: of all frames, of every group of frames, and of every element where there are several."""
    if not errors:
        return {}
    groups, elements = errors.get("by_group", {}), errors.get("by_element", {})
    rows: dict[str, Mapping[str, float | None]] = {name: errors}
    rows |= {f"{name}, {group}": found for group, found in groups.items() if len(groups) <= MOST_ROWS}
    return rows | {f"{name}, {symbol}": found for symbol, found in elements.items()}


def _temperatures(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values) + " K"


def _properties_table(properties_of_rows: Mapping[str, CubicProperties]) -> str:
    lines = [_row("", ["a Å", "B GPa", "C11 GPa", "C12 GPa", "C44 GPa"])]
    for label, found in properties_of_rows.items():
        stiffness = [f"{value:.1f}" for value in (found.bulk_modulus, found.c11, found.c12, found.c44)]
        lines.append(_row(label, [f"{found.lattice_constant:.4f}", *stiffness]))
    return "\n".join(lines)


def _conservation(found: EnergyConservation) -> str:
    return (
        f"NVE with the fitted potential, {found.n_atoms} atoms, {found.picoseconds:.3g} ps: drift "
        f"{found.drift:.2g} meV/atom/ps, fluctuation {found.fluctuation:.2g} meV/atom"
    )


def _motion(report: Report) -> str:
    """Return the targets and errors of a fit without labels; nothing for a fit with labels."""
    if report["motion_rmse"] is None:
        return ""
    left_out = report["cross_validation"].get("motion_rmse")
    rest, left_out = (number_text(value) for value in (report["motion_rmse"], left_out))
    return (
        f"fitted to {report['targets']}, root mean square of the rest {rest} eV/Å, left out {left_out} eV/Å; "
        f"energies are {report['energies']}\n"
    )


def describe_stability(report: Report) -> str:
    """Return the result of the stability test; nothing for models without one."""
    test = report.get("stability")
    if not test:
        return ""
    outcome = (
        f"burst: {test['burst']}" if test["burst"] else f"stable, up to {number_text(test['highest_temperature'])} K"
    )
    doubt = f": above {FAR_GRADE} nothing in training is alike, and longer runs may burst"
    return (
        f"dynamics from {test['n_runs']} frames, {test['femtoseconds']:.0f} fs from {test['temperature']:.0f} K: "
        f"{outcome}, shortest distance {number_text(test['shortest_distance'])} Å, "
        f"extrapolation grade up to {test['grade']:.1f}{doubt if test['grade'] > FAR_GRADE else ''}\n"
    )


def _cost(report: Mapping[str, Any]) -> str:
    return (
        f"{report['n_features']} features, ridge {report['ridge']:.2g}, "
        f"fit {report['fit_wall_seconds']:.1f} s ({report['fit_cpu_seconds']:.1f} s of CPU)"
    )


def _row(label: str, cells: list[str]) -> str:
    clipped = label if len(label) < LABEL_WIDTH else f"{label[: LABEL_WIDTH - 2]}…"
    return f"{clipped:<{LABEL_WIDTH}}" + "".join(f"{cell:>{COLUMN_WIDTH}}" for cell in cells)


def number_text(value: float | None) -> str:
    """Return a number with three digits, a dash for None."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3g}"
