"""Checks of structures before a model evaluates them; messages say what is wrong."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.structures.cell import cell_too_large, is_truly_periodic, places_too_far
from ase_rfhgn.structures.graph import NeighbourGraph

COINCIDENT = 1e-6
"""Distance below which two atoms are at the same place: a potential has no answer (Å)."""

MISTAKEN = 0.1
"""Distance below which two atoms of a labelled frame are there by mistake (Å)."""


def unknown_elements(atoms: Atoms, species_s: IntArray) -> list[str]:
    """Return the chemical symbols of the elements that are not among some.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    species_s : ndarray of shape (n_species,)
        Atomic numbers that are known.
    """
    is_unknown_n = ~np.isin(atoms.numbers, species_s)
    return sorted(set(atoms.symbols[is_unknown_n])) if is_unknown_n.any() else []


def refuse_unknown_elements(atoms: Atoms, species_s: IntArray, model: str) -> None:
    """Refuse elements that a model was not fitted for.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    species_s : ndarray of shape (n_species,)
        Atomic numbers that the model knows.
    model : str
        Name of the model in messages.

    Raises
    ------
    StructureError
        If there are others.
    """
    unknown = unknown_elements(atoms, species_s)
    if unknown:
        known = Atoms(numbers=species_s).get_chemical_symbols()
        message = f"the {model} does not know {', '.join(unknown)}: it was fitted for {', '.join(known)}"
        raise StructureError(message)


def refuse_impossible_places(atoms: Atoms) -> None:
    """Refuse cells and positions that are not finite or too far away, or periodic directions that are not independent.

    Raises
    ------
    StructureError
        If there are any.
    """
    if not np.isfinite(atoms.cell).all() or not is_truly_periodic(atoms):
        message = f"cell vectors must be finite, and independent where periodic: {atoms.cell.tolist()}, {atoms.pbc}"
        raise StructureError(message)
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        message = f"position of atom {bad[0]} is not finite: {atoms.positions[bad[0]]}"
        raise StructureError(message)
    for too_far in (cell_too_large(atoms), places_too_far(atoms)):
        if too_far is not None:
            raise StructureError(too_far)


def refuse_coincident_atoms(graph: NeighbourGraph, closest: float = COINCIDENT) -> None:
    """Refuse atoms at the same place.

    Parameters
    ----------
    graph : NeighbourGraph
        A structure.
    closest : float
        Distance below which two atoms are at the same place (Å); zero allows all.

    Raises
    ------
    StructureError
        If there are any.
    """
    distance_p = graph.distance_p
    if distance_p.min(initial=np.inf) < closest:
        p = distance_p.argmin()
        message = (
            f"atoms {graph.centre_p[p]} and {graph.neighbour_p[p]} are {distance_p[p]:.2g} Å apart (periodic images "
            f"included), less than {closest:g} Å: remove or repair the structure"
        )
        raise StructureError(message)
