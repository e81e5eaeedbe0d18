"""Species of nodes: an element and a mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import StructureError

SAME_MASS = 1e-6
"""Relative difference of masses below which they are one: files round them."""


@dataclass(frozen=True, slots=True, eq=False)
class Species(ReadOnlyArrays):
    """Species of nodes, in the order of elements and masses.

    Attributes
    ----------
    number_s : ndarray of shape (n_species,)
        Atomic numbers; those of isotopes are the same.
    mass_s : ndarray of shape (n_species,)
        Masses (u).
    """

    number_s: IntArray
    mass_s: FloatArray

    @classmethod
    def of_nodes(cls, number_n: IntArray, mass_n: FloatArray) -> Species:
        """Return the species that there are among nodes.

        Parameters
        ----------
        number_n : ndarray of shape (n_nodes,)
            Atomic numbers.
        mass_n : ndarray of shape (n_nodes,)
            Masses (u).

        Raises
        ------
        StructureError
            If a mass is not positive.
        """
        for node in np.flatnonzero(~((mass_n > 0.0) & (mass_n < np.inf)))[:1]:
            message = f"mass of atom {node} is {mass_n[node]}: masses must be positive numbers; set them by set_masses"
            raise StructureError(message)
        node_m2 = np.unique(np.column_stack([number_n, mass_n]), axis=0)
        same_m = (np.diff(node_m2[:, 0]) == 0.0) & (np.diff(node_m2[:, 1]) <= SAME_MASS * node_m2[:-1, 1])
        first_s2 = node_m2[np.concatenate([[True], ~same_m])]
        return cls(first_s2[:, 0].astype(np.int64), np.ascontiguousarray(first_s2[:, 1]))

    @property
    def n_species(self) -> int:
        """Number of species."""
        return len(self.number_s)

    @property
    def momentum_scale_s(self) -> FloatArray:
        """Factors √(m₀/m) of momenta, with which p²/2m is one function for all species."""
        return np.asarray(np.sqrt(self.mass_s[0] / self.mass_s))

    def indices(self, number_n: IntArray, mass_n: FloatArray) -> IntArray:
        """Return the species of nodes.

        Parameters
        ----------
        number_n : ndarray of shape (n_nodes,)
            Atomic numbers.
        mass_n : ndarray of shape (n_nodes,)
            Masses (u).

        Raises
        ------
        StructureError
            If a node is of another species.
        """
        is_element_ns = number_n[:, None] == self.number_s
        is_mass_ns = np.abs(mass_n[:, None] - self.mass_s) <= 2.0 * SAME_MASS * self.mass_s
        is_one_ns: BoolArray = is_element_ns & is_mass_ns
        for node in np.flatnonzero(~is_one_ns.any(axis=1))[:1]:
            raise StructureError(self._why_unknown(node, int(number_n[node]), float(mass_n[node])))
        return np.asarray(is_one_ns.argmax(axis=1), dtype=np.int64)

    def _why_unknown(self, node: int, number: int, mass: float) -> str:
        mass_m = self.mass_s[self.number_s == number]
        symbol = chemical_symbols[number]
        if not len(mass_m):
            known = ", ".join(dict.fromkeys(chemical_symbols[number] for number in self.number_s))
            return f"the model does not know {symbol}: it was fitted for {known}"
        known = ", ".join(f"{mass:.9g}" for mass in mass_m)
        return (
            f"the model does not know {symbol} of mass {mass:.9g} (atom {node}): it was fitted for masses of {known}; "
            "set one of these by set_masses, or fit to frames with this mass"
        )


ONE_SPECIES = Species(np.zeros(1, dtype=np.int64), np.ones(1))
"""The species of networks whose nodes are all alike."""
