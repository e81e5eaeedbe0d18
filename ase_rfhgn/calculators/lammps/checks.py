"""What must hold before LAMMPS runs with a potential; all processes find the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.calculators.lammps.library import LAMMPS
from ase_rfhgn.errors import SettingsError, StructureError

SKIN = 2.0
"""LAMMPS's default skin for metal units (Å); LAMMPS does not tell its skin."""

OTHER_MASS = 0.1
"""Relative difference from the mass of an element beyond which a type may be another element."""


def symbols_of(number_t: IntArray) -> list[str]:
    """Return the chemical symbols of atomic numbers."""
    return [chemical_symbols[number] for number in number_t]


def check_settings(lmp: LAMMPS) -> None:
    """Refuse settings of LAMMPS with which results would be wrong.

    Raises
    ------
    SettingsError
        If there is no box, or units, run style, communication or atom IDs do not fit.
    """
    if not lmp.extract_setting("box_exist"):
        message = "LAMMPS has no box yet: put the line of the potential behind read_data, create_box or read_restart"
        raise SettingsError(message)
    units = lmp.extract_global("units")
    if units != "metal":
        message = f"LAMMPS has units {units}: the potential needs units metal"
        raise SettingsError(message)
    if lmp.extract_global("respa_levels"):
        message = "run_style respa does not call the potential: use run_style verlet"
        raise SettingsError(message)
    if lmp.extract_setting("comm_mode"):
        message = "comm_modify mode multi may leave ghost atoms out: use comm_modify mode single"
        raise SettingsError(message)
    n_own = lmp.extract_setting("nlocal")
    if n_own and not lmp.numpy.extract_atom("id", nelem=n_own).all():
        message = "atoms of LAMMPS have no IDs: do not use atom_modify id no"
        raise SettingsError(message)


def numbers_of_types(lmp: LAMMPS, elements: Sequence[str] | None, species_s: IntArray) -> IntArray:
    """Return the atomic number of every type of LAMMPS's atoms.

    Parameters
    ----------
    lmp : lammps.lammps
        An instance with a box.
    elements : sequence of str or None
        Chemical symbols of the types; None if there is one type and the potential knows one element.
    species_s : ndarray of shape (n_species,)
        Atomic numbers that the potential knows.

    Raises
    ------
    SettingsError
        If elements are not given for every type.
    StructureError
        If the potential does not know an element, or the mass of a type is that of another element.
    """
    known = symbols_of(species_s)
    n_types = lmp.extract_setting("ntypes")
    given = known if elements is None and n_types == len(known) == 1 else list(elements or ())
    if len(given) != n_types:
        message = (
            f"LAMMPS has {n_types} types of atoms and {len(given)} elements were given ({' '.join(given) or 'none'}): "
            f"give one element of {' '.join(known)} per type, in the order of the types"
        )
        raise SettingsError(message)
    unknown = sorted(set(given) - set(known))
    if unknown:
        message = f"the potential does not know {', '.join(unknown)}: it was fitted for {', '.join(known)}"
        raise StructureError(message)
    number_t = np.array([atomic_numbers[symbol] for symbol in given], dtype=np.int64)
    _check_masses(lmp, number_t, species_s)
    return number_t


def _check_masses(lmp: LAMMPS, number_t: IntArray, species_s: IntArray) -> None:
    """Refuse elements in the wrong order, which the masses of the types give away."""
    masses = lmp.numpy.extract_atom("mass")
    for kind, number in enumerate(number_t if masses is not None else (), start=1):
        mass, known_s = float(masses[kind]), atomic_masses[species_s]
        nearest = int(np.argmin(np.abs(known_s - mass)))
        mistaken = abs(mass / atomic_masses[number] - 1.0) > OTHER_MASS > abs(mass / known_s[nearest] - 1.0)
        if mistaken and species_s[nearest] != number:
            message = (
                f"type {kind} was said to be {chemical_symbols[number]}, but has the mass {mass:g} of "
                f"{chemical_symbols[species_s[nearest]]}: give elements in the order of the types"
            )
            raise StructureError(message)


def needed_halo(cutoff: float, n_processes: int) -> float:
    """Return how far around a domain atoms of others must be known (Å): twice the cutoff, one process the cutoff."""
    return cutoff if n_processes == 1 else 2.0 * cutoff


def check_halo(lmp: LAMMPS, comm: LAMMPS, cutoff: float) -> None:
    """Refuse a halo of ghost atoms that is too small.

    LAMMPS adds its skin to the cutoff of a pair style. To another halo, the skin has to be added by hand.

    Raises
    ------
    SettingsError
        If neither the cutoff of ``pair_style zero`` nor ``comm_modify cutoff`` is large enough.
    """
    needed = needed_halo(cutoff, comm.size)
    pair, ghosts = _halo(lmp, comm)
    if pair < needed * (1.0 - 1e-6) and ghosts < needed + SKIN:
        many = "processes need" if comm.size > 1 else "process needs"
        message = (
            f"the halo of ghost atoms is too small: pair_style zero has the cutoff {pair:g} Å, and "
            f"{comm.size} {many} {needed:g} Å: use pair_style zero {2.0 * cutoff:g}, or, with other pair styles, "
            f"comm_modify cutoff {needed + SKIN:g}"
        )
        raise SettingsError(message)


def _halo(lmp: LAMMPS, comm: LAMMPS) -> tuple[float, float]:
    """Return the cutoff of pair style zero (0 without), and that of ghost atoms, which LAMMPS tells only in files."""
    with TemporaryDirectory() as name:
        folder = Path(comm.bcast(name))
        lmp.command(f'write_coeff "{folder / "pair"}"')
        lmp.command(f'info out overwrite "{folder / "info"}" communication')
        texts = [(folder / part).read_text(encoding="utf-8") for part in ("pair", "info")] if comm.rank == 0 else []
        pair_text, info_text = comm.bcast(texts)
    zero = "pair_style zero" in pair_text
    cutoffs: list[FloatArray] = re.findall(r"^pair_coeff \S+ \S+ (\S+)", pair_text, flags=re.MULTILINE)
    ghosts = re.search(r"Communication cutoff = (\S+)", info_text)
    return max(map(float, cutoffs), default=0.0) if zero else 0.0, float(ghosts[1]) if ghosts else 0.0
