"""How a fit is carried out: threads, workers, progress, and whether the model can be updated."""

from __future__ import annotations

from dataclasses import dataclass

from ase_rfhgn.fitting.setting_checks import check_optional
from ase_rfhgn.runtime.dask_workers import Workers
from ase_rfhgn.runtime.threads import useful_cores

MOST_THREADS = 1024
"""Largest number of threads that a fit may use."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a fit is carried out; the model does not depend on it.

    Attributes
    ----------
    threads : int
        Threads that make rows of several frames at a time.
    updatable : bool
        Whether the model keeps its linear system.
    progress : bool
        Whether to show progress on a terminal.
    workers : Workers, optional
        Workers that share passes over the frames.
    """

    threads: int = 1
    updatable: bool = False
    progress: bool = False
    workers: Workers | None = None

    @classmethod
    def checked(cls, threads: int | None, *, updatable: bool, progress: bool, client: object | None = None) -> Options:
        """Return options as a user gives them; without a number of threads, there is one per useful core.

        Parameters
        ----------
        threads : int or None
            Threads that make rows of several frames at a time.
        updatable, progress : bool
            As the attributes of the options.
        client : distributed.Client, optional
            Client of a Dask cluster.

        Raises
        ------
        MissingLibraryError
            If there is a client, but not Dask.
        SettingsError
            If the number of threads is out of its range, or a worker has another version of this package.
        """
        check_optional("threads", threads, 1, MOST_THREADS, whole=True)
        workers = None if client is None else Workers.of(client)
        return cls(threads=threads or useful_cores(), updatable=updatable, progress=progress, workers=workers)


ALONE = Options()
"""One thread of this process, which tells nothing."""
