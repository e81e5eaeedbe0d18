"""Model files: what goes in comes out, a failed write changes nothing, and every damage is found."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from hypothesis.extra.numpy import arrays as array_strategy
from numpy.typing import NDArray

from ase_rfhgn.errors import ModelFileError, OutputError
from ase_rfhgn.models import archive as model_file
from ase_rfhgn.models.archive import read_model, write_model

pytestmark = pytest.mark.quick

HEADER: dict[str, model_file.JSON] = {"species": ["Cu", "Ag"], "cutoff": 5.5, "record": {"seed": 0, "ridge": None}}
ARRAYS: dict[str, NDArray[Any]] = {
    "weight_k": np.linspace(0.0, 1.0, 5),
    "species_s": np.array([29, 47]),
    "symbols_s": np.array([b"Cu", b"Ag"]),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
numeric_arrays = st.sampled_from(["<f8", "<i8", ">f8", ">i8", "S3"]).flatmap(
    lambda dtype: array_strategy(dtype, array_shapes(min_dims=0, min_side=0, max_side=3))
)
reuses_folder = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a path without the usual suffix."""
    return tmp_path / "model.potential"


# %% What goes in comes out


def test_header_and_arrays_come_back(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    header, arrays = read_model(str(path))
    assert header == HEADER
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


@reuses_folder
@given(
    header=st.dictionaries(st.text().filter(lambda name: not name.startswith("format")), json_values, max_size=3),
    arrays=st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), numeric_arrays, max_size=3),
)
def test_any_header_and_arrays_come_back_bit_by_bit(
    path: Path, header: dict[str, model_file.JSON], arrays: dict[str, NDArray[Any]]
) -> None:
    arrays.pop("header", None)
    write_model(path, header, arrays)
    found_header, found = read_model(path)
    assert found_header == header
    assert {name: (array.shape, array.tolist().__repr__()) for name, array in found.items()} == {
        name: (array.shape, array.tolist().__repr__()) for name, array in arrays.items()
    }


def test_equal_contents_give_equal_bytes_in_any_order(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_model(path, HEADER, ARRAYS)
    write_model(other, dict(reversed(HEADER.items())), dict(reversed(ARRAYS.items())))
    assert path.read_bytes() == other.read_bytes()


def test_memory_layout_does_not_show_in_the_bytes(path: Path, tmp_path: Path) -> None:
    square = np.arange(9.0).reshape(3, 3)
    write_model(path, {}, {"a": square})
    for i, same in enumerate([np.asfortranarray(square), square.astype(">f8"), np.repeat(square, 2, axis=1)[:, ::2]]):
        write_model(tmp_path / str(i), {}, {"a": same})
        assert (tmp_path / str(i)).read_bytes() == path.read_bytes()


def test_numpy_reads_the_file_without_pickles(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    with np.load(path, allow_pickle=False) as archive:
        assert json.loads(archive["header"].item())["format"] == "ase_rfhgn"
        np.testing.assert_array_equal(archive["weight_k"], ARRAYS["weight_k"])


def test_arrays_that_come_back_can_be_changed(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    assert all(array.flags.writeable and array.flags.aligned for array in read_model(path)[1].values())


# %% What does not fit the format is refused before anything is written


@pytest.mark.parametrize(
    ("header", "arrays", "complaint"),
    [
        ({"ridge": float("nan")}, {}, "JSON"),
        ({"path": Path()}, {}, "JSON"),
        ({"format": "mine"}, {}, "format"),
        ({"format_version": 7}, {}, "format_version"),
        ({}, {"header": np.zeros(1)}, "header"),
        ({}, {"a": np.array([None])}, "object"),
        ({}, {"a": np.zeros(2, dtype=np.float32)}, "float32"),
        ({}, {"a": np.array(["text"])}, "<U4"),
    ],
)
def test_contents_that_do_not_fit_are_refused(
    path: Path, header: dict[str, Any], arrays: dict[str, NDArray[Any]], complaint: str
) -> None:
    with pytest.raises(ModelFileError, match=complaint):
        write_model(path, header, arrays)
    assert not list(path.parent.iterdir())


# %% A failed write changes nothing


def fail_with(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


FULL_DISK = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("failure", "raised"), [(FULL_DISK, OutputError), (KeyboardInterrupt(), KeyboardInterrupt)], ids=["full", "^C"]
)
def test_failed_write_keeps_the_old_file_and_leaves_no_debris(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException, raised: type[BaseException]
) -> None:
    write_model(path, HEADER, ARRAYS)
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail_with(failure))
        with pytest.raises(raised):
            write_model(path, {"new": True}, {})
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == old


def test_disk_that_fills_up_in_the_middle_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(path, HEADER, ARRAYS)
    old = path.read_bytes()
    opened = Path.open

    def open_on_full_disk(self: Path, mode: str) -> Any:  # noqa: ANN401 - whatever the true one returns
        file: Any = opened(self, mode)
        file.write(b"half of the fi")
        file.flush()

        class FullDisk:
            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            write = staticmethod(fail_with(FULL_DISK))

        return FullDisk()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_on_full_disk)
        with pytest.raises(OutputError, match="No space left"):
            write_model(path, {"new": True}, {})
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == old


def test_file_is_on_the_disk_before_it_takes_the_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def noted(step: str, act: Callable[..., object]) -> Callable[..., object]:
        def note_and_act(*arguments: object, **options: object) -> object:
            steps.append(step)
            return act(*arguments, **options)

        return note_and_act

    monkeypatch.setattr(os, "fsync", noted("fsync", os.fsync))
    monkeypatch.setattr(os, "replace", noted("replace", os.replace))
    write_model(path, HEADER, ARRAYS)
    assert steps == ["fsync", "replace"]


@pytest.mark.parametrize("target", ["missing/model.npz", "a_file/model.npz", "a_folder"])
def test_unwritable_target_gives_one_clear_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "a_file").touch()
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_model(tmp_path / target, HEADER, ARRAYS)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a_file", "a_folder"]


def test_symbolic_link_stays_and_its_target_is_replaced(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(path)
    write_model(link, HEADER, ARRAYS)
    assert link.is_symlink()
    assert read_model(path)[0] == HEADER


def test_permissions_are_those_of_any_new_file(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    ordinary = path.with_name("ordinary")
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode


# %% Nothing but an intact model is read


def test_every_changed_byte_is_found(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    content = path.read_bytes()
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        with pytest.raises(ModelFileError):
            read_model(path)


def test_every_truncation_is_found(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            read_model(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(ModelFileError):
        read_model(path)


def test_damaged_and_foreign_files_are_told_apart(path: Path) -> None:
    write_model(path, HEADER, ARRAYS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(path)
    with path.open("wb") as file:
        np.savez(file, weights=np.zeros(3))
    with pytest.raises(ModelFileError, match="not a model file of ase_rfhgn"):
        read_model(path)


def test_newer_version_asks_for_an_upgrade(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(model_file, "FORMAT_VERSION", 2)
        write_model(path, HEADER, ARRAYS)
    with pytest.raises(ModelFileError, match=r"format version 2.*upgrade"):
        read_model(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nowhere\.npz does not exist"):
        read_model(tmp_path / "nowhere.npz")
    with pytest.raises(ModelFileError, match="is not a file"):
        read_model(tmp_path)


def test_file_of_absurd_size_is_refused_unread(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(model_file.LARGEST_FILE + 1)  # sparse: takes no room
    with pytest.raises(ModelFileError, match="at most"):
        read_model(path)
