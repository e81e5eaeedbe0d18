"""Errors on real quantum-mechanical data, one fit with default settings per row, beside other potentials.

    python examples/benchmarks/real_data.py [Si Mo Cu ethanol water MoNbTaW] [--parity parity.png]

prints a Markdown table and draws predicted over labelled forces of the test frames. The data are
looked for in the folder that the variable ASE_RFHGN_DATA names, else in ``../shared/data`` beside
this checkout: trajectories that ASE reads, laid out as in `ROWS`.

Figures of other potentials are for the same training and test frames.

References
----------
Zuo et al., J. Phys. Chem. A 124, 731 (2020): Si, Mo, Cu.
Li et al., npj Comput. Mater. 6, 70 (2020): MoNbTaW.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from measuring import data_folder

from ase_rfhgn import fit
from ase_rfhgn.reports.comparison import Comparison, Parity, compare, errors_of, parities_of
from ase_rfhgn.reports.plots import save_figure

PUBLISHED = "published"
MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Peer:
    """Test errors of another potential: energies in meV/atom, forces in eV/Å.

    ``origin`` says whether the figure was published, or measured by us with that program.
    """

    name: str
    origin: str
    energy_rmse: float | None = None
    energy_mae: float | None = None
    force_rmse: float | None = None
    force_mae: float | None = None
    fit_cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A data set: frames to fit, frames to test, and what other potentials reach on them."""

    name: str
    train: str
    test: str
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: RMSE and MAE of each quantity, and what the fit cost."""

    data: str
    potential: str
    energy: tuple[float | None, float | None]
    force: tuple[float | None, float | None]
    stress: tuple[float | None, float | None] = (None, None)
    fit_cpu_seconds: float | None = None
    n_features: int | None = None
    ridge: float | None = None


ROWS = (
    Row(
        "Si",
        "mlearn/Si_train.traj",
        "mlearn/Si_test.traj",
        (
            Peer("SNAP (FitSNAP, 56 coefficients)", MEASURED, 6.99, None, 0.179, None, 5),
            Peer("qSNAP (FitSNAP, 1596 coefficients)", MEASURED, 6.88, None, 0.158, None, 35),
            Peer("POD (LAMMPS fitpod, 184 coefficients)", MEASURED, 5.78, None, 0.127, None, 2.1),
            Peer("linear ACE (ACE-JAX, order 3, degree 14)", MEASURED, 4.77, None, 0.124, None, 95),
            Peer("linear ACE (ACE-JAX, order 3, degree 18)", MEASURED, 6.33, None, 0.104, None, 226),
            Peer("GAP (gap_fit, published settings)", MEASURED, 5.44, None, 0.118, None, 361),
            Peer("MACE (32 channels, L = 0)", MEASURED, 34.6, None, 0.096, None, 603),
            Peer("GAP", PUBLISHED, energy_mae=2.91, force_mae=0.07),
            Peer("MTP", PUBLISHED, energy_mae=2.21, force_mae=0.06),
        ),
    ),
    Row(
        "Mo",
        "mlearn/Mo_train.traj",
        "mlearn/Mo_test.traj",
        (
            Peer("SNAP", PUBLISHED, 9.3, None, 0.376),
            Peer("qSNAP", PUBLISHED, 4.0, None, 0.333),
            Peer("POD (LAMMPS fitpod)", MEASURED, 8.6, None, 0.192, None, 1.4),
            Peer("linear ACE (ACE-JAX, order 3, degree 14)", MEASURED, 3.8, None, 0.213),
            Peer("GAP", PUBLISHED, energy_mae=2.24, force_mae=0.09),
            Peer("MTP", PUBLISHED, energy_mae=2.83, force_mae=0.09),
        ),
    ),
    Row(
        "Cu",
        "mlearn/Cu_train.traj",
        "mlearn/Cu_test.traj",
        (
            Peer("SNAP", PUBLISHED, 0.75, None, 0.083),
            Peer("qSNAP", PUBLISHED, 0.77, None, 0.055),
            Peer("POD (LAMMPS fitpod)", MEASURED, 0.50, None, 0.0144, None, 4.7),
            Peer("GAP", PUBLISHED, energy_mae=0.46, force_mae=0.01),
            Peer("MTP", PUBLISHED, energy_mae=0.41, force_mae=0.01),
        ),
    ),
    Row(
        "ethanol",
        "ethanol/ethanol_train.traj@::2",
        "ethanol/ethanol_test.traj",
        (Peer("sGDML", MEASURED, force_rmse=0.0322, fit_cpu_seconds=29),),
    ),
    Row("water", "water/water_deepmd_data_1.traj@::4", "water/water_deepmd_data_2.traj"),
    Row(
        "MoNbTaW",
        "alloy/MoNbTaW_train.traj",
        "alloy/MoNbTaW_test.traj",
        (Peer("SNAP", PUBLISHED, force_rmse=0.195),),
    ),
)
FOUR_ELEMENTS = (Peer("SNAP", PUBLISHED, force_rmse=0.249),)
"""The alloy's test frames with all four elements; no frame of the training data has more than two."""

HEAD = """\
| test frames | potential | energy meV/atom, RMSE (MAE) | force eV/Å, RMSE (MAE) | stress GPa, RMSE (MAE) \
| fit, CPU s | features | ridge |
|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Fit, test and print every row that was asked for and whose data are there."""
    options = parse()
    folder = data_folder()
    panels: list[Parity] = []
    for row in ROWS:
        if options.rows and row.name not in options.rows:
            continue
        missing = [name for name in (row.train, row.test) if not (folder / name.partition("@")[0]).is_file()]
        if missing:
            print(
                f"skipped {row.name}: {folder} has no {' and no '.join(missing)}; "
                "set ASE_RFHGN_DATA to the folder of the data",
                file=sys.stderr,
            )
            continue
        lines, parity = measure(row, folder)
        if not panels:
            print(HEAD)
        for line in lines:
            print(markdown(line), flush=True)
        panels.append(parity)
    if panels:
        save_figure(panels, options.parity, columns=min(len(panels), 3))
        print(f"drew {options.parity}", file=sys.stderr)


def parse() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Errors on real data beside other potentials, one fit per row.")
    parser.add_argument("rows", nargs="*", metavar="row", help=f"any of {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--parity", default="parity.png", help="figure to write")
    options = parser.parse_args()
    unknown = set(options.rows) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}")
    return options


def measure(row: Row, folder: Path) -> tuple[list[Line], Parity]:
    """Return the lines of a data set, ours first, and the labelled and predicted forces."""
    potential = fit(str(folder / row.train), progress=True)
    record = potential.record
    comparisons = list(compare(potential, folder / row.test, progress=True))
    ours = replace(
        our_line(row.name, comparisons),
        fit_cpu_seconds=record["fit_cpu_seconds"],
        n_features=record["n_features"],
        ridge=record["ridge"],
    )
    lines = [ours, *peer_lines(row.name, row.peers)]
    four_elements = [one for one in comparisons if len(set(one.frame.atoms.numbers)) == 4]
    if 0 < len(four_elements) < len(comparisons):
        name = f"{row.name}, four elements"
        lines += [our_line(name, four_elements), *peer_lines(name, FOUR_ELEMENTS)]
    parity = next(one for one in parities_of(comparisons) if one.quantity == "force")
    return lines, replace(parity, quantity=f"{row.name} force")


def our_line(name: str, comparisons: list[Comparison]) -> Line:
    """Return the errors over some test frames."""
    errors = errors_of(comparisons)
    return Line(
        data=name,
        potential="**ase-rfhgn**",
        energy=(errors.energy_rmse, errors.energy_mae),
        force=(errors.force_rmse, errors.force_mae),
        stress=(errors.stress_rmse, errors.stress_mae),
    )


def peer_lines(name: str, peers: tuple[Peer, ...]) -> Iterator[Line]:
    """Yield a line per potential that others made."""
    for peer in peers:
        yield Line(
            data=name,
            potential=f"{peer.name}, {peer.origin}",
            energy=(peer.energy_rmse, peer.energy_mae),
            force=(peer.force_rmse, peer.force_mae),
            fit_cpu_seconds=peer.fit_cpu_seconds,
        )


def markdown(line: Line) -> str:
    """Return a line of the table."""
    errors = [f"{number(rmse)} ({number(mae)})" for rmse, mae in (line.energy, line.force, line.stress)]
    cells = [line.data, line.potential, *errors, number(line.fit_cpu_seconds), number(line.n_features)]
    return f"| {' | '.join([*cells, number(line.ridge)])} |".replace("– (–)", "–")


def number(value: float | None) -> str:
    """Return a number with three digits, or a dash."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3g}"


if __name__ == "__main__":
    main()
