"""The graph network of `torch_lattice`, all weights trained by Adam for a given time."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import torch
from ase import Atoms
from lattice_motion import Lattice, MotionErrors
from lattice_optimisers import Motion, as_tensors, batches, closure
from torch_lattice import TorchGraphNetwork

from ase_rfhgn.structures.graph import bonded_graph

RATES = (1e-3, 3e-3, 1e-2)
BATCH = 20
PILOT = 0.1
"""Part of the time that each learning rate gets in the pilot."""


def trained(
    system: Lattice,
    train: list[Atoms],
    test: list[Atoms],
    widths: tuple[int, int, int],
    frame: str,
    *,
    seconds: float,
) -> tuple[MotionErrors, float]:
    """Return the errors of a trained network on test frames, and the CPU seconds of its training.

    Parameters
    ----------
    system : Lattice
        Whose bonds are the edges.
    train, test : list of ase.Atoms
        Labelled frames.
    widths : (int, int, int)
        Units of node encoder, edge encoder and message constructor.
    frame : str
        Frame in which positions are seen.
    seconds : float
        CPU time of the training; the learning rate was the best of three on the training data after a
        tenth of it, which is not counted.
    """
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    seen, unseen = (moving_part(as_tensors(frames), system.n_dimensions) for frames in (train, test))
    pilots = {rate: trained_at(rate, system, seen, widths, frame, PILOT * seconds) for rate in RATES}
    rate = min(pilots, key=lambda rate: errors_on(pilots[rate], seen).mse)
    started = time.process_time()
    network = trained_at(rate, system, seen, widths, frame, seconds)
    spent = time.process_time() - started
    return errors_on(network, unseen), spent


def trained_at(
    rate: float, system: Lattice, seen: Motion, widths: tuple[int, int, int], frame: str, seconds: float
) -> TorchGraphNetwork:
    """Return a network trained at a learning rate."""
    torch.manual_seed(0)
    graph = bonded_graph(system.state(np.random.default_rng(0)), system.bonds)
    ends = torch.tensor(np.stack([graph.centre_p, graph.neighbour_p], axis=1))
    network = TorchGraphNetwork(system.n_dimensions, *widths, ends, frame)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    started = time.process_time()
    for batch in batches(seen, BATCH):
        optimiser.step(partial(closure, network, optimiser, batch))
        if time.process_time() - started > seconds:
            break
    return network.eval()


def moving_part(motion: Motion, n_dimensions: int) -> Motion:
    """Return snapshots without the coordinates that are always zero."""
    return Motion(
        *(tensor[..., :n_dimensions] for tensor in (motion.position, motion.momentum, motion.velocity, motion.force))
    )


def errors_on(network: TorchGraphNetwork, motion: Motion) -> MotionErrors:
    """Return the errors of a network on snapshots."""
    velocity, force = network.motion(motion.position, motion.momentum)
    squares = [
        float(((learned - true) ** 2).mean()) for learned, true in ((velocity, motion.velocity), (force, motion.force))
    ]
    sizes = [float((true**2).mean()) for true in (motion.velocity, motion.force)]
    relative = [float(np.sqrt(square / size)) for square, size in zip(squares, sizes, strict=True)]
    return MotionErrors(relative[0], relative[1], float(np.mean(squares)))
