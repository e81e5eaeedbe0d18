"""An observer of ASE's drivers that watches extrapolation grades: it warns, saves frames, and stops the run."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.results import GAMMA
from ase_rfhgn.calculators.rfhgn import PotentialCalculator
from ase_rfhgn.errors import ExtrapolationError, ExtrapolationWarning, SettingsError
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.potential import Potential

WARN = 2.0
"""Grade that is worth a warning: in a large structure, some atoms have a grade a little above 1."""


class ExtrapolationObserver:
    """Observer that warns of structures unlike the training data, saves them, and stops a run where told.

    Parameters
    ----------
    potential : Potential, PotentialCalculator, str or Path
        A potential that predicts uncertainties, its calculator, or its file.
    warn : float, default 2.0
        Largest grade of an atom above which a frame is strange: the first of a row of strange frames leads to
        an `ExtrapolationWarning`.
    save : str or Path, optional
        File of any format that ASE can append to. Strange frames are added to it, with the grades as array
        ``gamma`` where the format has arrays, and the largest as ``info["gamma"]``.
    stop : float, optional
        Largest grade of an atom above which the run is stopped by an `ExtrapolationError`.

    Attributes
    ----------
    largest : float
        Largest grade of all frames so far.
    n_frames, n_strange : int
        Number of frames so far, and of strange ones.

    Raises
    ------
    SettingsError
        If the potential predicts no uncertainties, or a grade is not positive.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> from ase.md.verlet import VelocityVerlet
    >>> from ase_rfhgn import ExtrapolationObserver, RFHGNCalculator, fit
    >>> atoms = bulk("Cu", cubic=True) * (2, 2, 1)
    >>> atoms.rattle(0.1, seed=0)
    >>> atoms.calc = EMT()
    >>> forces = atoms.get_forces()
    >>> potential = fit([atoms], channels=8)
    >>> atoms.calc = RFHGNCalculator(potential)
    >>> dynamics = VelocityVerlet(atoms, timestep=0.1)
    >>> observer = ExtrapolationObserver(potential, warn=4.0, stop=10.0)
    >>> dynamics.attach(observer, interval=5)
    >>> done = dynamics.run(10)
    >>> observer.n_frames
    3
    """

    def __init__(
        self,
        potential: Potential | PotentialCalculator | str | Path,
        *,
        warn: float = WARN,
        save: str | Path | None = None,
        stop: float | None = None,
    ) -> None:
        model: Any = load_model(potential) if isinstance(potential, str | Path) else potential
        model = model.potential if isinstance(model, PotentialCalculator) else model
        if not isinstance(model, Potential) or model.ensemble is None:
            message = (
                "grades need a potential with an ensemble: this model was made without `fit`, or is of another kind"
            )
            raise SettingsError(message)
        if not (warn > 0.0 and (stop is None or stop > 0.0)):
            message = f"warn is {warn} and stop is {stop}: grades must be positive"
            raise SettingsError(message)
        self.potential = model
        self.warn, self.save, self.stop = warn, save, stop
        self.largest = 0.0
        self.n_frames = self.n_strange = 0
        self._was_strange = False

    def __call__(self, atoms: Atoms | None = None) -> None:
        """Look at a structure; a driver calls this after ``driver.attach(observer, interval)``.

        Parameters
        ----------
        atoms : ase.Atoms, optional
            The structure; by default the structure of the driver that makes the call.

        Raises
        ------
        ExtrapolationError
            If a grade is above `stop`.
        """
        structure = _structure_of_caller() if atoms is None else atoms
        structure = getattr(structure, "atoms", structure)  # of a filter
        gamma_n = self.potential.grade(structure)
        worst = int(gamma_n.argmax())
        gamma = float(gamma_n[worst])
        self.n_frames += 1
        self.largest = max(self.largest, gamma)
        is_strange = gamma > min(self.warn, np.inf if self.stop is None else self.stop)
        self.n_strange += is_strange
        where = f"atom {worst} ({structure.symbols[worst]}) has the extrapolation grade {gamma:.3g}"
        if is_strange and self.save is not None:
            write(self.save, frame_with_grades(structure, gamma_n), append=Path(self.save).exists())
        if self.stop is not None and gamma > self.stop:
            message = f"{where}, above {self.stop:g}: the run stops"
            raise ExtrapolationError(message)
        if is_strange and not self._was_strange:
            warnings.warn(f"{where}, above {self.warn:g}", ExtrapolationWarning, stacklevel=2)
        self._was_strange = is_strange


def frame_with_grades(atoms: Atoms, gamma_n: FloatArray) -> Atoms:
    """Return a copy of a structure with its results, the grades of its atoms, and the largest of them.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    gamma_n : ndarray of shape (n_atoms,)
        Extrapolation grades.
    """
    frame: Atoms = atoms.copy()
    frame.set_array(GAMMA, gamma_n)
    frame.info[GAMMA] = float(gamma_n.max())
    if atoms.calc is not None and not atoms.calc.calculation_required(atoms, ["energy", "forces"]):
        frame.calc = SinglePointCalculator(frame, **{name: atoms.calc.results[name] for name in ("energy", "forces")})
    return frame


def _structure_of_caller() -> Any:  # noqa: ANN401  # Atoms, or a filter
    """Return the structure of the driver that calls the observer: ASE's drivers call observers without arguments."""
    frame = inspect.currentframe()
    while frame is not None:
        driver: Any = frame.f_locals.get("self")
        if hasattr(driver, "call_observers"):
            return driver.atoms
        frame = frame.f_back
    message = "there is no structure to look at: call the observer with atoms, or attach it to a driver of ASE"
    raise SettingsError(message)
