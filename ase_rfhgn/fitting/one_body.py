"""One-body energies: given ones, labels of isolated atoms, and least squares for the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ase.data import chemical_symbols

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.survey import Survey

FAR = 15.0
"""Distance of usual energies per atom from those of isolated atoms beyond which the labels contradict each other (eV).

No element binds as strongly: tungsten, the strongest, has 9 eV per atom.
"""


@dataclass(frozen=True, slots=True)
class OneBody:
    """One-body energies before the fit.

    Attributes
    ----------
    energy_s : ndarray of shape (n_species,)
        Energies (eV).
    free_s : tuple of bool
        Whether the fit may change them.
    ignored_i : ndarray of shape (n_frames,)
        Isolated atoms whose energies contradict those of all other frames.
    """

    energy_s: FloatArray
    free_s: tuple[bool, ...]
    ignored_i: BoolArray


def one_body_energies(settings: FitSettings, found: Survey) -> OneBody:
    """Return the one-body energies that are given, that isolated atoms have as labels, or that fit energies best.

    Parameters
    ----------
    settings : FitSettings
        Settings of the fit, perhaps with one-body energies.
    found : Survey
        Survey of the training set.

    Raises
    ------
    SettingsError
        If given energies lack an element.
    """
    n_species, none_i = len(found.species_s), np.zeros(len(found.energy_i), dtype=bool)
    if settings.one_body is not None:
        symbols = [chemical_symbols[z] for z in found.species_s]
        missing = [symbol for symbol in symbols if symbol not in settings.one_body]
        if missing:
            message = f"one_body lacks {', '.join(missing)}: give an energy for every element of the frames, or none"
            raise SettingsError(message)
        return OneBody(np.array([settings.one_body[symbol] for symbol in symbols]), (False,) * n_species, none_i)
    known_i = np.isfinite(found.energy_i)
    if not settings.uses_energies or not known_i.any():
        return OneBody(np.zeros(n_species), (True,) * n_species, none_i)
    labelled_s = _of_isolated_atoms(found)
    energy_s = _completed(found, labelled_s)
    if np.isfinite(labelled_s).any() and _contradicted(found, energy_s):
        bound = replace(found, energy_i=np.where(found.isolated_i, np.nan, found.energy_i))
        return OneBody(_completed(bound, np.full(n_species, np.nan)), (True,) * n_species, found.isolated_i)
    return OneBody(energy_s, tuple(np.isnan(labelled_s).tolist()), none_i)


def _of_isolated_atoms(found: Survey) -> FloatArray:
    """Return the median energy per atom of frames in which atoms of one species are alone, NaN without any."""
    energy_s = np.full(len(found.species_s), np.nan)
    n_atoms_i = found.count_is.sum(axis=1)
    for s in range(len(energy_s)):
        alone_i = found.isolated_i & np.isfinite(found.energy_i) & (found.count_is[:, s] == n_atoms_i)
        if alone_i.any() and not alone_i.all():
            energy_s[s] = np.median(found.energy_i[alone_i] / n_atoms_i[alone_i])
    return energy_s


def _completed(found: Survey, labelled_s: FloatArray) -> FloatArray:
    """Return one-body energies, of which the unknown ones fit the energies of all frames best."""
    open_s, known_i = np.isnan(labelled_s), np.isfinite(found.energy_i)
    energy_s = np.nan_to_num(labelled_s)
    rest_i = (found.energy_i - found.count_is @ energy_s)[known_i]
    # the shortest least-squares solution: well-posed when compositions do not vary
    energy_s[open_s] = np.linalg.lstsq(found.count_is[known_i][:, open_s].astype(float), rest_i, rcond=1e-8)[0]
    return energy_s


def _contradicted(found: Survey, energy_s: FloatArray) -> bool:
    """Return whether usual frames have other energies per atom than any binding explains."""
    bound_i = ~found.isolated_i & np.isfinite(found.energy_i)
    binding_i = (found.energy_i - found.count_is @ energy_s)[bound_i] / found.count_is[bound_i].sum(axis=1)
    return bool(len(binding_i)) and float(np.median(np.abs(binding_i))) > FAR
