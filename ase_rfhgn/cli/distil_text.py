"""Text of the command ``ase-rfhgn distil``."""

from __future__ import annotations

from ase_rfhgn.cli.text import Report, describe_test, number_text


def describe_distil(report: Report) -> str:
    """Return stages, calls, warnings and errors of a distillation."""
    parts = ", ".join(f"{reason} {count}" for reason, count in report["calls_by_reason"].items())
    return "\n".join(
        [
            *(_stage(name, stage) for name, stage in report["stages"].items()),
            *(f"warning: {line}" for line in report["warnings"]),
            f"{report['calls']} calls of the reference: {parts}",
            describe_test(report["test"]) if report["test"] else "no test",
            f"potential {report['model']}, frames in {report['directory']}",
        ]
    )


def _stage(name: str, stage: Report) -> str:
    """Return one line about a stage."""
    pressure = "" if stage["pressure_gpa"] is None else f", mean pressure {number_text(stage['pressure_gpa'])} GPa"
    lindemann = "" if stage["lindemann"] is None else f", Lindemann ratio {number_text(stage['lindemann'])}"
    return f"{name}: {stage['end']}, {stage['calls']} calls{pressure}{lindemann}"
