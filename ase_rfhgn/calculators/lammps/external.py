"""A potential as a force that LAMMPS asks for in every step: ``fix external pf/callback``.

Every process evaluates its own atoms, and the copies of atoms of other processes on which forces on own atoms
depend. LAMMPS calls the fix when the forces on copies can no longer be sent home, so the halo is twice the cutoff.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.calculators.lammps.checks import check_halo, check_settings, numbers_of_types
from ase_rfhgn.calculators.lammps.library import LAMMPS, agreed, communicator_of, errors_of
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.models.domain import DomainEvaluation, evaluate_domain
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.local_graph import LocalAtoms, LocalNeighbours

FIX = "rfhgn"
"""ID of the fix."""

GRADE = "d_grade"
"""Name of the grades among LAMMPS's properties of atoms."""

TENSOR = [0, 1, 2, 5, 4, 3]
"""LAMMPS's order xx, yy, zz, xy, xz, yz in Voigt order."""

LARGEST_GRADE, FAILED = 1, 2
"""Elements of the vector of the fix."""


@dataclass(frozen=True, slots=True)
class Grading:
    """When extrapolation grades are computed, and what happens at large ones.

    Attributes
    ----------
    every : int, default 10
        Steps from one computation to the next; a graded step costs about a third more.
    warn : float, optional
        Grade of any atom above which LAMMPS prints a warning, once per new largest grade.
    halt : float, optional
        Grade of any atom above which the run ends. Later runs of the script are skipped; other commands are not.
    """

    every: int = 10
    warn: float | None = None
    halt: float | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that are out of range."""
        limits = [limit for limit in (self.warn, self.halt) if limit is not None]
        if self.every < 1 or any(not limit > 0.0 for limit in limits):
            message = f"grades every {self.every} steps, limits {limits}: all of them must be positive"
            raise SettingsError(message)


class ExternalForces:
    """Callback of LAMMPS that evaluates a potential; `attach` makes one.

    Attributes
    ----------
    potential : Potential
        The potential.
    failure : str or None
        Why the last evaluation failed, on all processes; None if it did not.
    largest_grade : float
        Largest grade of any atom when grades were computed last.
    n_centres, n_own : int
        Atoms that this process evaluated in the last step, and how many of them are its own.
    """

    def __init__(
        self,
        lmp: LAMMPS,
        comm: LAMMPS,
        potential: Potential,
        number_t: IntArray,
        *,
        fix: str = FIX,
        grading: Grading | None = None,
        skin: float = 0.5,
        threads: int = 1,
    ) -> None:
        self.potential = potential
        self.failure: str | None = None
        self.largest_grade = 0.0
        self.n_centres = 0
        self.n_own = 0
        self._lmp, self._comm, self._fix = lmp, comm, fix.encode()
        self._number_t = np.append(0, number_t)  # types count from 1
        self._grading = grading
        self._neighbours = LocalNeighbours(potential.cutoff, skin)
        self._threads = threads
        self._warned = -np.inf if grading is None or grading.warn is None else grading.warn

    def __call__(self, _: object, step: int, n_own: int, *arrays: FloatArray) -> None:
        """Write the forces on own atoms into the last array, and tell LAMMPS energies and virials."""
        failure, found = None, None
        try:
            found = self._evaluate(step, n_own)
        except Exception as error:  # noqa: BLE001  # whatever it is, other processes wait for the sum
            failure = " ".join(str(error).split()) or type(error).__name__
        total = np.zeros(8)
        if found is not None:
            total[0], total[1:7] = found.energy_n.sum(), found.virial_v
        total[7] = found is None
        self._comm.Allreduce(total.copy(), total)
        self.failure = self._first(failure) if total[7] else None
        self._set_vector(FAILED, total[7])
        if n_own:
            arrays[-1][:] = 0.0 if found is None else found.force_nc
        self._lmp.lib.lammps_fix_external_set_energy_global(self._lmp.lmp, self._fix, total[0])
        self._lmp.fix_external_set_virial_global(self._fix.decode(), -total[1:7][TENSOR])
        if self.failure is None:
            assert found is not None  # noqa: S101  # no process failed
            self._tell_atoms(step, found)
        elif self._comm.rank == 0:
            self._lmp.error(0, f"ase-rfhgn: {self.failure}")

    def _evaluate(self, step: int, n_own: int) -> DomainEvaluation:
        """Return the answer of the potential for the own atoms."""
        local = self._neighbours.graph(self._local_atoms(n_own))
        self.n_own, self.n_centres = local.n_own, local.n_centres
        grade = self._is_graded(step)
        found = evaluate_domain(self.potential, local, grade=grade, threads=self._threads)
        if not np.isfinite(found.force_nc).all() or not np.isfinite(found.energy_n).all():
            message = "forces are not finite: the structure lies far outside of what the potential was fitted to"
            raise StructureError(message)
        return found

    def _is_graded(self, step: int) -> bool:
        return self._grading is not None and step % self._grading.every == 0

    def _local_atoms(self, n_own: int) -> LocalAtoms:
        """Return own atoms and ghost atoms."""
        n_atoms = n_own + self._lmp.extract_global("nghost")
        if not n_atoms:
            nobody = np.empty(0, dtype=np.int64)
            return LocalAtoms(nobody, np.empty((0, 3)), nobody, 0)
        arrays = self._lmp.numpy
        return LocalAtoms(
            number_n=self._number_t[arrays.extract_atom("type", nelem=n_atoms)],
            position_nc=arrays.extract_atom("x", nelem=n_atoms, dim=3).copy(),
            identity_n=arrays.extract_atom("id", nelem=n_atoms).astype(np.int64),
            n_own=n_own,
        )

    def _tell_atoms(self, step: int, found: DomainEvaluation) -> None:
        """Tell LAMMPS energies, virials and grades of atoms, as far as it wants them in this step."""
        lmp = self._lmp
        if len(found.energy_n) and lmp.extract_global("eflag_atom") == step:
            energy_n = np.ascontiguousarray(found.energy_n)
            pointer = energy_n.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
            lmp.lib.lammps_fix_external_set_energy_peratom(lmp.lmp, self._fix, pointer)
        if len(found.energy_n) and lmp.extract_global("vflag_atom") == step:
            virial_nv = np.ascontiguousarray(-found.virial_nv()[:, TENSOR])
            row_n = virial_nv.ctypes.data + virial_nv.strides[0] * np.arange(len(virial_nv), dtype=np.uintp)
            rows = row_n.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(ctypes.c_double)))
            lmp.lib.lammps_fix_external_set_virial_peratom(lmp.lmp, self._fix, rows)
        if self._is_graded(step):
            self._tell_grades(found)

    def _tell_grades(self, found: DomainEvaluation) -> None:
        """Give LAMMPS the grades, and warn of large ones."""
        assert found.grade_n is not None  # noqa: S101  # of a graded step
        if len(found.grade_n):
            self._lmp.numpy.extract_atom(GRADE, nelem=len(found.grade_n))[:] = found.grade_n
        largest = np.array([found.grade_n.max(initial=0.0)])
        self.largest_grade = float(max(self._comm.allgather(largest[0])))
        self._set_vector(LARGEST_GRADE, self.largest_grade)
        if np.isfinite(self._warned) and self.largest_grade > self._warned:
            self._warned = self.largest_grade
            if self._comm.rank == 0:
                self._lmp.error(0, f"ase-rfhgn: an atom has the extrapolation grade {self.largest_grade:.3g}")

    def _set_vector(self, index: int, value: float) -> None:
        self._lmp.lib.lammps_fix_external_set_vector(self._lmp.lmp, self._fix, index, value)

    def _first(self, failure: str | None) -> str:
        """Return the failure of the first process that has one."""
        return next(str(one) for one in self._comm.allgather(failure) if one is not None)


def attach(
    lmp: LAMMPS,
    potential: Potential | str | Path,
    elements: Sequence[str] | None = None,
    *,
    fix: str = FIX,
    grading: Grading | None = None,
    skin: float = 0.5,
    threads: int = 1,
) -> ExternalForces:
    """Return the callback that gives LAMMPS the energies, forces and virials of a potential.

    If LAMMPS has no fix of that name, it gets one, and ``pair_style zero`` with twice the cutoff.

    Parameters
    ----------
    lmp : lammps.lammps
        An instance with a box; all MPI processes must call.
    potential : Potential, str or Path
        A potential, or its file.
    elements : sequence of str, optional
        Chemical symbols of the types of atoms; not needed if there is only one.
    fix : str, default "rfhgn"
        ID of the fix, as in ``fix rfhgn all external pf/callback 1 1``.
    grading : Grading, optional
        When to compute extrapolation grades; never by default.
    skin : float, default 0.5
        Distance by which the potential's own search for neighbours goes beyond the cutoff (Å).
    threads : int, default 1
        Threads per process.

    Returns
    -------
    ExternalForces
        Attached to the instance of LAMMPS, which keeps it.

    Raises
    ------
    SettingsError
        On all processes: if settings of LAMMPS, elements, or the halo of ghost atoms do not fit.

    Notes
    -----
    Per-atom energies reach ``compute pe/atom``. Per-atom virials, which reach ``compute stress/atom``, are those of
    `Potential.atomic_virials`, made symmetric. With a `Grading`, ``d_grade`` can be dumped, and ``f_rfhgn[1]`` is the
    largest grade.
    The energies are added to ``pe`` and the virial to ``press`` like those of a pair style. A failure ends the run
    with LAMMPS's error about the fix ``rfhgn_failed``, and its reason is a warning and in `ExternalForces.failure`.
    """
    comm = communicator_of(lmp)
    model, number_t = agreed(comm, lambda: _checked(lmp, potential, elements, grading))
    forces = ExternalForces(lmp, comm, model, number_t, fix=fix, grading=grading, skin=skin, threads=threads)
    with errors_of(comm):
        if not lmp.has_id("fix", fix):
            lmp.commands_list([f"pair_style zero {2.0 * model.cutoff:.10g} nocoeff", "pair_coeff * *"])
            lmp.command(f"fix {fix} all external pf/callback 1 1")
        lmp.command(f"fix_modify {fix} energy yes virial yes")
        lmp.fix_external_set_vector_length(fix, FAILED + 1)
        for index in (LARGEST_GRADE, FAILED):
            lmp.fix_external_set_vector(fix, index, 0.0)
        lmp.set_fix_external_callback(fix, forces, None)
        check_halo(lmp, comm, model.cutoff)
        for line in _watching(fix, grading):
            if not (line.startswith("fix") and lmp.has_id("fix", line.split()[1])):
                lmp.command(line)
    return forces


def _checked(
    lmp: LAMMPS, potential: Potential | str | Path, elements: Sequence[str] | None, grading: Grading | None
) -> tuple[Potential, IntArray]:
    """Return the potential, and the atomic numbers of types, after all checks that need one process only."""
    check_settings(lmp)
    model = potential if isinstance(potential, Potential) else load_model(potential)
    if not isinstance(model, Potential):
        message = f"{potential} is a model of positions and momenta: LAMMPS runs potentials only"
        raise SettingsError(message)
    model.baseline.require_edges()
    if grading is not None:
        model.known_ensemble()
    return model, numbers_of_types(lmp, elements, model.species_s)


def _watching(fix: str, grading: Grading | None) -> list[str]:
    """Return the commands that let LAMMPS end a run on all processes at once."""
    lines = [
        f"variable {fix}_failed equal f_{fix}[{FAILED}]",
        f"fix {fix}_failed all halt 1 v_{fix}_failed > 0.5 error hard message no",
    ]
    if grading is not None:
        lines.append(f"fix {fix}_grade all property/atom {GRADE}")
    if grading is not None and grading.halt is not None:
        lines += [
            f"variable {fix}_grade equal f_{fix}[{LARGEST_GRADE}]",
            f"fix {fix}_halt all halt {grading.every} v_{fix}_grade > {grading.halt:.10g} error soft",
        ]
    return lines
