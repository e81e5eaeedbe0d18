"""Passes over all frames of a fit: by this process in one go, or by workers in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ase_rfhgn.fitting.options import Options
from ase_rfhgn.runtime.chunks import Here, ranges
from ase_rfhgn.runtime.progress import progress_bar, stage
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame

Result = TypeVar("Result")


def pass_over(
    items: FrameGraphs,
    task: Callable[[Iterable[GraphedFrame]], Result],
    merge: Callable[[Result, Result], Result],
    size_i: Sequence[float],
    label: str,
    options: Options,
) -> Result:
    """Return what a task makes of all frames; workers share them, if there are any.

    Parameters
    ----------
    items : FrameGraphs
        The frames.
    task : callable
        A pure function of frames in a row.
    merge : callable
        Joins what was made of neighbouring chunks.
    size_i : sequence of float
        Size of every frame: a chunk has up to 1. Chunks do not depend on the workers: neither does rounding.
    label : str
        Name of the pass.
    options : Options
        Workers, and whether progress is shown.
    """
    if options.workers is None:
        watched = progress_bar(items, label, total=len(items), shown=options.progress)
        return Here().reduced(task, [watched], merge)
    chunks = items.portions(ranges(size_i, 1.0))
    with stage(f"{label}, {len(chunks)} chunks on workers", shown=options.progress):
        return options.workers.reduced(task, chunks, merge)
