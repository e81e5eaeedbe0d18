"""The answer of a potential for a structure: energies, forces, stress, uncertainties."""

from __future__ import annotations

from dataclasses import dataclass

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.uncertainty import PredictedUncertainty


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Energies, forces and stress of a structure.

    Attributes
    ----------
    energy_n : ndarray of shape (n_atoms,)
        Energies of the atoms (eV), a partition of the energy.
    force_nc : ndarray of shape (n_atoms, 3)
        Forces (eV/Å).
    stress_v : ndarray of shape (6,) or None
        Stress xx, yy, zz, yz, xz, xy (eV/Å³), positive in tension; None unless the cell has a volume.
    uncertainty : PredictedUncertainty or None
        Predicted uncertainties and extrapolation grades; None unless asked for.
    """

    energy_n: FloatArray
    force_nc: FloatArray
    stress_v: FloatArray | None
    uncertainty: PredictedUncertainty | None = None

    @property
    def energy(self) -> float:
        """Energy of the structure (eV)."""
        return float(self.energy_n.sum())
