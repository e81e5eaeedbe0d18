"""Thermal conductivity of liquid argon by Green and Kubo, from the heat flux of a fitted potential.

A potential is fitted to snapshots of liquid argon, labelled by ASE's Lennard-Jones calculator. A run at
constant energy gives the heat flux, and the integral of its autocorrelation the conductivity
λ = ∫ ⟨J(0)·J(t)⟩ dt / (3 V k T²). The state is near the triple point, where the literature agrees: in units
of Lennard-Jones λ is 6.6 to 7.2 (Levesque, Verlet and Kürkijarvi, Phys. Rev. A 7, 1690 (1973); Vogelsang,
Hoheisel and Ciccotti, J. Chem. Phys. 86, 6371 (1987)).

    python examples/argon_thermal_conductivity.py [--steps 40000] [--plot conductivity.png]
"""

# %%
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary
from ase.md.verlet import VelocityVerlet
from matplotlib.figure import Figure
from scipy.signal import correlate

from ase_rfhgn import Potential, RFHGNCalculator, fit
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.neighbour_list import NeighbourList

EPSILON, SIGMA = 119.8 * units.kB, 3.405
REDUCED_DENSITY, REDUCED_TEMPERATURE = 0.8442, 0.722
PUBLISHED = 6.6, 7.2
TIMESTEP = 4.0 * units.fs
STRIDE = 5
"""Time steps between values of the heat flux."""
LONGEST = 3.0e3 * units.fs
"""Time up to which the autocorrelation is integrated; it has decayed long before."""
WATT_PER_METRE_KELVIN = units.second * 1e10 / units.J
REDUCED_UNIT = units.kB / SIGMA**2 * np.sqrt(EPSILON / 39.948)
"""Conductivity that is 1 in units of Lennard-Jones (eV per Å, K and ASE's time)."""


class Conductivity(NamedTuple):
    """A thermal conductivity, and the running integral that it is read from."""

    time_t: FloatArray
    integral_bt: FloatArray
    temperature: float

    @property
    def reduced(self) -> tuple[float, float]:
        """Conductivity in units of Lennard-Jones, and its standard error over blocks of the run."""
        plateau_b = self.integral_bt[:, len(self.time_t) // 3 :].mean(axis=1) / REDUCED_UNIT
        return float(plateau_b.mean()), float(plateau_b.std(ddof=1) / np.sqrt(len(plateau_b)))


def liquid(repeat: int, seed: int) -> Atoms:
    """Return hot argon at the density of the liquid, with ASE's Lennard-Jones calculator."""
    atoms: Atoms = bulk("Ar", a=SIGMA * (4.0 / REDUCED_DENSITY) ** (1.0 / 3.0), cubic=True) * repeat
    rng = np.random.default_rng(seed)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * np.sqrt(units.kB * 160.0 * 39.948))
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=2.5 * SIGMA, smooth=True)
    return atoms


def thermostat(atoms: Atoms, temperature: float, rng: np.random.Generator) -> Langevin:
    """Return dynamics at a temperature (K)."""
    return Langevin(atoms, TIMESTEP, temperature_K=temperature, friction=0.01 / units.fs, rng=rng, fixcm=False)


# %% [markdown]
# The training set: snapshots of a short run that melts the crystal.


# %%
def learned(n_frames: int) -> Potential:
    """Return a small potential that was fitted to snapshots of the melting crystal."""
    atoms, frames = liquid(3, seed=0), []
    dynamics = thermostat(atoms, 120.0, np.random.default_rng(1))
    for _ in range(n_frames):
        dynamics.run(40)
        frames.append(atoms.copy())
        frames[-1].calc = LennardJones(**atoms.calc.parameters)
        frames[-1].get_forces()
        frames[-1].get_stress()
    potential = fit(frames, cutoff=2.5 * SIGMA, channels=24, projections=1, correlation=2, degree=0)
    print(f"fitted to {n_frames} frames: {1000.0 * potential.record['train_rmse']['force']:.3g} meV/Å")
    return potential


# %% [markdown]
# The run. One neighbour list serves both the forces and the heat flux.


# %%
def heat_flux(potential: Potential, n_steps: int, repeat: int) -> tuple[Atoms, FloatArray, float]:
    """Return the last structure, the heat flux along a run at constant energy, and its mean temperature."""
    atoms = liquid(repeat, seed=2)
    atoms.calc = RFHGNCalculator(potential)
    temperature = REDUCED_TEMPERATURE * EPSILON / units.kB
    rng = np.random.default_rng(3)
    thermostat(atoms, 1.6 * temperature, rng).run(n_steps // 20)
    thermostat(atoms, temperature, rng).run(n_steps // 10)
    Stationary(atoms)
    neighbours, fluxes, temperatures = NeighbourList(potential.cutoff), [], []
    dynamics = VelocityVerlet(atoms, TIMESTEP)
    for _ in range(n_steps // STRIDE):
        dynamics.run(STRIDE)
        fluxes.append(potential.heat_flux(atoms, neighbours=neighbours))
        temperatures.append(atoms.get_temperature())
    return atoms, np.array(fluxes), float(np.mean(temperatures))


def green_kubo(flux_tc: FloatArray, volume: float, temperature: float, n_blocks: int = 5) -> Conductivity:
    """Return the conductivity of a heat flux, with running integrals of blocks of the run."""
    step = STRIDE * TIMESTEP
    n_lags = min(int(LONGEST / step), len(flux_tc) // n_blocks // 2)
    integrals = []
    for block_tc in np.array_split(flux_tc - flux_tc.mean(axis=0), n_blocks):
        raw_t = sum(correlate(flux_t, flux_t)[len(flux_t) - 1 :][:n_lags] for flux_t in block_tc.T)
        correlation_t = raw_t / (len(block_tc) - np.arange(n_lags))
        area_t = np.concatenate([[0.0], np.cumsum(0.5 * (correlation_t[1:] + correlation_t[:-1])) * step])
        integrals.append(area_t / (3.0 * volume * units.kB * temperature**2))
    return Conductivity(step * np.arange(n_lags, dtype=np.float64), np.array(integrals, dtype=np.float64), temperature)


def plot(found: Conductivity, path: str) -> None:
    """Draw the running integrals beside the published range."""
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.subplots()
    picosecond_t = found.time_t / (1e3 * units.fs)
    for integral_t in found.integral_bt / REDUCED_UNIT:
        axes.plot(picosecond_t, integral_t, color="0.7", linewidth=1.0)
    axes.plot(picosecond_t, found.integral_bt.mean(axis=0) / REDUCED_UNIT, color="C0", label="mean of the blocks")
    axes.axhspan(*PUBLISHED, color="C1", alpha=0.3, label="published")
    axes.set_xlabel("upper limit of the integral (ps)")
    axes.set_ylabel("thermal conductivity (k/σ² · √(ε/m))")
    axes.legend()
    figure.savefig(path, dpi=120)


def run_example(n_steps: int, n_frames: int, repeat: int, figure: str | None = None) -> Conductivity:
    """Fit, run, integrate, and print the conductivity."""
    potential = learned(n_frames)
    atoms, flux_tc, temperature = heat_flux(potential, n_steps, repeat)
    found = green_kubo(flux_tc, atoms.get_volume(), temperature)
    value, error = found.reduced
    unit = REDUCED_UNIT * WATT_PER_METRE_KELVIN
    print(f"{len(atoms)} atoms, {n_steps * TIMESTEP / units.fs / 1000:.0f} ps at {temperature:.1f} K")
    print(f"conductivity {value:.2f} ± {error:.2f} (published {PUBLISHED[0]} to {PUBLISHED[1]})")
    print(f"           = {value * unit:.3f} ± {error * unit:.3f} W/(m K)")
    if figure is not None:
        plot(found, figure)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the example with options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=40_000, help="time steps of 4 fs")
    parser.add_argument("--frames", type=int, default=20, help="frames of the training set")
    parser.add_argument("--repeat", type=int, default=4, help="cubic cells along each axis: 4 are 256 atoms")
    parser.add_argument("--plot", help="figure to write")
    options = parser.parse_args(arguments)
    run_example(options.steps, options.frames, options.repeat, options.plot)


if __name__ == "__main__":
    main()
