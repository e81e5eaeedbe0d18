"""Fits whose frames workers of a Dask cluster share: two processes, of which some die."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from conftest import strained_copper
from snapshots import SMALL as SMALL_NETWORK
from snapshots import spring_lattice
from worker_tasks import Slow, deadly

from ase_rfhgn import fit, fit_phase_space
from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import MissingLibraryError, SettingsError, TrainingDataError
from ase_rfhgn.fitting import rows_in_chunks, survey
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.runtime import dask_workers, extras
from ase_rfhgn.runtime.dask_workers import Workers, connected
from ase_rfhgn.structures.doctor.examination import Doctor
from ase_rfhgn.structures.doctor.pairs import KEPT
from ase_rfhgn.structures.frame_graphs import FrameGraphs, WithinCutoff
from ase_rfhgn.structures.training_set import TrainingSet

SMALL: dict[str, Any] = {"cutoff": 4.0, "channels": 4, "projections": 1, "degree": 2}
N_FRAMES = 24


def coppers(n_frames: int = N_FRAMES) -> list[Atoms]:
    rng = np.random.default_rng(5)
    return [strained_copper(rng) for _ in range(n_frames)]


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames") / "copper.traj"
    write(path, coppers())
    return path


@pytest.fixture(scope="module")
def alone(trajectory: Path) -> Potential:
    return fit(trajectory, **SMALL)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return a client of two worker processes of one thread."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as made,
    ):
        yield made


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_in_chunks, "WORK", 1500.0)
    monkeypatch.setattr(rows_in_chunks, "TRIANGLES", 0)
    monkeypatch.setattr(survey, "FRAMES_PER_CHUNK", 5)


def allow_deaths(client: Any, deaths: int) -> None:  # noqa: ANN401  # of distributed
    """Let every task kill so many workers before it is given up."""
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", deaths))


def nothing_runs(client: Any) -> bool:  # noqa: ANN401  # of distributed
    """Return whether the scheduler forgets all tasks soon."""
    for _ in range(100):
        if not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
            return True
        time.sleep(0.1)
    return False


def assert_same(found: Potential, expected: Potential) -> None:
    largest = np.abs(expected.coefficient_sf).max()
    np.testing.assert_allclose(found.coefficient_sf, expected.coefficient_sf, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(found.baseline.one_body_s, expected.baseline.one_body_s, rtol=1e-10)
    assert found.record["suspicions"] == expected.record["suspicions"]
    assert found.record["n_frames"] == expected.record["n_frames"]


def test_a_fit_survives_the_death_of_a_worker(client: Any, trajectory: Path, alone: Potential) -> None:  # noqa: ANN401
    allow_deaths(client, 3)
    before = set(client.run(os.getpid).values())
    frames = deadly(trajectory, 13, at=2)  # in the second pass, which makes rows
    assert_same(fit(frames, client=client, **SMALL), alone)
    assert before - set(client.run(os.getpid).values())
    assert nothing_runs(client)


def test_the_command_takes_an_address(client: Any, trajectory: Path, alone: Potential, tmp_path: Path) -> None:  # noqa: ANN401
    address = client.scheduler.address
    settings = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]
    main(["fit", str(trajectory), "-o", str(tmp_path / "m.npz"), "--dask", address, *settings])
    found = load_model(tmp_path / "m.npz")
    assert isinstance(found, Potential)
    assert_same(found, alone)


def test_structures_in_memory_travel_too(client: Any, alone: Potential) -> None:  # noqa: ANN401
    assert_same(fit(coppers(), client=client, **SMALL), alone)


def test_phase_space_models_are_fitted_by_workers_too(client: Any) -> None:  # noqa: ANN401
    frames, bonds = spring_lattice(np.random.default_rng(0), (2, 2), 30)
    settings = {"bonds": bonds, "axes": "mean position", **SMALL_NETWORK}
    expected, found = (fit_phase_space(frames, client=one, **settings) for one in (None, client))
    largest = np.abs(expected.coefficient_f).max()
    np.testing.assert_allclose(found.coefficient_f, expected.coefficient_f, rtol=0, atol=1e-10 * largest)


def test_a_bad_frame_is_named_as_without_workers(client: Any) -> None:  # noqa: ANN401
    frames = coppers(8)
    frames[5].positions[0, 0] = np.nan
    with pytest.raises(TrainingDataError, match="structures, frame 5: "):
        fit(frames, client=client, **SMALL)
    assert nothing_runs(client)


def test_a_frame_that_kills_every_worker_is_named(client: Any, trajectory: Path) -> None:  # noqa: ANN401
    allow_deaths(client, 0)
    with pytest.raises(TrainingDataError, match=r"copper\.traj, frame 7: every worker dies that it is sent to"):
        fit(deadly(trajectory, 7), client=client, **SMALL)
    allow_deaths(client, 3)
    assert nothing_runs(client)


def test_after_an_interrupt_nothing_runs(client: Any, tmp_path: Path) -> None:  # noqa: ANN401
    client.wait_for_workers(2)

    def interrupt() -> None:
        while not any(tmp_path.iterdir()):  # until work has begun
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        Workers.of(client).reduced(Slow(str(tmp_path)), range(300), max)
    assert nothing_runs(client)
    time.sleep(2.0)  # what had begun ends
    done = len(list(tmp_path.iterdir()))
    time.sleep(1.0)
    assert len(list(tmp_path.iterdir())) == done < 300


def test_a_worker_with_another_version_is_refused(client: Any, trajectory: Path, tmp_path: Path) -> None:  # noqa: ANN401
    def pretend(version: str) -> str:
        theirs: Any = import_module("ase_rfhgn.runtime.dask_workers")
        found, theirs.version = theirs.version("ase-rfhgn"), lambda _: version
        return str(found)

    other = next(iter(client.scheduler_info()["workers"]))
    true = client.run(pretend, "0.0.1", workers=[other])[other]
    expected = rf"worker {other} has ase-rfhgn 0\.0\.1, here is ase-rfhgn {true}: install the same version there"
    try:
        with pytest.raises(SettingsError, match=expected):
            fit(trajectory, client=client, **SMALL)
        with pytest.raises(SettingsError, match=expected):  # one that came after the first look
            Workers(client).reduced(Slow(str(tmp_path)), range(10), max)
    finally:
        client.run(pretend, true, workers=[other])


def test_a_client_that_is_none_is_refused(client: Any, trajectory: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    with pytest.raises(SettingsError, match=r"client is of type str: give a distributed\.Client"):
        fit(trajectory, client=client.scheduler.address)
    monkeypatch.setattr(dask_workers, "SECONDS_TO_ANSWER", 0.2)
    with pytest.raises(SettingsError, match="where no scheduler answers"), connected("tcp://127.0.0.1:1"):
        pass


def test_equations_of_motion_are_not_shared(client: Any) -> None:  # noqa: ANN401
    run = [Atoms("Cu2", positions=[[-0.01 * i, 0.0, 0.0], [2.4 + 0.01 * i, 0.0, 0.0]]) for i in range(6)]
    with pytest.raises(SettingsError, match="client is for fits to labels"):
        fit(run, client=client, targets="positions", timestep=1.0)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, trajectory: Path) -> None:
    def missing(name: str) -> ModuleType:
        if name.startswith("distributed"):
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(extras, "import_module", missing)
    for refused in (lambda: fit(trajectory, client="any"), connected("tcp://127.0.0.1:8786").__enter__):
        with pytest.raises(MissingLibraryError, match=r"distributed is not installed: pip install 'ase-rfhgn\[dask\]'"):
            refused()


def test_portions_are_small_and_name_their_frames(trajectory: Path) -> None:
    items = FrameGraphs.of(TrainingSet.open([trajectory, *coppers(3), trajectory]), WithinCutoff(4.0, 0.1))
    whole = list(items)
    portions = items.portions([range(2, 9), range(20, 27), range(27, len(items))])
    assert [one.name for one in portions] == [
        "copper.traj, frame 2 to copper.traj, frame 8",
        "copper.traj, frame 20 to structures, frame 2",
        "copper.traj, frame 0 to copper.traj, frame 23",
    ]
    assert len(pickle.dumps(portions[0])) < 1000
    assert len(pickle.dumps(portions[1])) < 9000
    for portion in map(pickle.loads, map(pickle.dumps, portions)):
        for item in portion:
            assert item.frame.fingerprint == whole[item.index].frame.fingerprint
            assert item.frame.name == whole[item.index].frame.name
    assert [one.number_i for one in portions[0].singles()] == [range(i, i + 1) for i in range(2, 9)]


def test_a_file_that_a_worker_does_not_see_is_named(tmp_path: Path) -> None:
    write(tmp_path / "here.traj", coppers(2))
    (portion,) = FrameGraphs.of(TrainingSet.open(tmp_path / "here.traj"), WithinCutoff(4.0, 0.1)).portions([range(2)])
    (tmp_path / "here.traj").unlink()
    with pytest.raises(TrainingDataError, match=r"here\.traj: cannot be opened .* for workers, too"):
        list(portion)


@pytest.mark.parametrize("n_kinds", [3, KEPT + 6])
@pytest.mark.parametrize("n_chunks", [2, 5])
def test_doctors_of_runs_see_the_pairs_of_the_whole(n_kinds: int, n_chunks: int, rng: np.random.Generator) -> None:
    structures = []
    for kind in rng.integers(n_kinds, size=150):
        atoms = Atoms(numbers=[1, 1 + kind], positions=[[0.0, 0.0, 0.0], [2.0 + 0.1 * rng.random(), 0.0, 0.0]])
        atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.zeros((2, 3)))
        structures.append(atoms)
    frames = TrainingSet.open(structures)
    items = [WithinCutoff(3.0, 0.0)(i, frame) for i, frame in enumerate(frames)]

    def seen(number_i: Any) -> Doctor:  # noqa: ANN401  # any numbers
        doctor = Doctor()
        for i in number_i:
            doctor.add(items[i].frame, items[i].graph, int(i))
        return doctor

    def merged(one: Doctor, other: Doctor) -> Doctor:
        one.merge(other)
        return one

    whole = seen(range(len(items)))
    parts = reduce(merged, map(seen, np.array_split(np.arange(len(items)), n_chunks)))
    pairs = [[(pair.first, pair.second) for pair in doctor._pairs] for doctor in (whole, parts)]
    assert pairs[0] == pairs[1]
    assert len(pairs[0]) > 10
