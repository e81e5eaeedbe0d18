"""From structures and any ASE calculator to a fitted, tested potential, unattended."""

from ase_rfhgn.distillation.distil import Distilled, distil

__all__ = ["Distilled", "distil"]
