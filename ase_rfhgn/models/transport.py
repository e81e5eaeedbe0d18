"""Virials of single atoms, and the heat flux: what transport needs of a potential.

Both follow from the derivatives g_p = ∂U_i/∂r_p of the energy of atom i by its edges p = (i, j), with
r_p = r_j − r_i. For potentials of many bodies, the virial of an atom is the one of the energies that
depend on it, V_j = Σ_p r_p ⊗ g_p over the edges p that end at j (Fan et al., Phys. Rev. B 92, 094301 (2015)).
With this choice the heat flux is the time derivative of Σ_n r_n e_n, and the virials add up to the virial.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.response import SiteResponse, voigt
from ase_rfhgn.structures.graph import NeighbourGraph


def atomic_virials(graph: NeighbourGraph, response: SiteResponse) -> FloatArray:
    """Return the virials of the atoms (eV): shape (n_atoms, 3, 3), the first axis of a virial is that of the edge.

    Parameters
    ----------
    graph : NeighbourGraph
        A structure.
    response : SiteResponse
        Derivatives of the energies of its atoms by its edges.
    """
    virial_pcc = np.einsum("pc,pd->pcd", graph.vector_pc, response.gradient_pc)
    virial_ncc = np.zeros((graph.n_atoms, 3, 3))
    np.add.at(virial_ncc, graph.neighbour_p, virial_pcc)
    return virial_ncc


def atomic_stresses(virial_ncc: FloatArray, volume: float) -> FloatArray:
    """Return the stresses of the atoms (eV/Å³), which add up to the stress: shape (n_atoms, 6), Voigt order.

    Parameters
    ----------
    virial_ncc : ndarray of shape (n_atoms, 3, 3)
        Virials of the atoms (eV); only their symmetric parts count.
    volume : float
        Volume of the cell (Å³).
    """
    return np.array([voigt(virial_cc) / volume for virial_cc in virial_ncc])


def heat_flux(atoms: Atoms, graph: NeighbourGraph, response: SiteResponse) -> FloatArray:
    """Return the heat flux Σ_n e_n v_n − Σ_n V_n v_n of moving atoms (eV Å per ASE's unit of time): shape (3,).

    Parameters
    ----------
    atoms : ase.Atoms
        A structure with momenta.
    graph : NeighbourGraph
        Its graph.
    response : SiteResponse
        Energies of its atoms and their derivatives by its edges.
    """
    velocity_nc = atoms.get_velocities()
    kinetic_n = 0.5 * np.einsum("nc,nc->n", atoms.get_momenta(), velocity_nc)
    carried_c = (kinetic_n + response.energy_n) @ velocity_nc
    flux_c: FloatArray = carried_c - np.einsum("ncd,nd->c", atomic_virials(graph, response), velocity_nc)
    return flux_c
