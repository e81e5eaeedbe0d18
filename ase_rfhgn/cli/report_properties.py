"""Properties of a crystal in a report: energy over volume, elastic constants and phonons, each with error bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ase import Atoms

from ase_rfhgn.errors import MissingLibraryError, RFHGNError
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.committee import Committee
from ase_rfhgn.properties.elasticity import elastic_constants
from ase_rfhgn.properties.equation_of_state import equation_of_state
from ase_rfhgn.properties.phonons import phonons
from ase_rfhgn.properties.plots import plot_equation_of_state, plot_phonons, plot_stiffness
from ase_rfhgn.reports.comparison import Comparison
from ase_rfhgn.reports.page.document import Block, Note, Section, Table
from ase_rfhgn.reports.page.images import plot
from ase_rfhgn.reports.page.words import number
from ase_rfhgn.structures.cell import has_volume

LARGEST = 40
"""Atoms of the largest cell whose properties a report shows."""


def property_section(model: AnyModel, given: Atoms | None, comparisons: Sequence[Comparison]) -> Section:
    """Return the section about properties of a crystal; it is empty if there is no crystal.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    given : ase.Atoms, optional
        The structure; by default the frame with the lowest energy per atom. Phonons need a given structure,
        because their number grows with the cell.
    comparisons : sequence of Comparison
        Test frames.
    """
    title = "Properties of a crystal"
    crystal = _lowest(comparisons) if given is None else given
    if not isinstance(model, Potential) or crystal is None or not _is_crystal(crystal):
        return Section("properties", title)
    committee = Committee.of(model)
    parts: list[Callable[[Committee, Atoms], Iterator[Block]]] = [_energy_over_volume, _stiffness]
    parts += [] if given is None else [_phonons]
    found = [block for part in parts for block in _attempted(part, committee, crystal)]
    origin = "as given" if given is not None else "the test frame with the lowest energy"
    formula = crystal.get_chemical_formula()
    note = f"The crystal is {formula}, {origin}, after relaxation of atoms and cell. Error bars are 68 % intervals."
    return Section("properties", title, [Note(note), *found])


def _is_crystal(atoms: Atoms) -> bool:
    return bool(atoms.pbc.all()) and has_volume(atoms) and len(atoms) <= LARGEST


def _lowest(comparisons: Sequence[Comparison]) -> Atoms | None:
    """Return the crystal with the lowest predicted energy per atom, if there is one."""
    crystals = [one for one in comparisons if _is_crystal(one.frame.atoms)]
    return min(crystals, key=_energy_per_atom).frame.atoms if crystals else None


def _energy_per_atom(comparison: Comparison) -> float:
    return comparison.evaluation.energy / len(comparison.frame.atoms)


def _attempted(
    part: Callable[[Committee, Atoms], Iterator[Block]], committee: Committee, crystal: Atoms
) -> Sequence[Block]:
    """Return blocks, or why there are none."""
    try:
        return list(part(committee, crystal))
    except MissingLibraryError as error:
        return [Note(f"Not computed: {error}.")]
    except RFHGNError as error:
        return [Note(f"Not computed: {error}.", is_warning=True)]


def _energy_over_volume(committee: Committee, crystal: Atoms) -> Iterator[Block]:
    found = equation_of_state(committee, crystal)
    yield Table(
        ("", "value", "error bar"),
        [
            ("volume per atom (Å³)", number(found.volume_a3), number(found.volume_a3_error)),
            ("bulk modulus (GPa)", number(found.bulk_modulus_gpa), number(found.bulk_modulus_gpa_error)),
        ],
        f"Equation of state ({found.law})",
    )
    yield plot(partial(plot_equation_of_state, found), "Energy over volume, and the law that was fitted to it.")


def _stiffness(committee: Committee, crystal: Atoms) -> Iterator[Block]:
    found = elastic_constants(committee, crystal)
    caption = "Elastic constants (GPa) with their error bars, in the axes of the structure."
    yield plot(partial(plot_stiffness, found), caption)
    if not found.stable:
        yield Note("Some strain of this crystal does not cost energy: it is not stable.", is_warning=True)


def _phonons(committee: Committee, crystal: Atoms) -> Iterator[Block]:
    found = phonons(committee, crystal)
    yield plot(partial(plot_phonons, found), "Phonons along special points, with error bars as a band.")
    if not found.stable:
        yield Note("Some frequencies are imaginary, drawn below zero: the crystal is not stable.", is_warning=True)
