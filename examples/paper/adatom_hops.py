"""Slow functions of molecular dynamics: the hops of an adatom on copper (100) at 900 K.

    python examples/paper/adatom_hops.py [--quick] [--output figures]

A long run is cut into short windows, which serve as an ensemble. What varies between windows and hardly within them is
slow. λ of slow functions grows with the length of the window; that of an integral would not.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
from ase import Atoms, units
from ase.build import add_adsorbate, fcc100
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from matplotlib.axes import Axes
from results_page import clocked, parse, publish, table
from symmetry_experiments import panels

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import Integrals, Runs, find_integrals, read_runs

KELVIN, STEP_FS, EVERY, FRICTION_PER_FS = 900.0, 5.0, 10, 0.002
PICOSECONDS = 150
WINDOWS = (10, 20, 40)
"""Frames of a window."""

EXPLANATION = """
Copper, effective medium theory, 27 atoms in three layers, the lowest fixed, one adatom, Langevin dynamics, 150 ps,
frames 50 fs apart. Functions: positions and momenta of all atoms, linearly (monomials to degree 1). "slow": functions
with λ below the threshold on windows left out. R²: coordinates of the adatom regressed on all slow functions, all
frames. MD took most of the time.
"""


def main() -> None:
    """Run, find slow functions, print, draw and publish."""
    options = parse(__doc__)
    frames = hopping(5 if options.quick else PICOSECONDS, quick=options.quick)
    whole = read_runs([frames])
    rows, shown = [], None
    for length in WINDOWS[: 1 if options.quick else 3]:
        runs = windows(whole, length)
        with clocked() as clock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the thermostat, and of frames that are far apart
            found = find_integrals(runs, features="monomials", degree=1)
        slow_mf = slow_functions(found, runs)
        lowest = ", ".join(f"{spread:.2g}" for spread in found.spectrum_i[:6])
        explained = [share_of(slow_mf, runs.position_mnc[:, -1, c]) for c in (0, 1)]
        rows.append([length * EVERY * STEP_FS / 1e3, runs.n_runs, slow_mf.shape[1], lowest, *explained, clock.cpu])
        print(rows[-1], flush=True)
        shown = shown or (runs, slow_mf)
    head = ["window (ps)", "windows", "slow", "λ on windows left out", "R² of x", "R² of y", "CPU s"]
    if shown is not None:
        panels(options, "adatom_hops", [partial(draw_path, shown[0]), partial(draw_functions, shown[1])])
    publish("adatom_hops", "16. Slow modes: an adatom hops", EXPLANATION.strip() + "\n\n" + table(head, rows), options)


def hopping(picoseconds: int, *, quick: bool) -> list[Atoms]:
    """Return frames of the adatom, the last atom."""
    atoms = fcc100("Cu", (2, 2, 3) if quick else (3, 3, 3), a=3.5943, vacuum=8.0)
    add_adsorbate(atoms, "Cu", 1.8, "hollow")
    atoms.set_constraint(FixAtoms(mask=atoms.positions[:, 2] < atoms.positions[:, 2].min() + 0.5))
    atoms.calc = EMT()
    rng = np.random.default_rng(0)
    thermalize_momenta(atoms, KELVIN, rng=rng)
    step = STEP_FS * units.fs
    driver = Langevin(atoms, step, temperature_K=KELVIN, friction=FRICTION_PER_FS / units.fs, fixcm=False, rng=rng)
    driver.run(20 if quick else 400)
    frames: list[Atoms] = []

    def keep() -> None:
        frame = atoms.copy()
        frame.calc = None
        frames.append(frame)

    driver.attach(keep, interval=EVERY)
    driver.run(round(picoseconds * 1e3 / STEP_FS))
    return frames


def windows(whole: Runs, length: int) -> Runs:
    """Return one run as many short ones."""
    n_windows = len(whole.position_mnc) // length
    frames = slice(0, n_windows * length)
    return Runs(
        atoms=whole.atoms,
        position_mnc=whole.position_mnc[frames],
        momentum_mnc=np.asarray(whole.momentum_mnc)[frames],
        force_mnc=None,
        energy_m=None,
        start_g=length * np.arange(n_windows + 1),
        name_g=tuple(f"window {number}" for number in range(n_windows)),
    )


def slow_functions(found: Integrals, runs: Runs) -> FloatArray:
    """Return the values of all slow functions, shape (n_frames, n_functions)."""
    states_md = found.coordinates.states(runs.position_mnc, np.asarray(runs.momentum_mnc))
    value_mf: FloatArray = found.observables.values(states_md) @ found.conserved_fi
    return value_mf


def share_of(value_mf: FloatArray, known_m: FloatArray) -> float:
    """Return R² of a coordinate regressed on functions."""
    column_mf = np.column_stack([value_mf, np.ones(len(value_mf))])
    rest_m = known_m - column_mf @ np.linalg.lstsq(column_mf, known_m, rcond=None)[0]
    return float(1.0 - rest_m.var() / known_m.var())


def times(n_frames: int) -> FloatArray:
    """Return the times of frames (ps)."""
    return np.asarray(np.arange(n_frames) * (EVERY * STEP_FS / 1e3), dtype=np.float64)


def draw_path(runs: Runs, axes: Axes) -> None:
    """Draw the coordinates of the adatom."""
    for c, name in enumerate("xy"):
        axes.plot(times(len(runs.position_mnc)), runs.position_mnc[:, -1, c], linewidth=0.6, label=name)
    axes.set(xlabel="time (ps)", ylabel="adatom (Å)")
    axes.legend(fontsize="x-small")


def draw_functions(value_mf: FloatArray, axes: Axes) -> None:
    """Draw the slow functions in units of their spread, one above the other."""
    columns: Sequence[FloatArray] = list(value_mf.T)
    for number, value_m in enumerate(columns):
        shifted_m = (value_m - value_m.mean()) / value_m.std() + 4.0 * number
        axes.plot(times(len(value_m)), shifted_m, linewidth=0.6)
    ticks = 4.0 * np.arange(len(columns))
    axes.set(xlabel="time (ps)", ylabel="slow function", yticks=ticks, yticklabels=range(1, len(columns) + 1))


if __name__ == "__main__":
    main()
