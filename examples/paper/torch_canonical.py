"""Canonical maps trained by Adam: irrotational couplings, N·A·K layers and zero centres.

The layers are those of Bondesan and Lamacraft (arXiv:1906.04645): p − μ(q) and q + μ(p) with the irrotational
network μ(x) = W₁ᵀ σ(w₂ σ(W₁ x)), linear symplectic layers N·A·K with Householder reflections and phases, and shifts.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries.ensemble import Constancy, Ensemble, constancy

RATES = (1e-3, 3e-3, 1e-2)
WIDTHS = (16, 64)
BLOCKS = 4
BATCH = 64
PILOT = 0.1
"""Part of the time that every learning rate and width gets in the pilot."""


class ZeroCentre(torch.nn.Module):
    """A shift; it starts at zero, because the linear layer before has centred the data."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.centre = torch.nn.Parameter(torch.zeros(2 * n))

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return shifted states."""
        return state - self.centre


class LinearSymplecticLayer(torch.nn.Module):
    """S = N A K, near the identity at the start."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.shear, self.scale = (torch.nn.Parameter(1e-2 * torch.randn(n, n)) for _ in range(2))
        vectors = torch.randn(n, 2, n, dtype=torch.float64)
        self.vectors = torch.nn.Parameter(torch.cat([vectors, vectors + 1e-2 * torch.randn_like(vectors)]))
        self.phase = torch.nn.Parameter(1e-2 * torch.randn(n))

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return transformed states."""
        place, momentum = state[..., : self.n], state[..., self.n :]
        unitary = torch.diag(torch.exp(1j * self.phase.to(torch.complex128)))
        order = [k for pair in zip(range(self.n), range(self.n, 2 * self.n), strict=True) for k in pair]
        for real, imaginary in (self.vectors[k] for k in order):  # pairs of reflections start near the identity
            vector = torch.complex(real, imaginary)
            square = (vector.conj() * vector).sum().real
            unitary = unitary - 2.0 / square * torch.outer(vector, vector.conj() @ unitary)
        x, y = unitary.real, unitary.imag
        place, momentum = place @ x.T - momentum @ y.T, place @ y.T + momentum @ x.T
        scale = torch.linalg.matrix_exp(self.scale + self.scale.T)
        place, momentum = place @ scale, momentum @ torch.linalg.inv(scale)
        return torch.cat([place, momentum + place @ (self.shear + self.shear.T)], dim=-1)


class Coupling(torch.nn.Module):
    """An additive coupling by an irrotational network of two layers."""

    def __init__(self, n: int, width: int, *, of_place: bool) -> None:
        super().__init__()
        self.n, self.of_place = n, of_place
        self.weight = torch.nn.Parameter(torch.randn(width, n) / np.sqrt(n))
        self.bias = torch.nn.Parameter(torch.randn(width))
        self.inner = torch.nn.Parameter(torch.ones(width))
        self.inner_bias = torch.nn.Parameter(0.1 * torch.randn(width))
        self.outer = torch.nn.Parameter(torch.zeros(width))

    def field(self, place: torch.Tensor) -> torch.Tensor:
        """Return μ, a gradient because the inner weights are diagonal."""
        hidden = torch.tanh(place @ self.weight.T + self.bias)
        return (self.outer * torch.tanh(self.inner * hidden + self.inner_bias)) @ self.weight

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return transformed states."""
        place, momentum = state[..., : self.n], state[..., self.n :]
        if self.of_place:
            return torch.cat([place, momentum - self.field(place)], dim=-1)
        return torch.cat([place + self.field(momentum), momentum], dim=-1)


def trained(train: FloatArray, test: FloatArray, *, seconds: float) -> tuple[Constancy, float, str]:
    """Return how constant actions are on test trajectories, the CPU seconds of training, and what the pilot chose.

    Parameters
    ----------
    train, test : ndarray of shape (n_runs, n_frames, 2n)
        Trajectories in the variables of the linear layer, the same start that ridge shears have.
    seconds : float
        CPU time of the training. The rate and the width were the best of six after a tenth of it, by loss on
        training data; pilots are not counted.
    """
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    pilots = {
        (rate, width): loss_of(network_after(train, rate, width, PILOT * seconds)(torch.tensor(train))).item()
        for rate in RATES
        for width in WIDTHS
    }
    rate, width = min(pilots, key=lambda choice: pilots[choice] if np.isfinite(pilots[choice]) else np.inf)
    started = time.process_time()
    network = network_after(train, rate, width, seconds)
    spent = time.process_time() - started
    with torch.no_grad():
        mapped = network(torch.tensor(test)).numpy()
    return constancy(Ensemble.of(mapped)), spent, f"rate {rate:g}, width {width}"


def network_after(train: FloatArray, rate: float, width: int, seconds: float) -> torch.nn.Module:
    """Return a network trained for a time, the rate falling along a cosine."""
    torch.manual_seed(0)
    n = train.shape[-1] // 2
    layers: list[torch.nn.Module] = []
    for _ in range(BLOCKS):
        layers += [ZeroCentre(n), LinearSymplecticLayer(n), Coupling(n, width, of_place=True)]
        layers += [LinearSymplecticLayer(n), Coupling(n, width, of_place=False)]
    network = torch.nn.Sequential(*layers, LinearSymplecticLayer(n))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    data, started = torch.tensor(train), time.process_time()
    while (share := (time.process_time() - started) / seconds) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.01 + 0.99 * 0.5 * (1.0 + np.cos(np.pi * share)))
        batch = torch.randperm(len(data))[:BATCH]
        optimiser.zero_grad()
        loss = loss_of(network(data[batch]))
        loss.backward()
        optimiser.step()
    return network


def loss_of(state: torch.Tensor) -> torch.Tensor:
    """Return ℓ: the variance of Q² + P² along trajectories over its mean square."""
    n = state.shape[-1] // 2
    radius = state[..., :n] ** 2 + state[..., n:] ** 2
    within = radius.var(dim=1, unbiased=False).mean(dim=0)
    return (within / (radius**2).mean(dim=(0, 1))).mean()
