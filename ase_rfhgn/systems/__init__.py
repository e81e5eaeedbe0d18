"""Reference systems with known Hamiltonians, p²/2m + V, as ASE calculators with analytic forces.

There are three layers. `pair_laws` and `fields` have the energy and slope of a pair or of a single atom.
`calculators` assembles them. `lattices` and `classics` have the structures.

Lennard-Jones is not here, because ASE has it: ``LennardJones(..., smooth=True)`` of
`ase.calculators.lj` has continuous forces at its cutoff.

Examples
--------
>>> from ase_rfhgn.systems import BondedPairs, Spring, lattice
>>> atoms, bonds = lattice((3, 3))
>>> atoms.calc = BondedPairs(Spring(stiffness=2.0, rest_length=1.0), bonds)
>>> float(atoms.get_potential_energy())
0.0
"""

from ase_rfhgn.systems.calculators import BondedPairs, ExternalField
from ase_rfhgn.systems.classics import fermi_pasta_ulam_tsingou_chain, four_bodies, kepler_orbit, ring_spring
from ase_rfhgn.systems.fields import HarmonicWell, KeplerField, Pendulum
from ase_rfhgn.systems.lattices import chain, every_pair, lattice, ring, unit_atoms
from ase_rfhgn.systems.pair_laws import (
    AnharmonicSpring,
    InverseDistance,
    Morse,
    Spring,
    SquaredDistanceSpring,
    fermi_pasta_ulam_tsingou,
)

__all__ = [
    "AnharmonicSpring",
    "BondedPairs",
    "ExternalField",
    "HarmonicWell",
    "InverseDistance",
    "KeplerField",
    "Morse",
    "Pendulum",
    "Spring",
    "SquaredDistanceSpring",
    "chain",
    "every_pair",
    "fermi_pasta_ulam_tsingou",
    "fermi_pasta_ulam_tsingou_chain",
    "four_bodies",
    "kepler_orbit",
    "lattice",
    "ring",
    "ring_spring",
    "unit_atoms",
]
