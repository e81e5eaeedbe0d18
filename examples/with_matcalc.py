"""The bulk modulus of copper by matcalc, with a fitted potential: ``pip install matcalc``.

A name of a foundation potential is a string for matcalc. A potential of your own is a calculator:
``PESCalculator.load_universal`` returns it unchanged, and every property class of matcalc takes it.
"""

from __future__ import annotations

import sys

from ase.build import bulk
from ase.calculators.calculator import Calculator
from matcalc import EOSCalc, PESCalculator

from ase_rfhgn import RFHGNCalculator


def bulk_modulus(potential: Calculator | str) -> float:
    """Return the bulk modulus of copper (GPa).

    Parameters
    ----------
    potential : ase.calculators.calculator.Calculator or str
        A calculator that knows copper, or the name of a foundation potential.
    """
    calculator = PESCalculator.load_universal(potential)
    found = EOSCalc(calculator, fmax=0.01).calc(bulk("Cu"))
    return float(found["bulk_modulus_bm"])


if __name__ == "__main__":
    print(f"{bulk_modulus(RFHGNCalculator(sys.argv[1])):.1f} GPa")
