"""Laws that every interatomic potential should obey: one function per law, its docstring is the law.

Every function takes atoms with an ASE calculator, does not change them, and raises ``AssertionError`` if
the law is broken. The functions use only ASE's interface, so they apply to any calculator. A docstring
says so if a law needs more.

Examples
--------
>>> from ase.build import bulk
>>> from ase.calculators.emt import EMT
>>> from ase_rfhgn import testing
>>> atoms = bulk("Cu", cubic=True)
>>> atoms.rattle(0.05, seed=0)
>>> atoms.calc = EMT()
>>> testing.check_forces_are_gradients(atoms)
"""

from ase_rfhgn.testing.behaviour import (
    check_calculator_copies,
    check_charges_cost_nothing,
    check_file_round_trip,
    check_input_is_untouched,
    check_results_are_never_stale,
    check_results_are_own_copies,
    check_save_and_load,
    check_threads,
    check_unknown_element_is_refused,
)
from ase_rfhgn.testing.derivatives import (
    check_forces_are_gradients,
    check_smooth_at_cutoff,
    check_stress_is_strain_derivative,
)
from ase_rfhgn.testing.extent import (
    check_energies_sum_to_energy,
    check_far_fragments_add,
    check_isolated_atoms_have_one_body_energies,
    check_supercell_is_extensive,
)
from ase_rfhgn.testing.symmetry import (
    check_forces_sum_to_zero,
    check_lattice_basis,
    check_mirror,
    check_permutation,
    check_rotation,
    check_torque_is_zero,
    check_translation,
    check_wrapping,
)

__all__ = [
    "check_calculator_copies",
    "check_charges_cost_nothing",
    "check_energies_sum_to_energy",
    "check_far_fragments_add",
    "check_file_round_trip",
    "check_forces_are_gradients",
    "check_forces_sum_to_zero",
    "check_input_is_untouched",
    "check_isolated_atoms_have_one_body_energies",
    "check_lattice_basis",
    "check_mirror",
    "check_permutation",
    "check_results_are_never_stale",
    "check_results_are_own_copies",
    "check_rotation",
    "check_save_and_load",
    "check_smooth_at_cutoff",
    "check_stress_is_strain_derivative",
    "check_supercell_is_extensive",
    "check_threads",
    "check_torque_is_zero",
    "check_translation",
    "check_unknown_element_is_refused",
    "check_wrapping",
]
