"""The model card of a report: data, settings, units, range of validity, fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ase.data import chemical_symbols

from ase_rfhgn.models.extrapolation import FAR_GRADE
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.distances import RadialDistribution
from ase_rfhgn.reports.page.document import Block, Note, Section, Table
from ase_rfhgn.reports.page.words import number

UNITS = (
    "energies in eV, forces in eV/Å, stresses in eV/Å³ and positive in tension; errors below in meV/atom, eV/Å and GPa"
)


def card(model: AnyModel, source: str, program: str) -> Section:
    """Return the section about a model and its fit.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    source : str
        Name of its file.
    program : str
        Name and version of the program that made the report.
    """
    record = model.record
    rows = [
        ("file", source),
        ("fingerprint", model.fingerprint),
        ("kind", model.kind),
        ("elements", " ".join(record.get("elements", ["?"]))),
        ("cutoff", "none, edges are bonds" if model.cutoff is None else f"{number(model.cutoff)} Å"),
        ("training data", _data(record)),
        ("fitted to", f"{record.get('targets', 'labels')}; energies are {record.get('energies', 'absolute')}"),
        ("size", f"{record.get('n_features', '?')} coefficients"),
        ("ridge", f"{number(record.get('ridge'))}, chosen by {record.get('ridge_choice', 'hand')}"),
        ("cost of the fit", f"{number(record.get('fit_cpu_seconds'))} s of CPU"),
        ("units", UNITS),
        ("report made by", program),
    ]
    blocks: list[Block] = [Table(("", ""), rows, "The model")]
    blocks += _record_errors(record)
    blocks += [Table(("setting", "value"), _settings(model), "Settings of the fit; – stands for the default")]
    blocks += [Note(one["line"], is_warning=True) for one in record.get("suspicions", [])]
    return Section("card", "Model card", blocks)


def validity(model: AnyModel, train: Sequence[RadialDistribution] | None) -> Section:
    """Return the section about where a model holds.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    train : sequence of RadialDistribution, optional
        Distances in the training frames.
    """
    if not isinstance(model, Potential):
        return Section("validity", "Range of validity")
    symbols = [chemical_symbols[number] for number in model.species_s.tolist()]
    radius_b, size = model.baseline.core.radius_b, len(symbols)
    shortest = {frozenset((one.first, one.second)): one.shortest for one in train or ()}
    rows = []
    for i, first in enumerate(symbols):
        for j, second in enumerate(symbols[i:], start=i):
            seen = shortest.get(frozenset((first, second)))
            rows.append((f"{first}–{second}", number(radius_b[size * i + j]), number(seen)))
    blocks: list[Block] = [
        Note(
            "The model holds for structures of these elements whose neighbourhoods are like those of the training "
            "frames. Look at extrapolation grades: above 1, an atom is unlike almost all training data. "
            "Structures with other elements are refused. Atoms farther apart than the cutoff do not interact."
        ),
        Table(
            ("pair", "short-range repulsion below (Å)", "shortest in the training frames (Å)"), rows, "Short distances"
        ),
    ]
    blocks += _stability(model.record.get("stability"))
    return Section("validity", "Range of validity", blocks)


def _data(record: Mapping[str, Any]) -> str:
    groups = ", ".join(f"{name} {count}" for name, count in record.get("groups", {}).items())
    text = f"{record.get('n_frames', '?')} frames with {record.get('n_atoms', '?')} atoms"
    return f"{text}; by group: {groups}" if groups else text


def _record_errors(record: Mapping[str, Any]) -> Iterable[Table]:
    kinds = {"energy": "meV/atom", "force": "eV/Å", "stress": "GPa", "velocity": "Å per ASE time", "motion": "eV/Å"}
    train, left_out = record.get("train_rmse", {}), record.get("cross_validation_rmse", {})
    rows = [
        (f"{kind} ({unit})", number(train[kind]), number(left_out.get(kind)))
        for kind, unit in kinds.items()
        if kind in train
    ]
    if rows:
        yield Table(("RMSE", "training frames", "frames left out"), rows, "Errors during the fit")


def _settings(model: AnyModel) -> list[tuple[str, str]]:
    """Return settings; those of the features as they are, whether they were given or chosen."""
    settings = model.record.get("settings", {}) | model.resolved_settings
    return [(str(name), "–" if value is None else str(value)) for name, value in settings.items()]


def _stability(test: Mapping[str, Any] | None) -> Iterable[Note]:
    if not test:
        return
    runs = f"{test['n_runs']} short runs of {test['femtoseconds']:.0f} fs from {test['temperature']:.0f} K"
    if test["burst"]:
        yield Note(f"The fit tried molecular dynamics ({runs}), and it burst: {test['burst']}", is_warning=True)
    else:
        distance, grade = number(test["shortest_distance"]), number(test["grade"])
        yield Note(
            f"The fit tried molecular dynamics ({runs}), and it was stable. "
            f"The shortest distance was {distance} Å, the highest extrapolation grade {grade}."
        )
        if test["grade"] > FAR_GRADE:
            yield Note(
                f"Above a grade of {FAR_GRADE} nothing in training is alike: longer runs may burst.", is_warning=True
            )
