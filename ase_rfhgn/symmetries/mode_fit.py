"""`normal_modes`: from molecular dynamics to normal modes at temperature, with errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from ase import Atoms, units

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.symmetries.anharmonic_terms import bonds_of, require_frames
from ase_rfhgn.symmetries.crystal_symmetry import CrystalSymmetry, crystal_symmetry, trivial_symmetry
from ase_rfhgn.symmetries.ensemble import Ensemble
from ase_rfhgn.symmetries.mode_estimates import (
    ESTIMATORS,
    Estimate,
    Moments,
    by_forces,
    by_moments,
    by_steps,
    errors_of,
    moments_of,
    returning_share,
    signed_roots,
)
from ase_rfhgn.symmetries.normal_mode_set import NormalModes
from ase_rfhgn.symmetries.run_checks import warn_of_thermostat
from ase_rfhgn.symmetries.runs import Runs, RunSource, read_runs
from ase_rfhgn.symmetries.sites import Displacements, displacements_of
from ase_rfhgn.symmetries.time_steps import (
    SIMPSON,
    checked_timestep,
    require_equal_spacing,
    share_along_momenta,
    timestep_of_modes,
)
from ase_rfhgn.symmetries.velocity_spectrum import VelocitySpectrum, velocity_spectrum

BLOCKS = 8
"""Blocks of frames that are left out in turn."""

FEWEST_FRAMES = 6

NEAR = 0.1
"""Share of squared displacements that those a time step before must explain; less, and frames are too far apart."""

ALONG = 0.5
"""Share of squared displacements between frames that momenta must explain for a time step."""

EXACT_SITE, FLUCTUATIONS = 0.02, 3.0
"""How exact a given reference is (Å), and how many standard errors mean positions may be away from symmetric ones."""


def normal_modes(
    runs: Runs | RunSource | Iterable[RunSource],
    *,
    reference: Atoms | None = None,
    timestep: float | None = None,
    temperature: float | None = None,
    estimator: str | None = None,
    symmetry: bool = True,
    harmonic: bool = False,
) -> NormalModes:
    """Return the normal modes of atoms about their sites, at the temperature of molecular dynamics.

    Frequencies are effective ones: those of the harmonic crystal that explains the motion best, so anharmonic forces
    shift them with temperature. ``harmonic=True`` gives those of small displacements from the sites instead, as
    finite displacements do.

    Parameters
    ----------
    runs : run, or iterable of runs
        Files or lists of Atoms with equally spaced frames.
    reference : ase.Atoms, optional
        Sites, such as the relaxed structure; by default mean positions.
    timestep : float, optional
        Time between frames (ASE units); by default momenta and displacements tell it.
    temperature : float, optional
        Temperature (K), by default from momenta.
    estimator : {"forces", "moments", "steps"}, optional
        How the dynamical matrix is found: least squares of forces; equipartition, kT ⟨uu⟩⁻¹; or correlations of
        displacements with those of neighbouring frames, corrected for friction. By default forces where all frames
        have them, else whichever of the others has the smaller errors.
    symmetry : bool, default True
        Whether the symmetry of the crystal averages matrices; it is found in the reference.
    harmonic : bool, default False
        Whether cubic and quartic terms of bonds are fitted beside the dynamical matrix, by the same least squares.
        Then the matrix is that of small displacements, and what bonds do not explain remains in it. Needs forces or
        neighbouring frames, and more frames, times symmetry operations, than twice the modes.

    Returns
    -------
    NormalModes
        Frequencies with errors, patterns, and the spectrum of velocities beside them.

    Raises
    ------
    TrainingDataError
        If there are too few frames, an atom leaves its site, or what an estimator needs is missing.
    SettingsError
        If a setting is out of its range.
    """
    _check_settings(estimator, temperature, timestep, harmonic=harmonic)
    known = read_runs(runs)
    if len(known.position_mnc) < FEWEST_FRAMES:
        message = (
            f"{known.name_g[0]}: {len(known.position_mnc)} frames are too few: modes need at least {FEWEST_FRAMES}"
        )
        raise TrainingDataError(message)
    warn_of_thermostat(known)
    with single_threaded():
        motion = displacements_of(known, reference)
        operations = (
            _symmetry(motion, known, given=reference is not None) if symmetry else trivial_symmetry(len(known.mass_n))
        )
        bonds = None
        if harmonic:
            require_frames(len(motion.place_md), motion.basis_du.shape[1], operations.n_operations)
            bonds = bonds_of(motion.reference)
        blocks = [
            moments_of(motion, frames, known.start_g, bonds).mapped(partial(_projected, operations, motion.basis_du))
            for frames in np.array_split(np.arange(len(motion.place_md)), BLOCKS)
            if len(frames)
        ]
        whole = sum(blocks[1:], blocks[0])
        thermal = _thermal_energy(whole, temperature)
        step, why_not = _timestep(motion, known, timestep, whole, needed=estimator == "steps")
        makers = _makers(known, motion, whole, thermal, step, operations)
        name, estimate, error_u = _best(makers, whole, blocks, estimator, why_not)
        spectrum = None if step is None else _spectrum(motion, known, step)
    pattern_unc = (motion.basis_du @ estimate.vector_uu).T.reshape(-1, len(known.mass_n), 3)
    record: dict[str, Any] = {
        "estimator": name,
        "frames": len(known.position_mnc),
        "runs": known.n_runs,
        "temperature": None if thermal is None else thermal / units.kB,
        "timestep_fs": None if step is None else step / units.fs,
        "friction_per_ps": estimate.friction * 1e3 * units.fs,
        "symmetry_operations": operations.n_operations,
        "harmonic": harmonic,
    }
    return NormalModes(motion.reference, signed_roots(estimate.square_u), error_u, pattern_unc, spectrum, record)


Maker = Callable[[Moments], Estimate]


def _makers(
    runs: Runs,
    motion: Displacements,
    whole: Moments,
    thermal: float | None,
    step: float | None,
    operations: CrystalSymmetry,
) -> dict[str, Maker]:
    """Return the estimators that the frames allow."""
    makers: dict[str, Maker] = {}
    if motion.force_md is not None:
        makers["forces"] = by_forces
    n_modes = motion.basis_du.shape[1]
    n_samples = (len(runs.position_mnc) - len(runs.position_mnc) // BLOCKS) * operations.n_operations
    if thermal is not None and n_samples > n_modes and whole.return_terms is None:
        makers["moments"] = partial(by_moments, thermal_energy=thermal)
    if step is not None and whole.n_middle > 0.0:
        makers["steps"] = partial(by_steps, timestep=step)
    return makers


def _best(
    makers: dict[str, Maker], whole: Moments, blocks: list[Moments], wanted: str | None, why_not: str
) -> tuple[str, Estimate, FloatArray]:
    """Return the name of the estimator that is wanted or has the smallest errors, what it finds, and the errors."""
    if wanted is not None and wanted not in makers:
        message = f"the estimator {wanted!r} is not possible: {_missing(wanted, why_not)}"
        raise TrainingDataError(message)
    names = [wanted] if wanted else ["forces"] if "forces" in makers else list(makers)
    if not names:
        message = (
            "frames have no forces; without them modes need momenta or the temperature, and more frames than modes, or "
            f"the timestep of frames that are close ({why_not})"
        )
        raise TrainingDataError(message)
    found = []
    for name in names:
        estimate = makers[name](whole)
        friction = {"friction": estimate.friction} if name == "steps" else {}
        rests = [signed_roots(makers[name](whole - block, **friction).square_u) for block in blocks]
        found.append((name, estimate, errors_of(rests)))
    return min(found, key=lambda one: float(np.mean(one[2])))


def _missing(estimator: str, why_not: str) -> str:
    return {
        "forces": "not all frames have forces",
        "moments": "frames have no momenta and there is no temperature, or there are fewer frames than modes",
        "steps": why_not or "frames have no neighbours in time",
    }[estimator]


def _projected(operations: CrystalSymmetry, basis_du: FloatArray, matrix_dd: FloatArray) -> FloatArray:
    """Return a matrix averaged over symmetry operations, in the space of modes."""
    projected_uu: FloatArray = basis_du.T @ operations.averaged(matrix_dd) @ basis_du
    return projected_uu


def _symmetry(motion: Displacements, runs: Runs, *, given: bool) -> CrystalSymmetry:
    """Return the symmetry of the sites, with as much tolerance as they are uncertain."""
    tolerance = EXACT_SITE
    if not given:
        spread = float(np.sqrt((motion.place_md**2 / np.repeat(runs.mass_n, 3)).mean()))
        tolerance += FLUCTUATIONS * spread / np.sqrt(len(motion.place_md) / 10.0 + 1.0)
    return crystal_symmetry(motion.reference, tolerance)


def _thermal_energy(whole: Moments, temperature: float | None) -> float | None:
    """Return kT (eV), by default twice the mean kinetic energy of a mode."""
    if temperature is not None:
        return temperature * float(units.kB)
    thermal = float(np.trace(whole.speed_dd)) / (whole.n_frames * len(whole.speed_dd))
    return thermal if thermal > 0.0 else None


def _timestep(
    motion: Displacements, runs: Runs, timestep: float | None, whole: Moments, *, needed: bool
) -> tuple[float | None, str]:
    """Return the time between frames, or None and why it is not known or of no use."""
    if whole.n_middle > 0.0 and returning_share(whole) < NEAR:
        return None, "frames are too far apart to follow a mode from one to the next"
    if motion.speed_md is None:
        return timestep, "" if timestep is not None else "without momenta the timestep must be given"
    basis_du = motion.basis_du
    states_md = np.concatenate([motion.place_md @ basis_du, motion.speed_md @ basis_du], axis=1)
    ensemble = Ensemble(states_md, runs.start_g)
    if share_along_momenta(ensemble) < ALONG:
        return None, "frames are too far apart: momenta do not explain displacements"
    try:
        require_equal_spacing(ensemble, runs.name_g)
        step = checked_timestep(timestep, ensemble)
        return step if timestep is not None else _refined(step, whole, ensemble), ""
    except TrainingDataError as error:
        if needed:
            raise
        warnings.warn(f"{error} (used are estimators without time)", TrainingDataWarning, stacklevel=3)
        return None, str(error)


def _refined(step: float, whole: Moments, ensemble: Ensemble) -> float:
    """Return a time step that allows for oscillations between frames and for friction."""
    if np.diff(ensemble.start_g).max() < len(SIMPSON):
        return step
    estimate = by_steps(whole, step)
    weight_u = np.einsum("du,dw,wu->u", estimate.vector_uu, whole.middle_speed_dd, estimate.vector_uu, optimize=True)
    return timestep_of_modes(ensemble, np.abs(signed_roots(estimate.square_u)) * step, weight_u)


def _spectrum(motion: Displacements, runs: Runs, step: float) -> VelocitySpectrum | None:
    if motion.speed_md is None:
        return None
    return velocity_spectrum(motion.speed_md, runs.start_g, step / (1e3 * units.fs))


def _check_settings(
    estimator: str | None, temperature: float | None, timestep: float | None, *, harmonic: bool
) -> None:
    if harmonic and estimator == "moments":
        message = "the estimator 'moments' does not tell anharmonic terms apart: leave out estimator, or harmonic"
        raise SettingsError(message)
    if estimator is not None and estimator not in ESTIMATORS:
        message = f"estimator is {estimator!r}: it must be one of {', '.join(ESTIMATORS)}"
        raise SettingsError(message)
    for name, value in (("temperature", temperature), ("timestep", timestep)):
        if value is not None and not (np.isfinite(value) and value > 0.0):
            message = f"{name} is {value!r}: it must be positive"
            raise SettingsError(message)
