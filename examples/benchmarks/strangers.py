"""Default fits to a folder of small data sets that nobody tuned anything to, beside another potential.

    python examples/benchmarks/strangers.py [folder] [--sets A B] [--md]

For every pair NAME_train.traj and NAME_test.traj of the folder, one fit with default settings: errors on test
frames, the share of force errors within the 68 % and 95 % intervals, warnings, CPU seconds; with --md, 2 ps of
Langevin dynamics at 300 K from the first test frame, and the grade before a burst. Errors of other potentials
come from reference.json of the folder, where there is one: {NAME: {"ml_pod": {"force_rmse": ...}}}.

By default the folder is ``zoo`` in the folder that the variable ASE_RFHGN_DATA names, else in ``../shared/data``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from measuring import data_folder
from thermal_runs import ThermalRun, thermal_run
from uncertainty import errors_and_widths

from ase_rfhgn import Potential, fit
from ase_rfhgn.errors import RFHGNError
from ase_rfhgn.regression.posterior import left_free
from ase_rfhgn.reports.comparison import Comparison, compare, errors_of
from ase_rfhgn.structures.training_set import TrainingSet

HEAD = """\
| data | frames | force, eV/Å | POD | before | energy, meV/atom | in 68 % | in 95 % | ridge | CPU s \
| warnings | 2 ps at 300 K |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print a row per data set."""
    options = parse()
    reference = read_reference(options.folder)
    print(HEAD, flush=True)
    for train in sorted(options.folder.glob("*_train.traj")):
        name = train.name.removesuffix("_train.traj")
        if options.sets and name not in options.sets:
            continue
        print(
            row(name, train, options.folder / f"{name}_test.traj", reference.get(name, {}), md=options.md), flush=True
        )


def parse() -> argparse.Namespace:
    """Return the options of the command line."""
    default = data_folder() / "zoo"
    parser = argparse.ArgumentParser(description="Default fits to a folder of data sets.")
    parser.add_argument("folder", nargs="?", type=Path, default=default, help="folder of the data")
    parser.add_argument("--sets", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--md", action="store_true", help="run molecular dynamics, too")
    return parser.parse_args()


def read_reference(folder: Path) -> Mapping[str, Any]:
    """Return figures of other potentials, by data set; nothing where there are none."""
    path = folder / "reference.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def row(name: str, train: Path, test: Path, reference: Mapping[str, Any], *, md: bool) -> str:
    """Return the row of a data set."""
    started = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            potential = fit(str(train), threads=1)
        except RFHGNError as error:
            return f"| {name} | refused: {error} |"
    seconds = time.process_time() - started
    print(*(f"{name}: {one.message}" for one in caught), sep="\n", file=sys.stderr)
    comparisons = list(compare(potential, test, uncertainty=True))
    errors = errors_of(comparisons)
    before: Mapping[str, Any] = next((value for key, value in reference.items() if key.startswith("default_fit")), {})
    cells = [
        name,
        potential.record["n_frames"],
        shown(errors.force_rmse),
        shown(reference.get("ml_pod", {}).get("force_rmse")),
        shown(before.get("force_rmse")),
        shown(errors.energy_rmse),
        *(shown(share, 2) for share in covered(potential, comparisons)),
        f"{potential.record['ridge']:.0e}",
        f"{seconds:.0f}",
        len(caught),
        told(thermal_run(potential, TrainingSet.open(test)[0].atoms)) if md else "",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def told(run: ThermalRun) -> str:
    """Return the outcome of a run, its largest grade, and when the grade first said so."""
    alarm = "no alarm" if run.first_alarm is None else f"alarm at {run.first_alarm:.0f} fs"
    return f"{run.outcome}, grade {max(run.grades):.1f}, {alarm}"


def shown(value: float | None, digits: int = 4) -> str:
    """Return a number for the table."""
    return "" if value is None or not np.isfinite(value) else f"{value:.{digits}g}"


def covered(potential: Potential, comparisons: list[Comparison]) -> tuple[float, float]:
    """Return the shares of force errors within the 68 % and the 95 % interval, NaN without forces."""
    if potential.ensemble is None or not any(one.force_error_nc is not None for one in comparisons):
        return np.nan, np.nan
    error_m, width_m = errors_and_widths(comparisons)
    free_m = left_free(width_m)
    widening = potential.ensemble.widening["force"]
    inside, outside = error_m[free_m] < width_m[free_m], error_m[free_m] < widening * width_m[free_m]
    return float(np.mean(inside)), float(np.mean(outside))


if __name__ == "__main__":
    main()
