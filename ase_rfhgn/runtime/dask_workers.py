"""Workers of a Dask cluster that the user has started: chunks of work go there, merged results come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol, Self, TypeVar
from uuid import uuid4
from weakref import ref

from ase_rfhgn.errors import RFHGNError, SettingsError, TrainingDataError
from ase_rfhgn.runtime.chunks import merged_in_pairs
from ase_rfhgn.runtime.extras import library

PACKAGE = "ase-rfhgn"
"""Distribution whose version must be the same everywhere."""

SECONDS_TO_ANSWER = 10
"""Time that a scheduler has to answer (s)."""

Result = TypeVar("Result")


class Chunk(Protocol):
    """The protocol of chunks that can be taken apart, to find out which piece kills workers."""

    @property
    def name(self) -> str:
        """What messages call the chunk."""

    def singles(self) -> Sequence[Chunk]:
        """Return its smallest pieces."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Return a client of a scheduler that runs already; it is closed after a ``with`` block.

    Parameters
    ----------
    address : str
        Address of the scheduler: "tcp://host:8786".

    Raises
    ------
    MissingLibraryError
        If Dask is not installed.
    SettingsError
        If no scheduler answers.
    """
    kind = library("distributed", "dask").Client
    try:
        client = kind(address, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        message = f"dask is {address!r}, where no scheduler answers: start one with `dask scheduler`, or correct it"
        raise SettingsError(message) from error
    with client:
        yield client


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers of a client, as an `Executor`.

    Every task is a pure function of its chunk, so that Dask may repeat it when a worker is lost.

    Attributes
    ----------
    client : distributed.Client
        The user's client; it is neither started nor closed here.
    version : str
        Version of this package that workers must have.
    """

    client: Any
    version: str = field(default_factory=lambda: version(PACKAGE))

    @classmethod
    def of(cls, client: object) -> Workers:
        """Return the workers of a client, after a check that they have this version of the package.

        Parameters
        ----------
        client : distributed.Client
            The user's client.

        Raises
        ------
        MissingLibraryError
            If Dask is not installed.
        SettingsError
            If it is no client that runs, or a worker has another version, or none.
        """
        kind = library("distributed", "dask").Client
        if not isinstance(client, kind):
            message = f"client is of type {type(client).__name__}: give a distributed.Client of a cluster that runs"
            raise SettingsError(message)
        if client.status != "running" or client.asynchronous:
            message = f"client is {client!r}: give one that runs, and is not asynchronous"
            raise SettingsError(message)
        workers = cls(client)
        for address, found in client.run(_installed, on_error="return").items():
            workers.refuse_other(address, found)
        return workers

    def refuse_other(self, address: str, found: object) -> None:
        """Refuse a worker that has not this version of the package.

        Parameters
        ----------
        address : str
            Address of the worker.
        found : str or Exception
            The version that it has, or why there is none.
        """
        if found == self.version:
            return
        has = f"{PACKAGE} {found}" if isinstance(found, str) else f"no {PACKAGE} that can be imported ({found})"
        message = f"worker {address} has {has}, here is {PACKAGE} {self.version}: install the same version there"
        raise SettingsError(message)

    def reduced(
        self,
        task: Callable[[Any], Result],
        chunks: Sequence[Any],
        merge: Callable[[Result, Result], Result],
    ) -> Result:
        """Return the merged results of all chunks; see `Executor.reduced`.

        Raises
        ------
        SettingsError
            If the scheduler is lost, or workers die although no piece of a chunk kills them.
        TrainingDataError
            If a piece of a chunk kills every worker that it is sent to; the message names it.
        """
        distributed = library("distributed", "dask")
        with _Wanted(self.client) as wanted:
            # What all chunks need is a task of its own, which is repeated where it is lost.
            shared = wanted.submit(_itself, task)
            leaves = wanted.submit_all(partial(_run, expected=self.version), shared, chunks)
            keys = [leaf.key for leaf in leaves]
            total = merged_in_pairs(_let_go(leaves), partial(wanted.submit, merge))
            try:
                found: Result = total.result()
            except distributed.scheduler.KilledWorker as error:
                total.release()
                at = keys.index(error.task) if error.task in keys else 0
                kills = partial(_kills, wanted, shared, self.version)
                raise _culprit([*chunks[at:], *chunks[:at]], kills) from error
            except distributed.client.FutureCancelledError as error:
                message = "client: the scheduler or the client was closed during the fit; start them, and fit again"
                raise SettingsError(message) from error
        return found


class _Wanted:
    """Futures that are wanted until the end of a ``with`` block, or until nobody has them any more.

    The scheduler drops tasks that nobody wants: so nothing is left after Ctrl-C but what runs already.
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401  # of distributed
        self.client = client
        self._token = uuid4().hex
        self._futures: list[ref[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        for future in self._futures:
            if (wanted := future()) is not None:
                wanted.release()

    def submit(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401  # a future
        """Return the future of a task."""
        key = (f"{PACKAGE}-{getattr(function, '__name__', 'merged')}-{self._token}", len(self._futures))
        return self._noted(self.client.submit(function, *arguments, key=key, pure=False))

    def submit_all(self, function: Callable[..., Any], shared: object, chunks: Sequence[object]) -> list[Any]:
        """Return the futures of all chunks: submitted together, they are spread over the workers at once."""
        keys = [(f"{PACKAGE}-chunk-{self._token}", i) for i in range(len(chunks))]
        made = self.client.map(function, [shared] * len(chunks), chunks, key=keys, pure=False)
        return [self._noted(future) for future in made]

    def _noted(self, future: Any) -> Any:  # noqa: ANN401  # a future
        self._futures.append(ref(future))
        return future


def _let_go(futures: list[Any]) -> Iterator[Any]:
    """Yield futures in their order, without keeping them: workers forget results that were merged."""
    futures.reverse()
    while futures:
        yield futures.pop()


def _culprit(chunks: Sequence[Chunk], kills: Callable[[Chunk], bool]) -> RFHGNError:
    """Return an error that names what kills workers: chunks, and pieces of them, are tried one at a time.

    Whatever else is on a worker when it dies is suspected by Dask: nothing is said before it is tried alone.
    """
    for chunk in chunks:
        for piece in chunk.singles():
            if kills(piece):
                message = f"{piece.name}: every worker dies that it is sent to; look at it, or remove it"
                return TrainingDataError(message)
        if kills(chunk):
            message = f"{chunk.name}: together they kill workers, but none of them alone; give workers more memory"
            return SettingsError(message)
    return SettingsError("client: workers die again and again, but no frame kills one; look at their logs")


def _kills(wanted: _Wanted, shared: object, expected: str, chunk: Chunk) -> bool:
    """Return whether the work of a chunk kills its workers, when it is alone."""
    try:
        wanted.submit(_tried, shared, chunk, expected).result()
    except library("distributed.scheduler", "dask").KilledWorker:
        return True
    return False


def _installed() -> str:
    """Return the version of this package on a worker."""
    return version(PACKAGE)


def _itself(task: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return task


def _run(task: Callable[[Any], Result], chunk: object, expected: str) -> Result:
    """Return the result of a chunk on a worker, which may have come after the fit had begun."""
    found = version(PACKAGE)
    if found != expected:
        address = library("distributed", "dask").get_worker().address
        Workers(None, expected).refuse_other(address, found)
    return task(chunk)


def _tried(task: Callable[[Any], Any], chunk: object, expected: str) -> None:
    """Do the work of a chunk, and forget its result."""
    _run(task, chunk, expected)
