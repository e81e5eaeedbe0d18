"""Distillation of three reference calculators: calls, errors left out, elastic constants, phonons or vibrations.

    python examples/benchmarks/distillation.py [copper ethanol silicon] [--calls 149] [--time 0.5] [--quick]

prints a Markdown table. Copper is ASE's EMT from 100 to 1200 K and from −5 to 50 GPa; ethanol is GFN2-xTB (tblite)
from 100 to 600 K; silicon is Stillinger and Weber's potential (matscipy) from 100 to 1200 K and from −5 to 10 GPa.
Fits have default settings. Deviations are the largest among C11, C12 and C44, and among the frequencies above 1 THz
along the path of the Brillouin zone, or of a molecule's vibrations: student against reference, each at its own minimum.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk, molecule
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si,
    StillingerWeber,
)

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.distillation import distil
from ase_rfhgn.models.named_calculators import NamedCalculator
from ase_rfhgn.properties import elastic_constants, phonons, relax, vibrations

AUDIBLE = 1.0
"""Frequencies below are left out (THz): translations, rotations, and the end of acoustic branches."""

CUBIC = ((0, 0), (0, 1), (3, 3))
"""Places of C11, C12 and C44."""


@dataclass(frozen=True)
class System:
    """A start structure, a reference and ranges."""

    start: Callable[[], Atoms]
    reference: Callable[[], Any]
    temperatures: tuple[float, ...]
    pressures: tuple[float, ...] = (0.0,)


def stillinger_weber() -> Any:  # noqa: ANN401  # a calculator of matscipy
    """Return Stillinger and Weber's potential of silicon."""
    return Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si))


def ethanol() -> Atoms:
    """Return an ethanol molecule at the minimum of GFN2-xTB."""
    return relax(xtb(), molecule("CH3CH2OH"), fmax=0.05).atoms


def xtb() -> Any:  # noqa: ANN401  # a calculator of tblite
    """Return GFN2-xTB."""
    return NamedCalculator.parse("tblite:GFN2-xTB").make()


def emt() -> Any:  # noqa: ANN401  # a calculator of ASE
    """Return effective medium theory."""
    return NamedCalculator.parse("emt").make()


SYSTEMS = {
    "copper": System(lambda: bulk("Cu", cubic=True), emt, (100.0, 650.0, 1200.0), (-5.0, 22.5, 50.0)),
    "ethanol": System(ethanol, xtb, (100.0, 350.0, 600.0)),
    "silicon": System(lambda: bulk("Si"), stillinger_weber, (100.0, 650.0, 1200.0), (-5.0, 2.5, 10.0)),
}


def main() -> None:
    """Print a row per system."""
    parser = argparse.ArgumentParser(description="Distillation of reference calculators.")
    parser.add_argument("names", nargs="*", default=list(SYSTEMS), metavar="system")
    parser.add_argument("--calls", type=int, default=149, metavar="N", help="largest number of calls")
    parser.add_argument("--time", type=float, default=0.5, metavar="ps", help="length of every stage")
    parser.add_argument("--quick", action="store_true", help="a small fit and small cells, which show nothing")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args()
    print("| system | calls | test frames | energy, meV/atom | force, eV/Å | stress, GPa | elastic | frequencies |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.names:
        print(row(name, options), flush=True)


def row(name: str, options: argparse.Namespace) -> str:
    """Return the row of a system."""
    system = SYSTEMS[name]
    small: dict[str, Any] = {"channels": 6, "projections": 2, "degree": 2, "cutoff": 4.0, "atoms": 16}
    with tempfile.TemporaryDirectory() as folder:
        found = distil(
            system.start(),
            system.reference(),
            Path(folder) / name,
            temperatures=system.temperatures,
            pressures=system.pressures,
            calls=options.calls,
            time=1e3 * options.time * units.fs,
            seed=options.seed,
            progress=not options.quick,
            **(small if options.quick else {}),
        )
    errors = found.errors
    assert errors is not None  # noqa: S101  # these references always answer
    elastic, frequencies = deviations(found.potential, system)
    stress = "–" if errors.stress_rmse is None else f"{errors.stress_rmse:.2g}"
    numbers = f"{errors.n_frames} | {errors.energy_rmse:.2g} | {errors.force_rmse:.2g} | {stress}"
    return f"| {name} | {found.n_calls} | {numbers} | {elastic} | {frequencies} |"


def deviations(student: Any, system: System) -> tuple[str, str]:  # noqa: ANN401  # a potential
    """Return the largest deviations of elastic constants and of frequencies, in words."""
    pairs = [(model, system.start()) for model in (student, system.reference())]
    if not pairs[0][1].pbc.any():
        ours, theirs = (vibrations(*pair).frequencies_thz for pair in pairs)
        return "–", worst(ours, theirs)
    constants = [np.array([elastic_constants(*pair).stiffness_gpa[at] for at in CUBIC]) for pair in pairs]
    ours, theirs = (phonons(*pair, supercell=(2, 2, 2), points=20).frequencies_thz for pair in pairs)
    values = ", ".join(f"{a:.1f}/{b:.1f}" for a, b in zip(*constants, strict=True))
    return f"{worst(*constants)} ({values} GPa)", worst(ours, theirs)


def worst(ours: FloatArray, theirs: FloatArray) -> str:
    """Return the largest relative deviation, and the root mean square of all."""
    heard = np.abs(theirs) > AUDIBLE
    ratio = np.abs(ours[heard] / theirs[heard] - 1.0)
    return f"{100 * ratio.max():.1f} % (RMS {100 * np.sqrt(np.mean(ratio**2)):.1f} %)"


if __name__ == "__main__":
    main()
