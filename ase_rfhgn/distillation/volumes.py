"""Volumes of a crystal under temperature and pressure, from few energies of the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.eos import EquationOfState
from ase.units import GPa, kB
from scipy.optimize import brentq

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.distillation.account import Account
from ase_rfhgn.distillation.starts import Start
from ase_rfhgn.errors import StructureError

RATIOS = (1.0, 0.97, 1.03, 0.94, 1.06)
"""Volumes of the first energies, relative to the start structure."""

FURTHER = (0.06, 0.12)
"""How much further energies are looked for if their minimum is not among the volumes."""

SEARCHES = 4
"""How often they are looked for."""

FEWEST = 5
"""Energies that a curve needs."""

BEARABLE = 0.8
"""Share of the largest tension of the curve that a crystal is strained to."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Energy of a crystal over its volume by Birch and Murnaghan, and its thermal pressure by Grüneisen.

    Attributes
    ----------
    volume : float
        Volume at rest, of the supercell (Å³).
    stiffness : float
        Bulk modulus (eV/Å³).
    slope : float
        Derivative of the bulk modulus by pressure.
    n_atoms : int
        Atoms of the supercell.
    """

    volume: float
    stiffness: float
    slope: float
    n_atoms: int

    @property
    def grueneisen(self) -> float:
        """Grüneisen parameter by Slater, between 0 and 3."""
        return float(np.clip(0.5 * self.slope - 1.0 / 6.0, 0.0, 3.0))

    def pressure(self, volume: float) -> float:
        """Return the pressure without thermal motion at a volume (eV/Å³)."""
        x = (self.volume / volume) ** (1.0 / 3.0)
        rise = 1.0 + 0.75 * (self.slope - 4.0) * (x**2 - 1.0)
        return float(1.5 * self.stiffness * (x**7 - x**5) * rise)

    def thermal_pressure(self, volume: float, temperature: float, grueneisen: float | None = None) -> float:
        """Return the pressure of classical thermal motion (eV/Å³)."""
        factor = self.grueneisen if grueneisen is None else grueneisen
        return factor * 3.0 * self.n_atoms * kB * temperature / volume

    def at(self, temperature: float, pressure: float, grueneisen: float | None = None) -> tuple[float, bool]:
        """Return the volume at a temperature (K) and a pressure (GPa), and whether the crystal bears it.

        Parameters
        ----------
        temperature, pressure : float
            The state (K, GPa).
        grueneisen : float, optional
            Grüneisen parameter, if it was measured.
        """
        volume_i = self.volume * np.linspace(0.4, 1.5, 441)
        pressure_i = np.array([self.pressure(one) for one in volume_i])
        softest = volume_i[volume_i > 0.9 * self.volume][pressure_i[volume_i > 0.9 * self.volume].argmin()]
        largest = brentq(lambda one: self.pressure(one) - BEARABLE * self.pressure(softest), self.volume, softest)

        def excess(volume: float) -> float:
            return self.pressure(volume) + self.thermal_pressure(volume, temperature, grueneisen) - pressure * GPa

        if excess(largest) > 0.0:
            return float(largest), False
        smallest = volume_i[0]
        return (float(brentq(excess, smallest, largest)), True) if excess(smallest) > 0.0 else (float(smallest), False)


def measured_curve(start: Start, account: Account) -> Curve:
    """Return the energy over volume of a crystal, from a few calls of the reference.

    Parameters
    ----------
    start : Start
        A crystal.
    account : Account
        What asks the reference.

    Raises
    ------
    StructureError
        If the energies have no minimum, or the reference has too few answers.
    """
    known: dict[float, float] = {}
    ratios = list(RATIOS)
    for _ in range(SEARCHES):
        known |= _energies(start, ratios, account)
        curve = _fitted(start, known)
        if curve is not None:
            return curve
        if len(known) < FEWEST:
            account.refuse_failures()
            ratios = [ratio + 0.01 for ratio in ratios]
            continue
        lowest = min(known, key=lambda ratio: known[ratio])
        sign = 1.0 if lowest > np.median(list(known)) else -1.0
        ratios = [lowest + sign * one for one in FURTHER]
    low, high = min(known, default=1.0), max(known, default=1.0)
    message = (
        f"{start.name}: the energy has no minimum between {low:.2f} and {high:.2f} of its volume: give a crystal "
        "closer to rest, or set pbc to False for a molecule in a box"
    )
    raise StructureError(message)


def scaled(atoms: Atoms, volume: float) -> Atoms:
    """Return a crystal with another volume (Å³), its atoms moved along."""
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array * (volume / atoms.get_volume()) ** (1.0 / 3.0), scale_atoms=True)
    return copy


def add_extremes(start: Start, volumes: FloatArray, account: Account) -> None:
    """Label the crystal at rest at given volumes, for the ends of the curve."""
    for volume in volumes:
        _energies(start, [volume / start.atoms.get_volume()], account)


def _energies(start: Start, ratios: list[float], account: Account) -> dict[float, float]:
    """Return the energies of crystals by their relative volumes, where the reference has an answer."""
    found = {}
    for ratio in ratios:
        atoms = scaled(start.atoms, ratio * start.atoms.get_volume())
        atoms.info["config_type"] = "volumes"
        frame = account.ask(atoms, "volumes")
        if frame is not None and frame.energy is not None:
            found[float(ratio)] = frame.energy
    return found


def _fitted(start: Start, known: dict[float, float]) -> Curve | None:
    """Return the curve through energies, None if its minimum is not among them."""
    if len(known) < FEWEST:
        return None
    volume_i = np.array(sorted(known)) * start.atoms.get_volume()
    energy_i = np.array([known[ratio] for ratio in sorted(known)])
    if not 0 < energy_i.argmin() < len(energy_i) - 1:
        return None
    near = np.argsort(np.abs(volume_i - volume_i[energy_i.argmin()]))[: FEWEST + 2]
    fit = EquationOfState(volume_i[np.sort(near)], energy_i[np.sort(near)], eos="birchmurnaghan")
    try:
        volume, _, stiffness = fit.fit(warn=False)
    except RuntimeError:  # scipy's, if it does not converge
        return None
    slope = float(fit.eos_parameters[2])
    if not (volume_i[0] < volume < volume_i[-1] and stiffness > 0.0):
        return None
    return Curve(float(volume), float(stiffness), float(np.clip(slope, 1.0, 8.0)), len(start.atoms))
