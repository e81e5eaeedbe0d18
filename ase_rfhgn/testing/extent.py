"""Laws of extent: a whole is the sum of its parts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms

from ase_rfhgn.testing.answers import Answer, ask, require, with_calculator


def check_energies_sum_to_energy(atoms: Atoms, *, atol: float = 1e-9) -> None:
    """Assert that the energies of the atoms sum to the energy (eV), which equals the free energy."""
    energy = atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_potential_energies().sum(), energy, rtol=0.0, atol=atol)
    np.testing.assert_equal(atoms.get_potential_energy(force_consistent=True), energy)


def check_supercell_is_extensive(atoms: Atoms, *, atol: float = 1e-8) -> None:
    """Assert that a supercell has the summed energy of its cells, the same forces and the same stress."""
    repeats_v = np.where(atoms.pbc, [2, 1, 3], 1)
    supercell = with_calculator(atoms.repeat(repeats_v), atoms.calc)
    one, n_cells = ask(atoms), int(np.prod(repeats_v))
    expected = Answer(n_cells * one.energy, np.tile(one.force_nc, (n_cells, 1)), one.stress_cc)
    ask(supercell).assert_close(expected, "supercell", atol=atol)


def check_far_fragments_add(atoms: Atoms, *, distance: float = 30.0, atol: float = 1e-8) -> None:
    """Assert that two copies of a structure, far apart along a direction that is not periodic, do not interact.

    ``distance`` (Å) is the gap between them. It must be larger than twice the cutoff of the potential.
    """
    free = np.flatnonzero(~atoms.pbc)
    require(len(free), "a crystal fills space: it has no far copy")
    periodic = atoms.cell.copy()
    periodic[free] = 0.0
    direction_c = periodic.complete()[free[0]]
    direction_c /= np.linalg.norm(direction_c)
    other = atoms.copy()
    other.positions += (distance + np.ptp(atoms.positions @ direction_c)) * direction_c
    one, both = ask(atoms), ask(with_calculator(atoms + other, atoms.calc))
    expected = Answer(2.0 * one.energy, np.tile(one.force_nc, (2, 1)), stress_cc=None)
    both.assert_close(expected, "far fragments", atol=atol)


def check_isolated_atoms_have_one_body_energies(
    atoms: Atoms, one_body: Mapping[str, float], *, atol: float = 1e-9
) -> None:
    """Assert that an isolated atom has the one-body energy of its element (eV) and no force."""
    for symbol in dict.fromkeys(atoms.symbols):
        alone = with_calculator(Atoms(symbol), atoms.calc)
        ask(alone).assert_close(Answer(one_body[symbol], np.zeros((1, 3)), None), f"isolated {symbol}", atol=atol)
