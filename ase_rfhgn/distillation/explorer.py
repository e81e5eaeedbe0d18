"""The active calculator of a distillation: it keeps to a budget, and goes on where the reference has no answer."""

from __future__ import annotations

from typing import Any

from ase import Atoms

from ase_rfhgn.calculators.active import ActiveCalculator, ReferenceAnswerError
from ase_rfhgn.distillation.account import Account, BudgetSpentError
from ase_rfhgn.distillation.reference import ReferenceFailedError
from ase_rfhgn.distillation.settings import DistillationSettings
from ase_rfhgn.models.evaluation import Evaluation

PATIENCE = 5
"""Failures of the reference in one stage after which the stage ends."""

PAUSE = 20
"""Steps for which a reference that has failed is not asked again."""


class NoAnswersError(Exception):
    """The reference failed too often in one stage."""


class Explorer(ActiveCalculator):
    """Active calculator with a budget of calls, for one stage after the other.

    Parameters
    ----------
    account : Account
        Frames so far, and the reference.
    settings : DistillationSettings
        Thresholds and seed.
    **fit_settings
        Settings of `ase_rfhgn.fit`.
    """

    def __init__(self, account: Account, settings: DistillationSettings, **fit_settings: Any) -> None:  # noqa: ANN401
        super().__init__(
            account.reference,
            account.directory,
            uncertainty=settings.uncertainty,
            grade=settings.grade,
            seed=settings.seed,
            **fit_settings,
        )
        account.train = self.call_log  # one owner of the file
        self.account = account
        self.begin_stage("", 0)

    def begin_stage(self, name: str, budget: int) -> None:
        """Begin a stage with a name and a number of calls."""
        self.stage, self.budget = name, budget
        self.n_failures, self._asked_again_at = 0, 0

    def _reason(self, before: Evaluation) -> str | None:
        """Return why the potential is not trusted; None also while a reference that failed is left alone."""
        return None if self.n_steps < self._asked_again_at else super()._reason(before)

    def _learn(self, atoms: Atoms, reason: str, before: Evaluation | None) -> Evaluation:
        """Learn the answer of the reference, or return the potential's own where there is none."""
        if self.budget < 1:
            raise BudgetSpentError
        self.budget -= 1
        try:
            return super()._learn(atoms, reason, before)
        except (ReferenceFailedError, ReferenceAnswerError) as error:
            self.account.add_failure(atoms, f"{self.stage}: {reason}", error)
            self.n_failures += 1
            self._asked_again_at = self.n_steps + PAUSE
            if self.n_failures >= PATIENCE or before is None:
                raise NoAnswersError(str(error)) from error
            return before
