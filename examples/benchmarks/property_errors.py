"""Error bars of properties beside true errors: copper by effective medium theory, small fits with several seeds.

    python examples/benchmarks/property_errors.py [--seeds 0 1 2 3 4 5]

prints a Markdown table. The frames are strained and rattled crystals and short thermal runs, without vacancies and
surfaces: these are extrapolations, and grades say so. An error bar is the half-width of a 68 % interval.
"""

from __future__ import annotations

import argparse
from itertools import chain

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from ase_rfhgn import Potential, fit
from ase_rfhgn.cli.copper_demo import strained_frames, thermal_frames
from ase_rfhgn.properties import elastic_constants, equation_of_state, phonons, surface_energy, vacancy_energy
from ase_rfhgn.properties.committee import Model

TEMPERATURES = (300.0, 900.0)
SUPERCELL = (2, 2, 2)

Property = tuple[float, float | None, float | None]
"""A value, its error bar, and the largest grade of the structures."""


def main() -> None:
    """Print a row per property."""
    parser = argparse.ArgumentParser(description="Error bars of properties beside true errors.")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(6)), metavar="N")
    options = parser.parse_args()
    truth = properties_by(EMT())
    found = [properties_by(fitted(seed)) for seed in options.seeds]
    print("| property | EMT | RMS error | RMS error bar | within the bar | largest grade |")
    print("|---|---|---|---|---|---|")
    for name, (value, _, _) in truth.items():
        error_i = np.array([abs(one[name][0] - value) for one in found])
        bar_i = np.array([one[name][1] or np.nan for one in found])
        grade = max(one[name][2] or 0.0 for one in found)
        rms, rms_bar = (np.sqrt(np.mean(some**2)) for some in (error_i, bar_i))
        within = np.count_nonzero(error_i <= bar_i)
        print(f"| {name} | {value:.4g} | {rms:.2g} | {rms_bar:.2g} | {within} of {len(found)} | {grade:.2g} |")


def fitted(seed: int) -> Potential:
    """Return a small fit to frames of its own."""
    generator = np.random.default_rng(seed)
    frames: list[Atoms] = []
    for atoms in chain(strained_frames(1.0, generator), thermal_frames(TEMPERATURES, generator)):
        atoms.get_stress()
        frames.append(atoms.copy())
        frames[-1].calc = EMT()
        frames[-1].get_stress()
    return fit(frames, channels=12, projections=3, seed=seed)


def properties_by(model: Model) -> dict[str, Property]:
    """Return properties of copper by a model."""
    crystal = bulk("Cu", cubic=True)
    elastic = elastic_constants(model, crystal)
    stiffness_vv, bar_vv = elastic.stiffness_gpa, elastic.stiffness_gpa_error
    curve = equation_of_state(model, crystal)
    modes = phonons(model, crystal, supercell=SUPERCELL, points=1, path="GX")
    bar_ib = modes.frequencies_thz_error
    vacancy = vacancy_energy(model, crystal, supercell=SUPERCELL)
    surface = surface_energy(model, crystal)
    found: dict[str, Property] = {
        name: (float(stiffness_vv[at]), None if bar_vv is None else float(bar_vv[at]), elastic.gamma)
        for name, at in {"C11, GPa": (0, 0), "C12, GPa": (0, 1), "C44, GPa": (3, 3)}.items()
    }
    found["bulk modulus from C, GPa"] = elastic.bulk_modulus_gpa, elastic.bulk_modulus_gpa_error, elastic.gamma
    found["bulk modulus from E(V), GPa"] = curve.bulk_modulus_gpa, curve.bulk_modulus_gpa_error, curve.gamma
    found["volume, Å³/atom"] = curve.volume_a3, curve.volume_a3_error, curve.gamma
    for name, b in {"transverse phonon at X, THz": 0, "longitudinal phonon at X, THz": 2}.items():
        bar = None if bar_ib is None else float(bar_ib[-1, b])
        found[name] = float(modes.frequencies_thz[-1, b]), bar, modes.gamma
    found["vacancy, eV"] = vacancy.energy_ev, vacancy.energy_ev_error, vacancy.gamma
    found["surface 111, J/m²"] = surface.energy_j_m2, surface.energy_j_m2_error, surface.gamma
    return found


if __name__ == "__main__":
    main()
