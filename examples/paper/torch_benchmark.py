"""Small re-implementations of graph networks of the benchmark of Thangamuthu et al. (arXiv:2211.05520) in PyTorch.

All have one round of message passing on given edges, networks of two hidden layers, unit masses, and are
trained on velocities and forces by Adam at 1e-3 with batches of 100, as in the benchmark.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

HIDDEN, EMBEDDING = 32, 16
BATCH = 100
LEARNING_RATE = 1e-3


def dense(n_inputs: int, n_outputs: int) -> nn.Sequential:
    """Return a smooth network of two hidden layers."""
    layers = [nn.Linear(n_inputs, HIDDEN), nn.Softplus(), nn.Linear(HIDDEN, HIDDEN), nn.Softplus()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, n_outputs))


class MessagePassing(nn.Module):
    """Nodes and edges are embedded; every node then takes in its messages."""

    def __init__(self, node_inputs: int, edge_inputs: int) -> None:
        super().__init__()
        self.node, self.edge = dense(node_inputs, EMBEDDING), dense(edge_inputs, EMBEDDING)
        self.message = dense(3 * EMBEDDING, EMBEDDING)

    def forward(self, node: Tensor, edge: Tensor, ends: Tensor) -> Tensor:
        """Return embeddings of nodes, from inputs (batch, n, ·) of nodes and (batch, p, ·) of edges."""
        node, edge = self.node(node), self.edge(edge)
        message = self.message(torch.cat([node[:, ends[:, 0]], node[:, ends[:, 1]], edge], dim=-1))
        return node.index_add(1, ends[:, 0], message)


class HamiltonianNetwork(nn.Module):
    """Any model with an energy: its motion are the derivatives."""

    def motion(self, position: Tensor, momentum: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return velocities and forces of a batch, (batch, n_nodes, n_dimensions)."""
        with torch.enable_grad():
            position, momentum = position.detach().requires_grad_(), momentum.detach().requires_grad_()
            energy = self(position, momentum, ends).sum()
            by_position, by_momentum = torch.autograd.grad(energy, (position, momentum), create_graph=self.training)
        return by_momentum, -by_position


class HGN(HamiltonianNetwork):
    """Hamiltonian graph network: one energy of positions, momenta and displacements."""

    def __init__(self, n_dimensions: int) -> None:
        super().__init__()
        self.embed = MessagePassing(2 * n_dimensions, n_dimensions)
        self.energy = dense(EMBEDDING, 1)

    def forward(self, position: Tensor, momentum: Tensor, ends: Tensor) -> Tensor:
        """Return the energies of a batch."""
        centred = position - position.mean(dim=1, keepdim=True)
        edge = position[:, ends[:, 1]] - position[:, ends[:, 0]]
        energy: Tensor = self.energy(self.embed(torch.cat([centred, momentum], dim=-1), edge, ends))
        return energy.sum(dim=(1, 2))


class HGNN(HamiltonianNetwork):
    """Hamiltonian graph neural network: kinetic energy of |p|² plus potential energy of distances."""

    def __init__(self, n_dimensions: int) -> None:
        super().__init__()
        self.n_dimensions = n_dimensions
        self.embed = MessagePassing(1, 1)
        self.kinetic, self.potential, self.pair = dense(1, 1), dense(EMBEDDING, 1), dense(1, 1)

    def forward(self, position: Tensor, momentum: Tensor, ends: Tensor) -> Tensor:
        """Return the energies of a batch."""
        distance = (position[:, ends[:, 1]] - position[:, ends[:, 0]]).norm(dim=-1, keepdim=True)
        node = self.embed(torch.ones_like(position[:, :, :1]), distance, ends)
        potential: Tensor = self.potential(node).sum(dim=(1, 2)) + self.pair(distance).sum(dim=(1, 2))
        kinetic: Tensor = self.kinetic((momentum**2).sum(dim=-1, keepdim=True))
        return potential + kinetic.sum(dim=(1, 2))


class FGNN(nn.Module):
    """Full graph neural network: forces straight from positions, momenta and displacements."""

    def __init__(self, n_dimensions: int) -> None:
        super().__init__()
        self.embed = MessagePassing(2 * n_dimensions, n_dimensions)
        self.force = dense(EMBEDDING, n_dimensions)

    def motion(self, position: Tensor, momentum: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return velocities, known, and forces of a batch."""
        centred = position - position.mean(dim=1, keepdim=True)
        edge = position[:, ends[:, 1]] - position[:, ends[:, 0]]
        return momentum, self.force(self.embed(torch.cat([centred, momentum], dim=-1), edge, ends))


Network = HGN | HGNN | FGNN
MODELS: dict[str, Callable[[int], Network]] = {"HGN": HGN, "HGNN": HGNN, "FGNN": FGNN}


def train(model: Network, data: tuple[Tensor, ...], ends: Tensor, seconds: float) -> int:
    """Return the number of epochs of training within CPU seconds.

    Parameters
    ----------
    model : HGN, HGNN or FGNN
        What is trained.
    data : tuple of four Tensor
        Positions, momenta, velocities and forces, each (n_snapshots, n_nodes, n_dimensions).
    ends : Tensor of shape (n_edges, 2)
        Tail and head of every edge.
    seconds : float
        CPU time.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    started, n_epochs = time.process_time(), 0
    while time.process_time() - started < seconds:
        for chosen in torch.split(torch.randperm(len(data[0])), BATCH):
            position, momentum, velocity, force = (part[chosen] for part in data)
            optimiser.zero_grad()
            said = model.motion(position, momentum, ends)
            loss = ((said[0] - velocity) ** 2).mean() + ((said[1] - force) ** 2).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        n_epochs += 1
    model.eval()
    return n_epochs
