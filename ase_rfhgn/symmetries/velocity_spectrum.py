"""The spectrum of the velocity autocorrelation of runs: the vibrational density of states, without any fit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import get_window

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays


@dataclass(frozen=True, slots=True)
class VelocitySpectrum(ReadOnlyArrays):
    """Power of mass-weighted velocities over the frequency, normalised to the integral one.

    Attributes
    ----------
    frequency_k : ndarray
        Frequencies (THz).
    density_k : ndarray of the same shape
        Density of states (1/THz).
    """

    frequency_k: FloatArray
    density_k: FloatArray


def velocity_spectrum(speed_md: FloatArray, start_g: IntArray, step: float) -> VelocitySpectrum:
    """Return the spectrum of mass-weighted velocities, the mean over runs of equal weight per frame.

    By the Wiener–Khinchin theorem the power spectrum is the Fourier transform of the autocorrelation. Runs
    are tapered by a Hann window; the longest run decides the resolution.

    Parameters
    ----------
    speed_md : ndarray of shape (n_frames, d)
        Mass-weighted velocities.
    start_g : ndarray of shape (n_runs + 1,)
        First frame of every run, and the number of frames.
    step : float
        Time between frames (ps).
    """
    longest = int(np.diff(start_g).max())
    frequency_k = np.fft.rfftfreq(longest, step)
    power_k = np.zeros(len(frequency_k))
    for start, stop in pairwise(start_g.tolist()):
        window_t = get_window("hann", stop - start)
        amplitude_kd = np.fft.rfft(window_t[:, None] * speed_md[start:stop], n=longest, axis=0)
        power_k += (np.abs(amplitude_kd) ** 2).sum(axis=1)
    total = float(power_k.sum()) * float(frequency_k[1])
    return VelocitySpectrum(frequency_k.astype(np.float64), power_k / total if total > 0.0 else power_k)
