"""The order of the components of the stress: shear strains tell whether shear stresses were exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.doctor.facts import FrameFacts
from ase_rfhgn.structures.doctor.suspicion import Suspicion

SHEAR = 0.004
"""Shear strain that says something about the order of the components."""

LARGEST = 0.3
"""Strain beyond which two cells are not the same crystal."""

ALONE = 3.0
"""Ratio of the largest shear strain of a cell to its other ones."""

FEWEST = 2
"""Sheared frames of every exchanged component that are evidence."""

EVIDENCE = 5.0
"""Ratio of the shear stress in another component to the one in the component of the strain."""

NAMES = ("yz", "xz", "xy")
"""Shear components in the order of ASE."""


ORDERS: list[tuple[int, int, int]] = [(a, b, c) for a, b, c in permutations(range(3))]
"""Orders of the shear components; the first one is that of ASE."""


def shear_order(facts: Sequence[FrameFacts]) -> tuple[int, int, int] | None:
    """Return where the shear components of the stress of frames are found, None unless they are exchanged.

    Parameters
    ----------
    facts : sequence of FrameFacts
        The frames.
    """
    if not facts:
        return None
    cells, stresses = (np.array([getattr(one, name) for one in facts]) for name in ("cell_cc", "stress_v"))
    return exchanged_shears([one.kin for one in facts], cells, stresses)


def wrong_order(order: Sequence[int] | None) -> Iterator[Suspicion]:
    """Yield a suspicion if shear stresses are in the wrong places.

    Parameters
    ----------
    order : tuple of int or None
        Where they are found; see `shear_order`.
    """
    if order is not None:
        message = (
            f"shear stresses are in the wrong places: {_in_words(order)}; "
            "ASE's order is xx, yy, zz, yz, xz, xy (VASP writes xx, yy, zz, xy, yz, zx)"
        )
        yield Suspicion("stress order", message)


def _in_words(order: Sequence[int]) -> str:
    """Return which shear component stands in place of which."""
    return ", ".join(f"{NAMES[order[s]]} where crystals were sheared in {NAMES[s]}" for s in exchanged(order))


def exchanged(order: Sequence[int] | None) -> list[int]:
    """Return which shear components are in the wrong place, none without an order; see `shear_order`."""
    return [s for s, place in enumerate(order or ()) if place != s]


def exchanged_shears(
    kind_i: Sequence[object], cell_icc: FloatArray, stress_iv: FloatArray
) -> tuple[int, int, int] | None:
    """Return where the shear components yz, xz and xy of the stress are found, None unless they are exchanged.

    A crystal that is sheared in one plane answers with a stress in this plane. Programs order the shear
    components in different ways: ASE has yz, xz, xy, and VASP has xy, yz, zx.

    Parameters
    ----------
    kind_i : sequence
        Frames of one kind have the same atoms in the same order.
    cell_icc : ndarray of shape (n_frames, 3, 3)
        Cells (Å).
    stress_iv : ndarray of shape (n_frames, 6)
        Stresses in Voigt's notation, NaN where a frame has none.
    """
    answer_ss, count_s = np.zeros((3, 3)), np.zeros(3, dtype=int)
    of_kind: dict[object, list[int]] = {}
    for i in np.flatnonzero(np.isfinite(stress_iv).all(axis=1)).tolist():
        of_kind.setdefault(kind_i[i], []).append(i)
    for frames in of_kind.values():
        if len(frames) > FEWEST:
            _add_answers(cell_icc[frames], stress_iv[frames], answer_ss, count_s)
    order = max(ORDERS, key=lambda one: float(answer_ss[range(3), one].sum()))
    moved = exchanged(order)
    own = float(sum(max(answer_ss[s, s], 0.0) for s in moved))
    other = float(sum(answer_ss[s, order[s]] for s in moved))
    seen = [s for s in moved if count_s[s] >= FEWEST]
    return order if len(seen) > 1 and other > EVIDENCE * own else None


def _add_answers(cell_icc: FloatArray, stress_iv: FloatArray, answer_ss: FloatArray, count_s: FloatArray) -> None:
    """Add the shear stresses that answer to single shear strains, counted along the strain, in place."""
    reference = int(np.argmin(np.abs(stress_iv[:, 3:]).max(axis=1)))
    if abs(np.linalg.det(cell_icc[reference])) < 1e-6:  # no cell at all
        return
    for cell_cc, stress_v in zip(cell_icc, stress_iv - stress_iv[reference], strict=True):
        strain_cc = np.linalg.solve(cell_icc[reference], cell_cc) - np.eye(3)
        shear_s = np.array([strain_cc[1, 2] + strain_cc[2, 1], strain_cc[0, 2] + strain_cc[2, 0], 0.0])
        shear_s[2] = strain_cc[0, 1] + strain_cc[1, 0]
        largest, *others = np.argsort(-np.abs(shear_s))
        alone = abs(shear_s[largest]) > max(SHEAR, ALONE * np.abs(shear_s[others]).max())
        if alone and np.abs(strain_cc).max() < LARGEST:
            answer_ss[largest] += np.sign(shear_s[largest]) * stress_v[3:]
            count_s[largest] += 1
