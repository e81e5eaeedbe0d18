"""Normal modes at temperature: frequencies with errors, patterns, the spectrum beside them; saved and loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.io.trajectory import Trajectory

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.archive import Arrays, Header, read_model_as, shaped, with_prefix, without_prefix, write_model
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.symmetries.velocity_spectrum import VelocitySpectrum

KIND = "normal modes"
"""Name of this kind of model in model files."""

TERAHERTZ = 1e3 * units.fs / (2.0 * np.pi)
"""THz of an angular frequency of one per ASE time."""

PER_CENTIMETRE = 1e10 / units._c  # noqa: SLF001  # ASE's speed of light, in m/s
"""Wavenumbers (cm⁻¹) of a frequency of 1 THz."""


@dataclass(frozen=True, eq=False)
class NormalModes(ReadOnlyArrays):
    """Normal modes of atoms about their sites, as molecular dynamics shows them at its temperature.

    Attributes
    ----------
    reference : ase.Atoms
        Sites.
    frequency_u : ndarray of shape (n_modes,)
        Angular frequencies, ascending; negative for unstable modes (radians per ASE time).
    error_u : ndarray of the same shape
        Standard errors, by leaving out blocks of frames in turn.
    pattern_unc : ndarray of shape (n_modes, n_atoms, 3)
        Mass-weighted eigenvectors of unit length.
    spectrum : VelocitySpectrum or None
        Spectrum of velocities, where there are momenta of equally spaced frames.
    record : dict
        Estimator, temperature, friction, symmetry and more: plain JSON values.
    """

    reference: Atoms
    frequency_u: FloatArray
    error_u: FloatArray
    pattern_unc: FloatArray
    spectrum: VelocitySpectrum | None = None
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name of this kind of model."""
        return KIND

    def __len__(self) -> int:
        """Return the number of modes."""
        return len(self.frequency_u)

    @property
    def frequencies_thz(self) -> FloatArray:
        """Frequencies (THz), shape (n_modes,)."""
        return TERAHERTZ * self.frequency_u

    @property
    def frequencies_thz_error(self) -> FloatArray:
        """Standard errors of the frequencies (THz), shape (n_modes,)."""
        return TERAHERTZ * self.error_u

    @property
    def wavenumbers(self) -> FloatArray:
        """Wavenumbers (cm⁻¹), shape (n_modes,)."""
        return PER_CENTIMETRE * self.frequencies_thz

    def animation(self, mode: int, *, amplitude: float | None = None, n_images: int = 30) -> list[Atoms]:
        """Return structures of one period of a mode.

        Parameters
        ----------
        mode : int
            Number of the mode, from 0.
        amplitude : float, optional
            Largest displacement of an atom (Å); by default 0.3.
        n_images : int, default 30
            Number of structures.

        Raises
        ------
        SettingsError
            If there is no such mode.
        """
        if not 0 <= mode < len(self):
            message = f"there is no mode {mode!r}: modes are 0 to {len(self) - 1}"
            raise SettingsError(message)
        shift_nc = self.pattern_unc[mode] / np.sqrt(self.reference.get_masses())[:, None]
        largest = float(np.linalg.norm(shift_nc, axis=1).max())
        shift_nc = shift_nc * ((0.3 if amplitude is None else amplitude) / largest)
        images = []
        for phase in 2.0 * np.pi * np.arange(n_images) / n_images:
            image: Atoms = self.reference.copy()
            image.positions += np.sin(phase) * shift_nc
            images.append(image)
        return images

    def write_modes(self, prefix: str | Path, modes: Iterable[int] | None = None) -> list[Path]:
        """Write one trajectory per mode for a viewer, as `ase.vibrations` does; return the files.

        Parameters
        ----------
        prefix : str or Path
            Files are named ``<prefix>.<mode>.traj``.
        modes : iterable of int, optional
            Which modes; by default all.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        paths = []
        for mode in range(len(self)) if modes is None else modes:
            images = self.animation(mode)

            def write(path: Path, images: list[Atoms] = images) -> None:
                with Trajectory(path, "w") as trajectory:
                    for image in images:
                        trajectory.write(image)

            path = Path(f"{prefix}.{mode}.traj")
            atomic_write(path, write)
            paths.append(path)
        return paths

    def save(self, path: str | Path) -> None:
        """Write the modes to an ``.npz`` file, whole or not at all; equal ones give equal bytes.

        Parameters
        ----------
        path : str or Path
            File to write.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        arrays: Arrays = {
            "number": np.asarray(self.reference.numbers, dtype=np.int64),
            "mass": np.asarray(self.reference.get_masses(), dtype=np.float64),
            "site": np.asarray(self.reference.positions, dtype=np.float64),
            "cell": np.asarray(self.reference.cell.array, dtype=np.float64),
            "periodic": np.asarray(self.reference.pbc, dtype=np.int64),
            "frequency": self.frequency_u,
            "error": self.error_u,
            "pattern": self.pattern_unc,
        }
        if self.spectrum is not None:
            spectrum = {"frequency": self.spectrum.frequency_k, "density": self.spectrum.density_k}
            arrays |= with_prefix("spectrum", spectrum)
        write_model(path, {"model": KIND, "record": self.record}, arrays)

    @classmethod
    def load(cls, path: str | Path) -> NormalModes:
        """Return the modes of a file.

        Parameters
        ----------
        path : str or Path
            File that `save` wrote.

        Raises
        ------
        ModelFileError
            If the file is missing, or holds no intact modes.
        """
        return read_model_as(path, {KIND: _assembled})


def _assembled(header: Header, arrays: Arrays) -> NormalModes:
    """Return the modes of a header and arrays."""
    n_atoms, n_modes = len(shaped(arrays, "number", (None,))), len(shaped(arrays, "frequency", (None,)))
    reference = Atoms(
        numbers=arrays["number"],
        positions=shaped(arrays, "site", (n_atoms, 3)),
        masses=shaped(arrays, "mass", (n_atoms,)),
        cell=shaped(arrays, "cell", (3, 3)),
        pbc=shaped(arrays, "periodic", (3,)).astype(bool),
    )
    spectrum = None
    if stored := without_prefix("spectrum", arrays):
        frequency_k = shaped(stored, "frequency", (None,))
        spectrum = VelocitySpectrum(frequency_k, shaped(stored, "density", (len(frequency_k),)))
    return NormalModes(
        reference=reference,
        frequency_u=arrays["frequency"],
        error_u=shaped(arrays, "error", (n_modes,)),
        pattern_unc=shaped(arrays, "pattern", (n_modes, n_atoms, 3)),
        spectrum=spectrum,
        record=dict(header["record"]),
    )
