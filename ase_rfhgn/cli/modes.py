"""The command ``ase-rfhgn modes``: prints normal modes at the temperature of molecular dynamics."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import units

from ase_rfhgn.cli.frames import SOURCES
from ase_rfhgn.cli.output import add_force, require_writable
from ase_rfhgn.cli.shared import add_command, add_json, printed
from ase_rfhgn.cli.text import Report
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.reports.motion_plots import plot_mode_frequencies, plot_velocity_spectrum
from ase_rfhgn.reports.plots import save_panels
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.training_set import read_structures
from ase_rfhgn.symmetries.mode_estimates import ESTIMATORS
from ase_rfhgn.symmetries.mode_fit import normal_modes
from ase_rfhgn.symmetries.normal_mode_set import NormalModes

EXAMPLES = """modes md.traj --reference POSCAR --plot modes.png
modes 'md*.traj' --timestep 2 --json"""


def add_modes(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    command = add_command(commands, "modes", run_modes, "print normal modes at the temperature of a run", EXAMPLES)
    command.add_argument("runs", metavar="md.traj", nargs="+", help=f"runs of molecular dynamics: {SOURCES}")
    command.add_argument("--reference", metavar="POSCAR", help="relaxed structure; by default mean positions")
    command.add_argument(
        "--timestep", type=float, metavar="FS", help="time between frames (fs); by default from momenta"
    )
    command.add_argument("--temperature", type=float, metavar="K", help="temperature (K); by default from momenta")
    command.add_argument("--estimator", choices=ESTIMATORS, help="how modes are found; by default as the frames allow")
    command.add_argument(
        "--no-symmetry", dest="symmetry", action="store_false", help="do not use the crystal's symmetry"
    )
    command.add_argument(
        "--harmonic", action="store_true", help="frequencies of small displacements, not those at the temperature"
    )
    command.add_argument("-o", "--output", metavar="modes.npz", help="file of the modes and the spectrum")
    command.add_argument("--spectrum", metavar="spectrum.txt", help="write the spectrum of velocities in two columns")
    command.add_argument("--animate", metavar="prefix", help="write every mode to prefix.0.traj, prefix.1.traj, ...")
    command.add_argument("--plot", metavar="modes.png", help="draw frequencies, and the spectrum of velocities")
    add_force(command)
    add_json(command)


def run_modes(options: argparse.Namespace) -> str:
    """Find modes, write what is wanted; return what to print."""
    inputs = [*options.runs, options.reference]
    for path in (options.output, options.spectrum, options.plot):
        require_writable(path, inputs, force=options.force)
    if options.animate is not None:
        require_writable(f"{options.animate}.0.traj", inputs, force=options.force)
    reference = None if options.reference is None else read_structures(options.reference)[-1]
    modes = normal_modes(
        options.runs,
        reference=reference,
        timestep=None if options.timestep is None else options.timestep * units.fs,
        temperature=options.temperature,
        estimator=options.estimator,
        symmetry=options.symmetry,
        harmonic=options.harmonic,
    )
    _write(modes, options)
    return printed(report_of_modes(modes), options, describe_modes)


def report_of_modes(modes: NormalModes) -> Report:
    """Return what to print about modes."""
    return {
        "frequencies_thz": modes.frequencies_thz.tolist(),
        "frequencies_thz_error": modes.frequencies_thz_error.tolist(),
        "wavenumbers_per_cm": modes.wavenumbers.tolist(),
        **modes.record,
    }


def describe_modes(report: Report) -> str:
    """Return the lines about modes."""
    temperature = report["temperature"]
    lines = [
        f"{len(report['frequencies_thz'])} modes of {report['frames']} frames by {report['estimator']}, "
        f"{report['symmetry_operations']} symmetry operations"
        + ("" if temperature is None else f", {temperature:.0f} K"),
        "mode       THz     ±        cm⁻¹     ±",
    ]
    numbers = zip(report["frequencies_thz"], report["frequencies_thz_error"], report["wavenumbers_per_cm"], strict=True)
    for mode, (frequency, error, wavenumber) in enumerate(numbers):
        scale = wavenumber / frequency if frequency else 0.0
        lines.append(f"{mode:4d}  {frequency:8.3f} {error:6.3f}  {wavenumber:9.1f} {scale * error:6.1f}")
    return "\n".join(lines)


def _write(modes: NormalModes, options: argparse.Namespace) -> None:
    """Write the files that are wanted."""
    if options.output is not None:
        modes.save(options.output)
    spectrum = modes.spectrum
    if options.spectrum is not None:
        if spectrum is None:
            message = f"{options.spectrum}: there is no spectrum without momenta of equally spaced frames"
            raise SettingsError(message)
        table_k2 = np.column_stack([spectrum.frequency_k, spectrum.density_k])
        atomic_write(options.spectrum, partial(_save_table, table_k2=table_k2))
    if options.animate is not None:
        modes.write_modes(options.animate)
    if options.plot is not None:
        panels = [partial(plot_mode_frequencies, modes.frequencies_thz, modes.frequencies_thz_error)]
        if spectrum is not None:
            curve = spectrum.frequency_k, spectrum.density_k, modes.frequencies_thz
            panels.append(partial(plot_velocity_spectrum, *curve))
        save_panels(panels, options.plot)


def _save_table(path: Path, table_k2: Any) -> None:  # noqa: ANN401  # an array of two columns
    np.savetxt(path, table_k2, header="frequency (THz)  density of states (1/THz)")
