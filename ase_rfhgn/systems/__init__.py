"""Reference systems with known Hamiltonians, p²/2m + V, as ASE calculators with analytic forces.

Three layers: energy and slope of a pair or of a single atom (`pair_laws`, `fields`), calculators that
assemble them (`calculators`), and the structures they act on (`lattices`, `classics`).

Lennard-Jones is not here, because ASE has it: ``LennardJones(..., smooth=True)`` of
`ase.calculators.lj` has continuous forces at its cutoff.

Examples
--------
>>> from ase_rfhgn.systems.calculators import BondedPairs
>>> from ase_rfhgn.systems.lattices import lattice
>>> from ase_rfhgn.systems.pair_laws import Spring
>>> atoms, bonds = lattice((3, 3))
>>> atoms.calc = BondedPairs(Spring(stiffness=2.0, rest_length=1.0), bonds)
>>> float(atoms.get_potential_energy())
0.0
"""
