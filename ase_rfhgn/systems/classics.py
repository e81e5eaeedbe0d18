"""Systems with their customary initial states: benchmark rings and bodies, Kepler orbits, normal modes of chains."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.systems.calculators import BondedPairs, ExternalField
from ase_rfhgn.systems.fields import KeplerField
from ase_rfhgn.systems.lattices import chain, every_pair, ring, unit_atoms
from ase_rfhgn.systems.pair_laws import InverseDistance, SquaredDistanceSpring, fermi_pasta_ulam_tsingou


def ring_spring(n_nodes: int, rng: np.random.Generator | np.random.RandomState) -> Atoms:
    """Return a random state of a closed ring of springs in the plane, V = Σ (r² − 1)² over its bonds.

    Positions are uniform on [0, 2]², momenta are uniform on [0, 0.1]² minus their mean, and masses are 1.
    This is the spring system of the benchmark of Thangamuthu et al., NeurIPS 2022 (arXiv:2211.05520). Its
    code passes the squared distance to a spring of stiffness and length 1, and counts every bond twice.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    rng : numpy.random.Generator or RandomState
        Source of randomness. ``RandomState(42)`` draws the states of the benchmark's code, one per call.
    """
    atoms = unit_atoms(n_nodes)
    atoms.positions[:, :2] = rng.uniform(0.0, 2.0, (n_nodes, 2))
    momentum_nc = np.zeros((n_nodes, 3))
    momentum_nc[:, :2] = rng.uniform(0.0, 0.1, (n_nodes, 2))
    atoms.set_momenta(momentum_nc - momentum_nc.mean(axis=0))
    atoms.calc = BondedPairs(SquaredDistanceSpring(), ring(n_nodes))
    return atoms


def four_bodies() -> Atoms:
    """Return the start of the four bodies under gravity of the same benchmark: unit masses, V = −Σ 1/r."""
    atoms = unit_atoms(4)
    atoms.positions[:, 0] = [1.0, 9.0, 11.0, -1.0]
    momentum_nc = np.zeros((4, 3))
    momentum_nc[:, 1] = [0.05, -0.05, 0.65, -0.65]
    atoms.set_momenta(momentum_nc)
    atoms.calc = BondedPairs(InverseDistance(), every_pair(4))
    return atoms


def kepler_orbit(*, eccentricity: float = 0.5, axis: float = 1.0, strength: float = 1.0) -> Atoms:
    """Return a unit mass at the pericentre of an ellipse in the plane z = 0, V = −k / ‖q‖.

    The period is 2π √(a³/k) in ASE's units of time.

    Parameters
    ----------
    eccentricity : float, default 0.5
        Eccentricity of the ellipse, below 1.
    axis : float, default 1
        Its semi-major axis a (Å).
    strength : float, default 1
        k (eV Å).

    Raises
    ------
    SettingsError
        If this is no ellipse.
    """
    if not (0.0 <= eccentricity < 1.0 and axis > 0.0 and strength > 0.0):
        message = (
            f"no ellipse has eccentricity {eccentricity!r}, axis {axis!r} and strength {strength!r}: "
            "the first must be in [0, 1), the others positive"
        )
        raise SettingsError(message)
    atoms = unit_atoms(1)
    atoms.positions[0, 0] = axis * (1.0 - eccentricity)
    speed = np.sqrt(strength / axis * (1.0 + eccentricity) / (1.0 - eccentricity))
    atoms.set_momenta([(0.0, speed, 0.0)])
    atoms.calc = ExternalField(KeplerField(strength))
    return atoms


def fermi_pasta_ulam_tsingou_chain(
    n_nodes: int = 8, *, alpha: float = 0.25, beta: float = 0.0, amplitude: float = 1.0, mode: int = 1
) -> Atoms:
    """Return a chain with fixed ends, at rest in one of its normal modes.

    Fermi, Pasta, Ulam and Tsingou, Los Alamos report LA-1940 (1955).

    Parameters
    ----------
    n_nodes : int, default 8
        Number of nodes that move, between two that are fixed.
    alpha, beta : float
        Cubic (eV/Å³) and quartic (eV/Å⁴) constant of neighbours.
    amplitude : float, default 1
        Amplitude of the normal mode (Å): qᵢ = amplitude · √(2/(n+1)) · sin(i·mode·π/(n+1)).
    mode : int, default 1
        Number of the normal mode.
    """
    spacing = 2.0
    atoms, bonds = chain(n_nodes + 2, spacing=spacing)
    phase_n = np.arange(n_nodes + 2) * mode * np.pi / (n_nodes + 1)
    atoms.positions[:, 0] += amplitude * np.sqrt(2.0 / (n_nodes + 1)) * np.sin(phase_n)
    atoms.calc = BondedPairs(fermi_pasta_ulam_tsingou(alpha, beta, spacing), bonds)
    atoms.set_constraint(FixAtoms([0, n_nodes + 1]))
    return atoms
