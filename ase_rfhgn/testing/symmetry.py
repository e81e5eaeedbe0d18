"""Laws of symmetry: changes of the description that do not change the physics."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.testing.answers import ask, with_calculator


def check_forces_sum_to_zero(atoms: Atoms, *, atol: float = 1e-9) -> None:
    """Assert that the forces sum to zero (eV/Å)."""
    total_c = atoms.get_forces(apply_constraint=False).sum(axis=0)
    np.testing.assert_allclose(total_c, 0.0, atol=atol, err_msg="the forces do not sum to zero")


def check_torque_is_zero(atoms: Atoms, *, atol: float = 1e-8) -> None:
    """Assert that there is no torque (eV) on a structure, about any axis along which it may turn.

    These are all axes of a molecule, the axis of a wire, and none of a slab or a crystal.
    """
    force_nc = atoms.get_forces(apply_constraint=False)
    torque_c = np.cross(atoms.positions - atoms.positions.mean(axis=0), force_nc).sum(axis=0)
    periodic_vc = atoms.cell[atoms.pbc]
    if len(periodic_vc) > 1:
        return
    if len(periodic_vc) == 1:
        torque_c = periodic_vc[0] / np.linalg.norm(periodic_vc[0]) @ torque_c
    np.testing.assert_allclose(torque_c, 0.0, atol=atol, err_msg="there is a torque")


def check_rotation(atoms: Atoms, *, seed: int = 0, atol: float = 1e-8) -> None:
    """Assert that forces and stress turn with the structure, and that its energy does not change."""
    _check_turned(atoms, _random_rotation(seed), "rotation", atol)


def check_mirror(atoms: Atoms, *, seed: int = 0, atol: float = 1e-8) -> None:
    """Assert that a mirror image has the same energy, and mirrored forces and stress."""
    _check_turned(atoms, -_random_rotation(seed), "mirror", atol)


def check_translation(atoms: Atoms, *, seed: int = 0, atol: float = 1e-8) -> None:
    """Assert that energy, forces and stress do not change when all atoms move by the same vector."""
    moved = with_calculator(atoms)
    moved.positions += np.random.default_rng(seed).uniform(-10.0, 10.0, 3)
    ask(moved).assert_close(ask(atoms), "translation", atol=atol)


def check_permutation(atoms: Atoms, *, seed: int = 0, atol: float = 1e-8) -> None:
    """Assert that the order of the atoms does not matter."""
    order_n = np.random.default_rng(seed).permutation(len(atoms))
    shuffled = with_calculator(atoms[order_n], atoms.calc)
    answer, expected = ask(shuffled), ask(atoms)
    expected.force_nc[:] = expected.force_nc[order_n]
    answer.assert_close(expected, "permutation", atol=atol)


def check_wrapping(atoms: Atoms, *, seed: int = 0, atol: float = 1e-8) -> None:
    """Assert that any atom may be replaced by its periodic image in another cell."""
    moved = with_calculator(atoms)
    step_nv = np.random.default_rng(seed).integers(-3, 4, (len(atoms), 3)) * atoms.pbc
    moved.positions += step_nv @ atoms.cell.array
    ask(moved).assert_close(ask(atoms), "periodic images", atol=atol)


def check_lattice_basis(atoms: Atoms, *, atol: float = 1e-8) -> None:
    """Assert that another basis of the same lattice describes the same crystal."""
    periodic = np.flatnonzero(atoms.pbc)
    sheared = with_calculator(atoms)
    for axis, other in itertools.pairwise(periodic):
        sheared.cell[axis] += 2.0 * sheared.cell[other]
    ask(sheared).assert_close(ask(atoms), "basis of the lattice", atol=atol)


def _check_turned(atoms: Atoms, matrix_cc: FloatArray, law: str, atol: float) -> None:
    turned = with_calculator(atoms)
    turned.set_cell(atoms.cell.array @ matrix_cc.T)
    turned.set_positions(atoms.positions @ matrix_cc.T, apply_constraint=False)
    ask(turned).assert_close(ask(atoms).turned(matrix_cc), law, atol=atol)


def _random_rotation(seed: int) -> FloatArray:
    matrix_cc, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turn_cc: FloatArray = matrix_cc * np.linalg.det(matrix_cc)
    return turn_cc
