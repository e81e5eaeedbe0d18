"""Model files made to harm: the checksum fits, the contents do not. One error, and no more memory than the file."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy
from numpy.typing import NDArray

from ase_rfhgn.errors import ModelFileError
from ase_rfhgn.models.archive import JSON, read_model, write_model

DIGEST_LENGTH = 64

reuses_folder = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a hostile file may go."""
    return tmp_path / "model.npz"


def sealed(archive: bytes) -> bytes:
    """Return hostile bytes with a checksum that matches."""
    return archive + hashlib.sha256(archive).hexdigest().encode()


def zipped(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a sealed archive of members that the writer would not make."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
        archive.comment = bytes(DIGEST_LENGTH)
    return sealed(buffer.getvalue()[:-DIGEST_LENGTH])


def npy_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    npy.write_array(buffer, array, version=(1, 0))
    return buffer.getvalue()


def header_bytes(**changes: JSON) -> bytes:
    header = {"format": "ase_rfhgn", "format_version": 1} | changes
    return npy_bytes(np.array(json.dumps(header).encode()))


def claims(shape: str, dtype: str = "<f8") -> bytes:
    """Return an array file of four numbers that claims another shape or type."""
    start = npy_bytes(np.zeros(4))
    claim = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return start[:10] + claim.ljust(len(start) - 10 - 32 - 1).encode() + b"\n" + bytes(32)


HOSTILE = {
    "bomb": zipped([("header.npy", header_bytes()), ("a.npy", npy_bytes(np.zeros(10**6)))], zipfile.ZIP_DEFLATED),
    "absurd shape": zipped([("header.npy", header_bytes()), ("a.npy", claims("(1000000000000,)"))]),
    "negative shape": zipped([("header.npy", header_bytes()), ("a.npy", claims("(-2, -2)"))]),
    "overflowing shape": zipped([("header.npy", header_bytes()), ("a.npy", claims("(4, 4611686018427387905)"))]),
    "wrong shape": zipped([("header.npy", header_bytes()), ("a.npy", claims("(3,)"))]),
    "pickle": zipped([("header.npy", header_bytes()), ("a.npy", claims("(4,)", "|O"))]),
    "no array": zipped([("header.npy", header_bytes()), ("a.npy", b"text")]),
    "no header": zipped([("a.npy", npy_bytes(np.zeros(1)))]),
    "empty": zipped([]),
    "header of numbers": zipped([("header.npy", npy_bytes(np.zeros(1)))]),
    "header of no mapping": zipped([("header.npy", npy_bytes(np.array(b"[1, 2]")))]),
    "deep header": zipped([("header.npy", npy_bytes(np.array(b"[" * 10**5)))]),
    "other format": zipped([("header.npy", header_bytes(format="other"))]),
    "version of text": zipped([("header.npy", header_bytes(format_version="1"))]),
    "version of zero": zipped([("header.npy", header_bytes(format_version=0))]),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_file_with_a_valid_checksum_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not a model file"):
        read_model(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(path: Path) -> None:
    twice = [("a.npy", npy_bytes(np.zeros(1))), ("a.npy", npy_bytes(np.ones(1)))]
    path.write_bytes(zipped([("header.npy", header_bytes()), *twice]))
    with pytest.raises(ModelFileError, match="same name"):
        read_model(path)


@reuses_folder
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes_with_a_valid_checksum_give_one_clear_error(path: Path, content: bytes) -> None:
    path.write_bytes(sealed(content))
    with pytest.raises(ModelFileError):
        read_model(path)


@reuses_folder
@given(data=st.data())
def test_resealed_changes_are_read_or_refused_but_nothing_else(path: Path, data: st.DataObject) -> None:
    write_model(path, {"cutoff": 5.5}, {"weight_k": np.linspace(0.0, 1.0, 5), "species_s": np.array([29, 47])})
    content = bytearray(path.read_bytes()[:-DIGEST_LENGTH])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(sealed(bytes(content)))
    try:
        _, arrays = read_model(path)
    except ModelFileError:
        return
    assert sum(array.nbytes for array in arrays.values()) <= len(content)
