"""The command ``ase-rfhgn vacancy``: the formation energy of a vacancy."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.property_command import add_property_command, add_supercell, add_unrelaxed, finished, prepared
from ase_rfhgn.properties.defects import vacancy_energy
from ase_rfhgn.reports.behaviour_plots import plot_structure


def add_vacancy(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "vacancy cu.npz POSCAR --supercell 3 3 3"
    help_text = "formation energy of a vacancy in a crystal"
    command = add_property_command(commands, "vacancy", run_vacancy, help_text, example, output="vacancy.extxyz")
    command.add_argument(
        "--site", type=int, default=0, metavar="N", help="number of the atom that is taken out; by default 0"
    )
    add_supercell(command)
    command.add_argument(
        "--chemical-potential",
        type=float,
        metavar="eV",
        help="energy of the atom outside; by default of the crystal, which must then have one element",
    )
    add_unrelaxed(command)


def run_vacancy(options: argparse.Namespace) -> str:
    """Compute the formation energy; return what to print."""
    committee, (atoms,) = prepared(options)
    found = vacancy_energy(
        committee,
        atoms,
        site=options.site,
        supercell=options.supercell,
        chemical_potential=options.chemical_potential,
        relaxed=not options.no_relax,
    )
    return finished(found, options, lambda result, axes: plot_structure(result.atoms, axes), structures=found.atoms)
