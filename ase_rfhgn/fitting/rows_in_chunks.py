"""The pass that makes the factors of the rows of all frames, as a task that workers can share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ase_rfhgn.fitting.accumulation import Factors, accumulate
from ase_rfhgn.fitting.grouping import Grouping
from ase_rfhgn.fitting.linear_model import LinearModel
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.passes import pass_over
from ase_rfhgn.fitting.row_weights import RowWeights
from ase_rfhgn.fitting.targets import Targets
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame

WORK = 1.5e6
"""Atoms of a chunk times columns of the system: about half a second of work."""

READING = 100
"""Columns that cost as much as reading a frame and searching its neighbours."""

TRIANGLES = 6
"""Rows of a chunk, in units of the columns: to merge factors then costs a fraction of making them."""


@dataclass(frozen=True, slots=True)
class Accumulation:
    """Makes factors of the rows of frames, as a task.

    Attributes
    ----------
    model, grouping, sampled, targets, seed, row_weights
        As for `accumulate`.
    """

    model: LinearModel
    grouping: Grouping
    sampled: frozenset[int]
    targets: Targets
    seed: int
    row_weights: RowWeights

    def __call__(self, items: Iterable[GraphedFrame]) -> Factors:
        """Return the factors of frames; they travel without the groups of all frames."""
        with single_threaded():
            found = accumulate(
                items, self.grouping, self.model, self.sampled, self.targets, self.seed, self.row_weights
            )
        return replace(found, grouping=replace(self.grouping, group_i=(), original_i=()))

    def sizes(self, n_atoms_i: Sequence[float]) -> list[float]:
        """Return the size of frames in units of a chunk.

        Parameters
        ----------
        n_atoms_i : sequence of float
            Their numbers of atoms.
        """
        n_columns = max(len(self.model.layout.columns(group.system)) for group in set(self.grouping.group_i))
        most = max(WORK / (READING + n_columns), TRIANGLES * n_columns / 3.0)
        return [n_atoms / most for n_atoms in n_atoms_i]


def accumulated(
    accumulation: Accumulation, items: FrameGraphs, n_atoms_i: Sequence[float], options: Options
) -> Factors:
    """Return the factors of all frames.

    Parameters
    ----------
    accumulation : Accumulation
        The task.
    items : FrameGraphs
        The frames.
    n_atoms_i : sequence of float
        Their numbers of atoms.
    options : Options
        How the fit is carried out.
    """
    sizes = accumulation.sizes(n_atoms_i)
    found = pass_over(items, accumulation, Factors.merged, sizes, "features", options)
    return replace(found, grouping=accumulation.grouping)
