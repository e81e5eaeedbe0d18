"""Files of named arrays and one JSON header: ``.npz`` without pickles, sealed by a checksum.

The file is a plain zip archive that `numpy.load` reads too. It holds ``header.npy``, the JSON text
as bytes, and one ``.npy`` per array, sorted by name, uncompressed and without time stamps: equal
contents give equal bytes. The comment of the archive, the last 64 bytes of the file, is the SHA-256 of
all bytes before it. So a change is found before anything is parsed. The checksum protects against
accidents, not against malice. Parsing is always bounded by the size of the file.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ase_rfhgn.errors import ModelFileError
from ase_rfhgn.runtime.atomic_write import atomic_write

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

Header: TypeAlias = dict[str, Any]
Arrays: TypeAlias = dict[str, NDArray[Any]]
Model = TypeVar("Model")

FORMAT = "ase_rfhgn"
FORMAT_VERSION = 1
LARGEST_FILE = 2**32
"""Bytes beyond which a file is refused unread."""

FINGERPRINT_DIGITS = 16

_HEADER = "header"
_SUFFIX = ".npy"
_DIGEST_LENGTH = hashlib.sha256().digest_size * 2
_FIRST_NAME = slice(30, None)
"""Where a zip archive has the name of its first member."""
_START_OF_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_NPY_VERSION = (1, 0)


def write_model(path: str | Path, header: Mapping[str, JSON], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a header and named arrays to exactly the path given, whole or not at all.

    Parameters
    ----------
    path : str or Path
        File to write; an older file is replaced once the new one is safely on the disk.
    header : mapping of str to JSON
        Anything that JSON can express, except under the names "format" and "format_version".
    arrays : mapping of str to ndarray
        Arrays of float64, int64 or bytes, under any name but "header".

    Raises
    ------
    ModelFileError
        If the contents do not fit the format. An older file is then left as it was.
    OutputError
        If the file cannot be written, likewise.
    """
    content = _pack(header, arrays)
    atomic_write(path, lambda whole: whole.write_bytes(content))


def fingerprint_of_contents(header: Mapping[str, JSON], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return 16 hexadecimal digits that distinguish contents of a model file from any others."""
    return _digest(_pack(header, arrays)).decode("ascii")[:FINGERPRINT_DIGITS]


def read_model(path: str | Path) -> tuple[dict[str, JSON], dict[str, NDArray[Any]]]:
    """Return the header and the arrays that `write_model` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, changed, of another program or of a newer version.
    """
    path = Path(path)
    content = _read_bytes(path)
    if content[-_DIGEST_LENGTH:] != _digest(content[:-_DIGEST_LENGTH]):
        raise ModelFileError(_why_unsealed(path, content))
    try:
        header, arrays = _unpack(content)
        version = header.pop("format_version")
        is_known = header.pop("format") == FORMAT and isinstance(version, int) and version > 0
    except Exception as error:  # the readers of zip, npy and JSON raise errors of all kinds
        message = f"{path} is not a model file of {FORMAT}: {error!r}"
        raise ModelFileError(message) from error
    if not is_known:
        message = f"{path} is not a model file of {FORMAT}: its header names another format"
        raise ModelFileError(message)
    if version > FORMAT_VERSION:
        message = f"{path} has format version {version}, and this program reads {FORMAT_VERSION}: upgrade {FORMAT}"
        raise ModelFileError(message)
    return header, arrays


def is_model_file(path: str | Path) -> bool:
    """Return whether a file is an intact model file, of any kind and any version."""
    try:
        content = _read_bytes(Path(path))
    except ModelFileError:
        return False
    starts = content[_FIRST_NAME].startswith((_HEADER + _SUFFIX).encode())
    return starts and content[-_DIGEST_LENGTH:] == _digest(content[:-_DIGEST_LENGTH])


def read_model_as(path: str | Path, makers: Mapping[str, Callable[[Header, Arrays], Model]]) -> Model:
    """Return the model of a file, made by the maker of its kind.

    Parameters
    ----------
    path : str or Path
        File that `write_model` wrote.
    makers : mapping of str to callable
        Functions that make a model of a header and arrays, by the header's entry "model".

    Raises
    ------
    ModelFileError
        If the file cannot be read, holds a model of another kind, or one that contradicts itself.
    """
    header, arrays = read_model(path)
    kind = header.get("model")
    if not isinstance(kind, str) or kind not in makers:
        message = f"{path} holds a model of the kind {kind!r}; readable here: {', '.join(makers)}"
        raise ModelFileError(message)
    try:
        return makers[kind](header, arrays)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        message = f"{path}: not an intact model of the kind {kind} ({type(error).__name__}: {error})"
        raise ModelFileError(message) from error


def shaped(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return an array of a model file after a check of its shape and that it is finite.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Arrays of a model file.
    name : str
        Which of them.
    shape : tuple of int or None
        Its shape; None stands for any length.

    Raises
    ------
    KeyError
        If there is no such array.
    ValueError
        If it is not as it should be.
    """
    array = arrays[name]
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if not (fits and np.isfinite(array).all()):
        message = f"array {name} of shape {array.shape} does not fit {shape}, or is not finite"
        raise ValueError(message)
    return array


def with_prefix(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the arrays of a part of a model under names that begin with the name of the part."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def without_prefix(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the arrays of one part of a model, under their own names."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _pack(header: Mapping[str, JSON], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of a model file."""
    if _HEADER in arrays:
        message = f"an array cannot have the name {_HEADER!r}"
        raise ModelFileError(message)
    members = {_HEADER: np.array(_header_text(header))} | {name: arrays[name] for name in sorted(arrays)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in members.items():
            member = zipfile.ZipInfo(name + _SUFFIX, _START_OF_TIME)
            member.create_system = _UNIX  # otherwise the bytes depend on who writes them
            archive.writestr(member, _npy_bytes(name, array))
        archive.comment = bytes(_DIGEST_LENGTH)
    content = buffer.getvalue()[:-_DIGEST_LENGTH]
    return content + _digest(content)


def _unpack(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the header and the arrays in the bytes of a model file, never more than these bytes hold."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        is_stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
        if not is_stored or sum(member.file_size for member in members) > len(content):
            message = "its members are compressed, or larger than the file"
            raise ValueError(message)
        arrays = {member.filename.removesuffix(_SUFFIX): _array_of(archive.read(member)) for member in members}
    if len(arrays) != len(members):
        message = "two of its members have the same name"
        raise ValueError(message)
    return json.loads(arrays.pop(_HEADER).item()), arrays


def _header_text(header: Mapping[str, JSON]) -> bytes:
    """Return the header as JSON, with the format and its version."""
    reserved = {"format": FORMAT, "format_version": FORMAT_VERSION}
    if reserved.keys() & header.keys():
        message = f"a header cannot have the names {', '.join(reserved)}"
        raise ModelFileError(message)
    try:
        return json.dumps(reserved | dict(header), sort_keys=True, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the header cannot be written as JSON: {error}"
        raise ModelFileError(message) from error


def _npy_bytes(name: str, array: NDArray[Any]) -> bytes:
    """Return an array in NumPy's ``.npy`` format, in C order and little-endian."""
    plain = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if not _is_plain(plain.dtype):
        message = f"array {name!r} has the type {array.dtype}; float64, int64 and bytes can be written"
        raise ModelFileError(message)
    buffer = io.BytesIO()
    npy.write_array(buffer, plain, version=_NPY_VERSION, allow_pickle=False)
    return buffer.getvalue()


def _array_of(content: bytes) -> NDArray[Any]:
    """Return the array in the bytes of a ``.npy`` file, after a check that they hold all of it and no more."""
    buffer = io.BytesIO(content)
    if npy.read_magic(buffer) != _NPY_VERSION:
        message = "a member is not an array"
        raise ValueError(message)
    shape, is_fortran, dtype = npy.read_array_header_1_0(buffer)
    data = buffer.read()
    if is_fortran or not _is_plain(dtype) or math.prod(shape) * dtype.itemsize != len(data):
        message = "a member is an array of another type or size"
        raise ValueError(message)
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.str in {"<f8", "<i8"} or dtype.kind == "S"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _why_unsealed(path: Path, content: bytes) -> str:
    """Return why a file whose checksum does not match cannot be read."""
    if content[_FIRST_NAME].startswith((_HEADER + _SUFFIX).encode()):
        return f"{path} is damaged, cut short or was changed (its checksum does not match): restore it from a copy"
    return f"{path} is not a model file of {FORMAT}"


def _read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, if it is a file, can be read and has a sane size."""
    if not path.exists():
        message = f"{path} does not exist: give the path of a model file"
        raise ModelFileError(message)
    if not path.is_file():
        message = f"{path} is not a file: give the path of a model file"
        raise ModelFileError(message)
    if (size := path.stat().st_size) > LARGEST_FILE:
        message = f"{path} has {size} bytes; a model file has at most {LARGEST_FILE}"
        raise ModelFileError(message)
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ModelFileError(message) from error
