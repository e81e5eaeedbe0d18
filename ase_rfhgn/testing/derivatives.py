"""Laws of calculus: forces and stress are derivatives, and nothing jumps at the cutoff."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.testing.answers import with_calculator


def check_forces_are_gradients(atoms: Atoms, *, step: float = 1e-5, atol: float = 1e-6) -> None:
    """Assert that the forces are minus the gradient of the energy (eV/Å), by central differences."""
    twin = with_calculator(atoms)
    expected = calculate_numerical_forces(twin, eps=step, force_consistent=True)
    actual = atoms.get_forces(apply_constraint=False)
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=atol, err_msg="forces are not minus the gradient")


def check_stress_is_strain_derivative(atoms: Atoms, *, step: float = 1e-5, atol: float = 1e-7) -> None:
    """Assert that the stress is the derivative of the energy by strain, per volume (eV/Å³)."""
    twin = with_calculator(atoms)
    expected = calculate_numerical_stress(twin, eps=step, force_consistent=True)
    actual = atoms.get_stress(apply_constraint=False)
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=atol, err_msg="stress is not the strain derivative")


def check_smooth_at_cutoff(atoms: Atoms, cutoff: float, *, step: float = 1e-4, rtol: float = 5e-3) -> None:
    """Assert that energy, forces and slopes of forces are continuous when a pair of atoms passes the cutoff.

    Every pair of the elements in ``atoms`` is tried, next to a third atom within the cutoff of the first.
    Energy, force and slope one ``step`` (Å) before the cutoff must be small, relative to their changes
    over half of the cutoff.
    """
    for first, second in itertools.product(dict.fromkeys(atoms.symbols), repeat=2):
        trimer = Atoms([first, second, first], [(0.0, 0.0, 0.0), (cutoff, 0.0, 0.0), (0.0, 0.4 * cutoff, 0.0)])
        trimer.calc = atoms.calc
        beyond_d = _derivatives(trimer, cutoff + step, step)
        scale = np.abs(_derivatives(trimer, 0.5 * cutoff, step) - beyond_d).max()
        jump_d = np.abs(_derivatives(trimer, cutoff - step, step) - beyond_d)
        message = f"energy, force or slope of {first}-{second} jumps at {cutoff} Å, by {jump_d}"
        np.testing.assert_array_less(jump_d, rtol * scale + 1e-12, err_msg=message)


def _derivatives(trimer: Atoms, distance: float, step: float) -> FloatArray:
    """Return energy, force and slope of the force along x of the second atom, which stands at a distance."""
    energy_e, force_e = [], []
    for end in (-0.5, 0.5):
        trimer.positions[1, 0] = distance + end * step
        energy_e.append(trimer.get_potential_energy(force_consistent=True))
        force_e.append(trimer.get_forces()[1, 0])
    return np.array([np.mean(energy_e), np.mean(force_e), np.diff(force_e)[0] / step])
