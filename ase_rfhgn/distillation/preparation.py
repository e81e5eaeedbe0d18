"""Preparation: cells that are labelled before any dynamics, over all temperatures and volumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.distillation.account import Account
from ase_rfhgn.distillation.cells import (
    Rattling,
    calm_cells,
    measured_rattling,
    rattled,
    rattled_cells,
    slabs,
    with_vacancy,
)
from ase_rfhgn.distillation.settings import DistillationSettings
from ase_rfhgn.distillation.starts import Start
from ase_rfhgn.distillation.volumes import Curve, add_extremes, measured_curve, scaled
from ase_rfhgn.runtime.progress import progress_bar

CALM, RATTLED, DEFECTS = 0.1, 0.16, 0.04
"""Shares of the calls for calm cells, for rattled cells, and for cells with vacancies or surfaces."""


@dataclass(frozen=True)
class Prepared:
    """A start structure and what was measured about it.

    Attributes
    ----------
    start : Start
        The structure.
    curve : Curve or None
        Energy over volume, of a crystal.
    variants : dict of str to ase.Atoms
        Structures with vacancies and surfaces, by name.
    """

    start: Start
    curve: Curve | None
    variants: dict[str, Atoms]


def prepared(
    start: Start, cell: Atoms, account: Account, settings: DistillationSettings, share: float, *, progress: bool
) -> Prepared:
    """Return a start structure after its prepared cells are labelled.

    Parameters
    ----------
    start : Start
        The structure.
    cell : ase.Atoms
        The cell that it is a repeat of.
    account : Account
        What asks the reference.
    settings : DistillationSettings
        Temperatures, pressures and calls.
    share : float
        Calls for this structure.
    progress : bool
        Whether to show progress on a terminal.
    """
    seed = (settings.seed, *start.frame.atoms.numbers.tolist())
    curve = measured_curve(start, account) if start.is_crystal else None
    rattling = measured_rattling(start, account, np.random.default_rng(seed))
    if curve is not None:
        volumes = np.sort([curve.at(*state)[0] for state in _extremes(settings)])
        add_extremes(start, volumes, account)
        calm = calm_cells(start, curve, volumes, round(CALM * share), (*seed, 1))
        label(account, settings, calm, "strained", progress=progress)
    cells = rattled_cells(start, curve, rattling, settings, round(RATTLED * share), (*seed, 2))
    label(account, settings, cells, "rattled", progress=progress)
    variants = dict(_variants(start, cell, curve, settings))
    for number, (name, atoms) in enumerate(variants.items()):
        n_cells = max(2, round(DEFECTS * share / max(len(variants) - 1, 1)))
        label(account, settings, _displaced(atoms, rattling, settings, n_cells, (*seed, 3, number)), name)
    return Prepared(start, curve, variants)


def label(
    account: Account,
    settings: DistillationSettings,
    cells: Iterable[Atoms],
    reason: str,
    *,
    progress: bool = False,
) -> None:
    """Ask the reference for structures, as long as calls are left for the test.

    Parameters
    ----------
    account : Account
        What asks the reference.
    settings : DistillationSettings
        Number of calls.
    cells : iterable of ase.Atoms
        The structures.
    reason : str
        Why: the group of the frames.
    progress : bool, default False
        Whether to show progress on a terminal.
    """
    for atoms in progress_bar(list(cells), reason, shown=progress):
        if account.left <= settings.test_calls:
            return
        atoms.info["config_type"] = reason
        account.ask(atoms, reason)


def _extremes(settings: DistillationSettings) -> Iterator[tuple[float, float]]:
    """Yield the states of the smallest and the largest volume."""
    yield min(settings.temperatures), max(settings.pressures)
    yield max(settings.temperatures), min(settings.pressures)


def _variants(
    start: Start, cell: Atoms, curve: Curve | None, settings: DistillationSettings
) -> Iterator[tuple[str, Atoms]]:
    """Yield names and structures of crystals with vacancies and surfaces, where they are wanted."""
    if curve is None:
        return
    if settings.vacancies:
        yield "vacancy", with_vacancy(scaled(start.atoms, curve.volume), np.random.default_rng(settings.seed))
    if settings.surfaces:
        small = scaled(cell, curve.volume * cell.get_volume() / start.atoms.get_volume())
        for number, slab in enumerate(slabs(small, settings.atoms), start=1):
            yield f"surface {number}", slab


def _displaced(
    atoms: Atoms, rattling: Rattling, settings: DistillationSettings, n_cells: int, seed: Sequence[int]
) -> Iterator[Atoms]:
    """Yield a structure with displaced atoms, from cold to hot."""
    cold, hot = min(settings.temperatures), max(settings.temperatures)
    for number in range(n_cells):
        rng = np.random.default_rng([*seed, number])
        yield rattled(atoms, rattling.displacement(cold + (hot - cold) * number / n_cells), rng)
