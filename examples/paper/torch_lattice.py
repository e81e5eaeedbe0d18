"""The graph network of `ase_rfhgn` in PyTorch, every weight trainable, for systems of equal bonds."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TorchGraphNetwork(nn.Module):
    """H(q, p) of one round of message passing: the architecture of `ase_rfhgn.features.phase_space.networks`.

    Parameters
    ----------
    n_dimensions : int
        Dimensions of space.
    node_units, edge_units, message_units : int
        Widths of node encoder, edge encoder and message constructor.
    edge_p2 : Tensor of shape (n_edges, 2)
        Tail and head of every edge, both directions.
    frame : {"nearest node", "mean position"}
        Axes in which positions and momenta are seen.
    """

    def __init__(
        self, n_dimensions: int, node_units: int, edge_units: int, message_units: int, edge_p2: Tensor, frame: str
    ) -> None:
        super().__init__()
        self.node = nn.Linear(2 * n_dimensions, node_units)
        self.edge = nn.Linear(n_dimensions + 1, edge_units)
        self.message = nn.Linear(2 * node_units + edge_units, message_units)
        self.output = nn.Linear(node_units + edge_units + message_units, 1)
        self.tail_p, self.head_p = edge_p2[:, 0], edge_p2[:, 1]
        self.frame = frame

    def forward(self, position: Tensor, momentum: Tensor) -> Tensor:
        """Return the energies of a batch, from tensors of shape (batch, n_nodes, n_dimensions)."""
        centred = position - position.mean(dim=1, keepdim=True)
        if self.frame == "nearest node":
            axes = nearest_node_axes(centred)
            centred, momentum = centred @ axes, momentum @ axes
        vector = centred[:, self.head_p] - centred[:, self.tail_p]
        distance = torch.sqrt((vector**2).sum(dim=-1, keepdim=True))
        node = torch.tanh(self.node(torch.cat([centred, momentum], dim=-1)))
        edge = torch.tanh(self.edge(torch.cat([vector, distance], dim=-1)))
        ends = torch.cat([node[:, self.tail_p], node[:, self.head_p], edge], dim=-1)
        message = torch.tanh(self.message(ends))
        pooled = torch.cat([node.sum(dim=1), edge.sum(dim=1), message.sum(dim=1)], dim=-1)
        energy: Tensor = self.output(pooled)[:, 0]
        return energy

    def motion(self, position: Tensor, momentum: Tensor) -> tuple[Tensor, Tensor]:
        """Return velocities ∂H/∂p and forces −∂H/∂q of a batch."""
        position, momentum = position.detach().requires_grad_(), momentum.detach().requires_grad_()
        energy = self(position, momentum).sum()
        by_position, by_momentum = torch.autograd.grad(energy, (position, momentum), create_graph=self.training)
        return by_momentum, -by_position


def nearest_node_axes(centred: Tensor) -> Tensor:
    """Return the axes of the node nearest to the mean position, as columns: shape (batch, d, d)."""
    n_dimensions = centred.shape[-1]
    order = centred.detach().norm(dim=-1).argsort(dim=1)
    batch = torch.arange(len(centred))
    first = nn.functional.normalize(centred[batch, order[:, 0]], dim=-1)
    if n_dimensions == 2:
        return torch.stack([first, torch.stack([-first[:, 1], first[:, 0]], dim=-1)], dim=-1)
    other = centred[batch, order[:, 1]]
    second = nn.functional.normalize(other - (other * first).sum(dim=-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
