"""Integrals of motion, canonical maps and normal modes of trajectories, by linear algebra."""

from ase_rfhgn.symmetries.canonical_fit import fit_canonical_map
from ase_rfhgn.symmetries.canonical_map import CanonicalMap
from ase_rfhgn.symmetries.integral_fit import find_integrals
from ase_rfhgn.symmetries.integrals import Integrals
from ase_rfhgn.symmetries.mode_fit import normal_modes
from ase_rfhgn.symmetries.normal_mode_set import NormalModes
from ase_rfhgn.symmetries.runs import Runs, read_runs

__all__ = [
    "CanonicalMap",
    "Integrals",
    "NormalModes",
    "Runs",
    "find_integrals",
    "fit_canonical_map",
    "normal_modes",
    "read_runs",
]
