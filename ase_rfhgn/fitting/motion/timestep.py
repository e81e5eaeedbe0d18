"""Checks of the time step and the masses against displacements and momenta; messages name measured values."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import tee

import numpy as np
from ase.data import chemical_symbols
from ase.units import fs

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.motion.stencils import combined, law_of_displacement
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.time_order import Chronology, runs_of, unbroken_positions

TOLERANCE = 0.05
"""Relative deviation of times and masses that is no reason to worry."""

SIGNIFICANT = 6.0
"""Standard errors from which a deviation is no accident."""


@dataclass(frozen=True, slots=True)
class TimeMeasurement:
    """Sums over atoms and frames from which the time between frames follows.

    Attributes
    ----------
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    frame_w : ndarray of shape (n_windows,)
        Frames that the sums are about, those in the middle between two others.
    product_wsk : ndarray of shape (n_windows, n_species, 4)
        Displacement over an interval times velocity, squared velocity, squared displacement, and
        number of components.
    """

    species_s: IntArray
    frame_w: IntArray
    product_wsk: FloatArray

    def interval(self) -> float:
        """Return the time between frames (ASE's unit)."""
        return float(_slopes(self.product_wsk.sum(axis=(0, 1)))[0])


def measure_time(frames: Iterable[Frame], order: Chronology, stride: int) -> TimeMeasurement:
    """Return the time between frames from displacements and momenta.

    Parameters
    ----------
    frames : iterable of Frame
        Frames with momenta.
    order : Chronology
        Their order.
    stride : int
        Steps of the integrator from one frame to the next.
    """
    law = law_of_displacement(stride)
    middle, product_z = [], []
    for run, members in runs_of(frames, order.runs):
        numbers: list[IntArray] = []
        for i, (moved_nc, velocity_nc) in enumerate(combined(law, len(run), _motion(members, numbers)), start=1):
            middle.append(run.start + i)
            product_z.append(_products(moved_nc, velocity_nc, numbers[0]))
    species = sorted(set().union(*product_z))
    product_wsk = np.array([[product.get(z, np.zeros(4)) for z in species] for product in product_z])
    return TimeMeasurement(np.array(species), np.array(middle), product_wsk.reshape(-1, len(species), 4))


def check_time(measured: TimeMeasurement, interval: float, name: str) -> dict[int, float]:
    """Return how much heavier elements are than their frames say, where momenta show a difference.

    Displacements over velocities are the time between frames. If no element agrees with the time
    that is given, then the time is wrong; if some do, the masses of the others are.

    Parameters
    ----------
    measured : TimeMeasurement
        What displacements and momenta say.
    interval : float
        Time between frames as it is given (ASE's unit).
    name : str
        What messages call the frames.

    Raises
    ------
    TrainingDataError
        If the time is another one, or varies; the message has the measured values.

    Warns
    -----
    TrainingDataWarning
        If masses differ.
    """
    duration_s, error_s = _slopes(measured.product_wsk.sum(axis=0))
    agrees_s = np.abs(duration_s - interval) <= TOLERANCE * interval + SIGNIFICANT * error_s
    if not agrees_s.any():
        message = (
            f"{name}: momenta say that frames are {measured.interval() / fs:.4g} fs apart, but timestep × stride is "
            f"{interval / fs:.4g} fs: correct the time step, the stride, or the masses, or store frames more often"
        )
        raise TrainingDataError(message)
    duration_w, error_w = _slopes(measured.product_wsk[:, agrees_s].sum(axis=1))
    strange_w = np.abs(duration_w - interval) > TOLERANCE * interval + SIGNIFICANT * error_w
    for w in np.flatnonzero(strange_w)[:1]:
        message = (
            f"{name}, frame {measured.frame_w[w]}: momenta say that the frames around are {duration_w[w] / fs:.4g} fs "
            f"apart, but timestep × stride is {interval / fs:.4g} fs: all must be equally far apart; drop the others"
        )
        raise TrainingDataError(message)
    ratio_z = {int(z): float(interval / duration_s[s]) for s, z in enumerate(measured.species_s) if not agrees_s[s]}
    if ratio_z:
        found = ", ".join(f"{chemical_symbols[z]} is {ratio:.4g} times as heavy" for z, ratio in ratio_z.items())
        message = f"{name}: momenta say that {found} as the masses of the frames; the measured masses are used"
        warnings.warn(message, TrainingDataWarning, stacklevel=2)
    return ratio_z


def _motion(frames: Iterable[Frame], numbers: list[IntArray]) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield the positions and velocities of the frames of a run; leave the atomic numbers."""
    own, copies = tee(frame.atoms for frame in frames)
    for atoms, position_nc in zip(own, unbroken_positions(copies), strict=True):
        numbers[:] = [atoms.numbers]
        yield position_nc, atoms.get_velocities()


def _products(moved_nc: FloatArray, velocity_nc: FloatArray, number_n: IntArray) -> dict[int, FloatArray]:
    products = [moved_nc * velocity_nc, velocity_nc**2, moved_nc**2, np.ones_like(moved_nc)]
    product_nk = np.stack(products, axis=-1).sum(axis=1)
    return {int(z): product_nk[number_n == z].sum(axis=0) for z in np.unique(number_n)}


def _slopes(product_k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return displacements over velocities by least squares, and their standard errors."""
    along, squared, moved, n_components = np.moveaxis(product_k, -1, 0)
    squared = np.maximum(squared, np.finfo(float).tiny)
    rest = np.maximum(moved - along**2 / squared, 0.0)
    return along / squared, np.sqrt(rest / (squared * np.maximum(n_components - 1.0, 1.0)))
