"""Text of the command ``ase-rfhgn info``: a model in plain words, with resolved settings and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ase.units import fs

from ase_rfhgn.cli.text import LABEL_WIDTH, UNITS, Report, describe_labels, describe_stability, error_table, number_text

_MORE_UNITS = {"motion": "eV/Å", "velocity": "Å per ASE time"}
_TOLD = {
    *(
        "kind",
        "fingerprint",
        "elements",
        "n_frames",
        "n_atoms",
        "n_features",
        "settings",
        "resolved",
        "cutoff",
        "weights",
        "groups",
    ),
    *("ridge", "ridge_choice", "ridge_path", "teacher_ridge", "train_relative_rms", "labels", "targets", "energies"),
    *("train_rmse", "cross_validation_rmse", "test", "stability", "suspicions", "updatable"),
    *("fit_cpu_seconds", "fit_wall_seconds"),
}
"""Entries that have a line of their own; others are printed as they are."""


def describe_model(report: Report) -> str:
    """Return the contents of a model file in plain words.

    Parameters
    ----------
    report : dict
        Record of the model, and its kind, resolved settings, and whether it can be updated.
    """
    lines = [f"{label:<{LABEL_WIDTH}}{text}" for label, text in _entries(report) if text]
    return "\n".join([*lines, *_errors(report), *_rest(report)])


def _entries(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the lines of a model, as label and text."""
    yield "kind", report["kind"]
    yield "fingerprint", report["fingerprint"]
    yield "elements", " ".join(report.get("elements", []))
    if "n_frames" in report:
        yield (
            "fitted to",
            f"{report.get('targets', 'labels')} of {report['n_frames']} frames, {report['n_atoms']} atoms",
        )
    yield "groups of frames", _joined(report.get("groups", {}))
    if "labels" in report:
        for line in describe_labels(report["labels"]).splitlines():
            label, _, text = line.partition(": ")
            yield label, text
    yield "settings", _settings(report)
    yield "features", str(report.get("n_features", ""))
    yield "weights", _joined(report.get("weights", {}))
    if "ridge" in report:
        yield "ridge", f"{number_text(report['ridge'])} ({report.get('ridge_choice', 'given')})"
    yield "energies", report.get("energies", "")
    yield "updatable", "yes" if report["updatable"] else "no"
    if "fit_wall_seconds" in report:
        yield "fit", f"{report['fit_wall_seconds']:.1f} s ({report['fit_cpu_seconds']:.1f} s of CPU)"
    yield "stability", describe_stability(report).strip()
    for one in report.get("suspicions", []):
        yield "warning", one["line"]


def _settings(report: Report) -> str:
    """Return settings that were given, and values of features, whether they were given or chosen."""
    given = {name: value for name, value in report.get("settings", {}).items() if value is not None}
    if "timestep" in given:
        given["timestep"] = f"{given['timestep'] / fs:.4g} fs"
    return _joined(given | {name: value for name, value in report["resolved"].items() if value is not None})


def _errors(report: Report) -> Iterator[str]:
    """Yield a table of errors, and errors of equations of motion, which are in no table."""
    found = {"training": report.get("train_rmse", {}), "cross-validation": report.get("cross_validation_rmse", {})}
    rows: dict[str, Mapping[str, Any]] = {
        name: {f"{kind}_rmse": errors[kind] for kind in UNITS if kind in errors} for name, errors in found.items()
    }
    rows |= {"test": report["test"]} if "test" in report else {}
    if any(rows.values()):
        yield ""
        yield error_table({name: errors for name, errors in rows.items() if errors})
    for name, errors in found.items():
        more = {kind: f"{number_text(errors[kind])} {unit}" for kind, unit in _MORE_UNITS.items() if kind in errors}
        if more:
            yield f"{name + ' RMSE':<{LABEL_WIDTH}}{_joined(more)}"
    if "test" in report:
        fraction = report["test"].get("fraction")
        share = "" if fraction is None else f", a share of {fraction:g} that was left out"
        yield f"{'test frames':<{LABEL_WIDTH}}{report['test'].get('frames', '')}{share}"


def _rest(report: Report) -> Iterator[str]:
    """Yield entries that this program does not know."""
    for name, value in report.items():
        if name not in _TOLD:
            yield f"{name:<{LABEL_WIDTH}}{_value(value)}"


def _joined(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return " ".join(_value(entry) for entry in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
