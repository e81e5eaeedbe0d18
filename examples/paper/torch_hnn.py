"""A Hamiltonian neural network without a graph, trained by Adam in PyTorch, as a calculator."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms
from torch import Tensor, nn

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.gradients import PhaseSpaceGradients

WIDTH = 128
LEARNING_RATE = 1e-3
BATCH = 256


class TorchHamiltonian(nn.Module):
    """H(q, p) by two hidden layers of tanh units on standardised coordinates.

    Greydanus, Dzamba and Yosinski, NeurIPS 2019 (arXiv:1906.01563).

    Parameters
    ----------
    state_mx : Tensor of shape (n_states, n_coordinates)
        Positions and momenta of the training data; coordinates that do not vary are left as they are.
    """

    def __init__(self, state_mx: Tensor) -> None:
        super().__init__()
        spread = state_mx.std(dim=0)
        self.mean = state_mx.mean(dim=0)
        self.spread = torch.where(spread > 1e-12, spread, torch.ones_like(spread))
        self.layers = nn.Sequential(
            nn.Linear(state_mx.shape[1], WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1)
        )

    def gradient(self, state_mx: Tensor) -> tuple[Tensor, Tensor]:
        """Return energies and their gradients by positions and momenta."""
        state_mx = state_mx.detach().requires_grad_()
        energy_m = self.layers((state_mx - self.mean) / self.spread)[:, 0]
        (slope_mx,) = torch.autograd.grad(energy_m.sum(), state_mx, create_graph=self.training)
        return energy_m, slope_mx


class TorchCalculator:
    """Calculator of a trained network, for the drivers of `ase_rfhgn.dynamics`.

    Parameters
    ----------
    network : TorchHamiltonian
        A trained network.
    n_dimensions : int
        Coordinates that move.
    """

    separable = False

    def __init__(self, network: TorchHamiltonian, n_dimensions: int) -> None:
        self.network = network.eval()
        self.n_dimensions = n_dimensions

    def hamiltonian_gradients(self, atoms: Atoms) -> PhaseSpaceGradients:
        """Return the energy, velocities and forces at the positions and momenta of the atoms."""
        state_mx = torch.from_numpy(state_of(atoms, self.n_dimensions)[None])
        energy_m, slope_mx = self.network.gradient(state_mx)
        by_position, by_momentum = slope_mx[0].numpy().reshape(2, len(atoms), self.n_dimensions)
        velocity_nc, force_nc = np.zeros((2, len(atoms), 3))
        velocity_nc[:, : self.n_dimensions], force_nc[:, : self.n_dimensions] = by_momentum, -by_position
        return PhaseSpaceGradients(float(energy_m[0].detach()), velocity_nc, force_nc)


def train(frames: Sequence[Atoms], n_dimensions: int, seconds: float) -> TorchCalculator:
    """Return a network trained for a CPU time, the learning rate falling to zero along a cosine.

    Parameters
    ----------
    frames : sequence of ase.Atoms
        Labelled frames; the loss is the mean square error of velocities and forces, in their spreads.
    n_dimensions : int
        Coordinates that move.
    seconds : float
        CPU time of the training, on one core.
    """
    torch.manual_seed(0)
    torch.set_num_threads(1)
    state_mx = torch.from_numpy(np.array([state_of(atoms, n_dimensions) for atoms in frames]))
    target_mx = torch.from_numpy(np.array([slope_of(atoms, n_dimensions) for atoms in frames]))
    weight_x = torch.repeat_interleave(
        1.0 / target_mx.reshape(len(frames), 2, -1).square().mean(dim=(0, 2)), target_mx.shape[1] // 2
    )
    network = TorchHamiltonian(state_mx).double().train()
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    started = time.process_time()
    while (spent := time.process_time() - started) < seconds:
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * 0.5 * (1.0 + np.cos(np.pi * spent / seconds))
        batch = torch.randint(len(frames), (BATCH,))
        optimiser.zero_grad()
        loss = (weight_x * (network.gradient(state_mx[batch])[1] - target_mx[batch]).square()).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return TorchCalculator(network, n_dimensions)


def state_of(atoms: Atoms, n_dimensions: int) -> FloatArray:
    """Return positions and momenta as one vector."""
    return np.concatenate([atoms.positions[:, :n_dimensions].ravel(), atoms.get_momenta()[:, :n_dimensions].ravel()])


def slope_of(atoms: Atoms, n_dimensions: int) -> FloatArray:
    """Return the true gradient of H by positions and momenta: minus the forces, and the velocities."""
    force_nc = atoms.get_forces(apply_constraint=False)[:, :n_dimensions]
    return np.concatenate([-force_nc.ravel(), atoms.get_velocities()[:, :n_dimensions].ravel()])
