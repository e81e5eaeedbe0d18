"""What the data doctor names of the faults that users' files have, and what it says about given files.

    python examples/benchmarks/doctor.py [--systems Cu Al Ar H2O CH4 Cu13] [--frames 30] [--fit]
    python examples/benchmarks/doctor.py --files a.traj b.traj [--fit]

prints a Markdown table, a row per fault and a column per system: named or refused, by the check of the
frames alone or, with ``--fit``, by a fit; a dash where nobody said anything. The first row is about sound
frames, where nothing should be said. With files, the suspicions about each are printed.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence

from ase import Atoms
from planted_faults import FAULTS, Fault, sound_frames

from ase_rfhgn import fit
from ase_rfhgn.errors import RFHGNError
from ase_rfhgn.structures.doctor.examination import examined
from ase_rfhgn.structures.training_set import TrainingSet

SYSTEMS = ("Cu", "Al", "Ar", "H2O", "CH4", "Cu13")
SMALL = {"channels": 12, "projections": 3, "correlation": 3, "degree": 2}
"""Settings of the fits to planted faults."""


def checked(frames: TrainingSet) -> list[tuple[str, str]]:
    """Return the suspicions of the check: kind and line."""
    return [(one.kind, one.line) for one in examined(frames).suspicions()]


def fitted(frames: Sequence[Atoms] | str, settings: dict[str, int]) -> list[tuple[str, str]]:
    """Return the suspicions of a fit; an error stands for a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            record = fit(frames, **settings).record  # type: ignore[arg-type]
        except RFHGNError as error:
            return [("refused", str(error))]
    return [(one["kind"], one["line"]) for one in record["suspicions"]]


def verdict(fault: Fault, system: str, n_frames: int, *, with_fit: bool) -> str:
    """Return whether a fault is named."""
    sound = sound_frames(system, n_frames)
    if fault.needs != "energy" and fault.needs not in sound[0].calc.results:
        return ""
    faulty = fault.plant(sound)
    if any(kind in fault.kinds for kind, _ in checked(TrainingSet.open(faulty, closest=0.0))):
        return "check"
    found = fitted(faulty, SMALL) if with_fit else []
    if any(kind == "refused" for kind, _ in found):
        return "refused"
    return "fit" if any(kind in fault.kinds for kind, _ in found) else "–"


def false_alarms(system: str, n_frames: int, *, with_fit: bool) -> str:
    """Return the kinds of suspicions about sound frames."""
    sound = sound_frames(system, n_frames)
    found = checked(TrainingSet.open(sound)) + (fitted(sound, SMALL) if with_fit else [])
    return ", ".join(dict.fromkeys(kind for kind, _ in found)) or "none"


def main() -> None:
    """Print the table, or the suspicions about files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--systems", nargs="+", default=SYSTEMS)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--files", nargs="+", default=[])
    options = parser.parse_args()
    for path in options.files:
        start = time.process_time()
        found = fitted(path, {}) if options.fit else checked(TrainingSet.open(path, closest=0.0))
        print(f"{path}: {len(found)} suspicions, {time.process_time() - start:.1f} s of CPU")
        for kind, line in found:
            print(f"  [{kind}] {line}", flush=True)
    if options.files:
        return
    print("| fault |", " | ".join(options.systems), "|\n|---|" + "---|" * len(options.systems))
    alarms = (false_alarms(system, options.frames, with_fit=options.fit) for system in options.systems)
    print("| none |", " | ".join(alarms), "|", flush=True)
    for fault in FAULTS:
        row = (verdict(fault, system, options.frames, with_fit=options.fit) for system in options.systems)
        print(f"| {fault.name} |", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
