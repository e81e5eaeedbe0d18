"""Quantities of structures by a potential, with error bars: relaxations, elastic constants, phonons, dynamics and more.

>>> from ase.build import bulk
>>> from ase.calculators.emt import EMT
>>> from ase_rfhgn.properties import elastic_constants
>>> found = elastic_constants(EMT(), bulk("Cu"))  # a potential instead of EMT gives error bars, too
>>> round(found.bulk_modulus_gpa)
134
"""

from ase_rfhgn.properties.agreement import Agreement, agreement
from ase_rfhgn.properties.defects import SurfaceEnergy, VacancyEnergy, surface_energy, vacancy_energy
from ase_rfhgn.properties.elasticity import ElasticConstants, elastic_constants
from ase_rfhgn.properties.ensembles import Run
from ase_rfhgn.properties.equation_of_state import EquationOfState, equation_of_state
from ase_rfhgn.properties.evaluation import evaluated
from ase_rfhgn.properties.minimum_energy_path import MinimumEnergyPath, minimum_energy_path
from ase_rfhgn.properties.molecular_dynamics import RunResult, molecular_dynamics
from ase_rfhgn.properties.phonons import Phonons, phonons
from ase_rfhgn.properties.relaxation import Relaxation, relax
from ase_rfhgn.properties.vibrations import Vibrations, vibrations

__all__ = [
    "Agreement",
    "ElasticConstants",
    "EquationOfState",
    "MinimumEnergyPath",
    "Phonons",
    "Relaxation",
    "Run",
    "RunResult",
    "SurfaceEnergy",
    "VacancyEnergy",
    "Vibrations",
    "agreement",
    "elastic_constants",
    "equation_of_state",
    "evaluated",
    "minimum_energy_path",
    "molecular_dynamics",
    "phonons",
    "relax",
    "surface_energy",
    "vacancy_energy",
    "vibrations",
]
