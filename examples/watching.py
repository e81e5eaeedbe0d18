"""Watching a run that learns on the fly: its true errors, its predicted uncertainties, and its calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.md.md import MolecularDynamics
from ase.optimize.optimize import Optimizer
from matplotlib.figure import Figure

from ase_rfhgn import ActiveCalculator
from ase_rfhgn.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Look:
    """A structure of a run, compared with the truth.

    Attributes
    ----------
    step, n_calls : int
        Time step, and calls of the reference until then.
    error, expected : float
        Root mean squares of the errors of the forces, and of their predicted uncertainties (eV/Å).
    """

    step: int
    n_calls: int
    error: float
    expected: float


class Watch:
    """Compares the forces of a run with the truth now and then; these calls do not count.

    Parameters
    ----------
    dynamics : MolecularDynamics or Optimizer
        The run.
    calculator : ActiveCalculator
        What it runs on.
    truth : ase.calculators.calculator.Calculator
        Another object of the reference.
    interval : int
        Steps from one look to the next.
    structures : sequence of ase.Atoms, optional
        What is looked at, say the images of a band; by default the atoms of the run.
    """

    def __init__(
        self,
        dynamics: MolecularDynamics | Optimizer,
        calculator: ActiveCalculator,
        truth: Calculator,
        interval: int,
        structures: Sequence[Atoms] | None = None,
    ) -> None:
        self.looks: list[Look] = []
        self._dynamics, self._calculator, self._truth = dynamics, calculator, truth
        self._structures = [dynamics.atoms] if structures is None else structures
        dynamics.attach(self, interval=max(1, interval))  # type: ignore[no-untyped-call]

    def __call__(self) -> None:
        """Compare the forces with the truth."""
        errors, expected = zip(*map(self._compared, self._structures), strict=True)
        n_calls = len(self._calculator.calls)
        self.looks.append(Look(self._dynamics.nsteps, n_calls, _size(np.array(errors)), _size(np.array(expected))))

    def _compared(self, atoms: Atoms) -> tuple[FloatArray, FloatArray]:
        """Return the errors of the forces of the current potential, and their predicted uncertainties."""
        assert self._calculator.potential is not None  # noqa: S101  # the run has begun
        answer = self._calculator.potential.evaluate(atoms, uncertainty=True)
        assert answer.uncertainty is not None  # noqa: S101  # asked for
        copy = atoms.copy()
        copy.calc = self._truth
        return answer.force_nc - copy.get_forces(apply_constraint=False), answer.uncertainty.force_nc

    def rmse(self) -> float:
        """Return the root mean square error of the forces of all looks (eV/Å)."""
        return _size(np.array([look.error for look in self.looks]))

    def so_far(self) -> str:
        """Return a line on the run up to now."""
        last = self.looks[-1]
        return f"{last.step:6d} {last.n_calls:6d} {self.rmse():24.4f} {self._dynamics.atoms.get_temperature():8.0f}"

    def summary(self) -> str:
        """Return what the run took, and how good it was."""
        n_steps, calls = self._calculator.n_steps, self._calculator.calls
        errors = np.array([look.error for look in self.looks])
        jumps = [abs(call.energy_jump) for call in calls if call.energy_jump is not None]
        jump = 1e3 * max(jumps, default=0.0) / len(self._structures[0])
        return "\n".join(
            [
                f"{n_steps} evaluations, {len(calls)} calls of the reference: one for {n_steps / len(calls):.0f}",
                f"force RMSE along the run {self.rmse():.4f} eV/Å, largest of a frame {errors.max():.4f}",
                f"largest jump of the energy at a call {jump:.2f} meV/atom",
            ]
        )

    def draw(self, path: str | Path) -> None:
        """Write a picture: errors, predicted uncertainties and calls over the steps."""
        steps = [look.step for look in self.looks]
        figure = Figure(figsize=(6.0, 4.5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        upper.semilogy(steps, [look.error for look in self.looks], label="true")
        upper.semilogy(steps, [look.expected for look in self.looks], label="predicted", linewidth=0.8)
        largest = max(max(look.error, look.expected) for look in self.looks)
        upper.set(ylabel="error of forces (eV/Å)", ylim=(1e-3 * largest, 2.0 * largest))
        upper.legend()
        lower.step(steps, [look.n_calls for look in self.looks], where="post", color="black")
        lower.set(xlabel="step", ylabel="calls", ylim=(0, None))
        figure.savefig(path, dpi=150)


HEADING = f"{'step':>6} {'calls':>6} {'force RMSE so far, eV/Å':>24} {'K':>8}"
"""What the columns of `Watch.so_far` are."""


def _size(array: FloatArray) -> float:
    return float(np.sqrt(np.mean(array**2)))
