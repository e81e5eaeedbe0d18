"""The 15 optimisers of PyTorch, and the learning rates that are tried for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

BATCH = 20
"""Snapshots per step of those that do not need all."""

Maker = Callable[..., torch.optim.Optimizer]


@dataclass(frozen=True, slots=True)
class Contestant:
    """An optimiser and the learning rates that are tried in a pilot.

    Attributes
    ----------
    make : callable
        Makes the optimiser of parameters, at a learning rate ``lr``.
    rates : tuple of float
        Learning rates.
    batch : int or None
        Snapshots per step; None for all.
    """

    make: Maker
    rates: tuple[float, ...]
    batch: int | None = BATCH


USUAL = (1e-3, 3e-3, 1e-2)
STEEP = (1e-2, 3e-2, 1e-1)
CONTESTANTS = {
    "Adadelta": Contestant(torch.optim.Adadelta, (0.3, 1.0, 3.0)),
    "Adafactor": Contestant(torch.optim.Adafactor, STEEP),
    "Adagrad": Contestant(torch.optim.Adagrad, STEEP),
    "Adam": Contestant(torch.optim.Adam, USUAL),
    "AdamW": Contestant(torch.optim.AdamW, USUAL),
    "Adamax": Contestant(torch.optim.Adamax, USUAL),
    "ASGD": Contestant(torch.optim.ASGD, (1e-3, 1e-2, 3e-2)),
    "LBFGS": Contestant(
        partial(torch.optim.LBFGS, max_iter=5, history_size=100, line_search_fn="strong_wolfe"), (0.1, 0.3, 1.0), None
    ),
    "NAdam": Contestant(torch.optim.NAdam, USUAL),
    "RAdam": Contestant(torch.optim.RAdam, USUAL),
    "RMSprop": Contestant(torch.optim.RMSprop, (3e-4, 1e-3, 3e-3)),
    "Rprop": Contestant(torch.optim.Rprop, (1e-4, 1e-3, 1e-2), None),
    "SGD": Contestant(torch.optim.SGD, (1e-3, 1e-2, 3e-2)),
    "SGD, momentum": Contestant(partial(torch.optim.SGD, momentum=0.9), (1e-4, 1e-3, 3e-3)),
    "SGD, Nesterov": Contestant(partial(torch.optim.SGD, momentum=0.9, nesterov=True), (1e-4, 1e-3, 3e-3)),
}
