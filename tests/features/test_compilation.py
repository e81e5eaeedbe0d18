"""Compiled functions where no folder can be written: slower to start, and told once."""

from __future__ import annotations

import warnings

import numba.core.caching
import pytest

from ase_rfhgn.features import compilation


def twice(number: float) -> float:
    """Return a number twice."""
    return 2.0 * number


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every folder for machine code away."""
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    compilation._warn_once.cache_clear()


@pytest.mark.usefixtures("nowhere")
def test_without_a_folder_functions_work_and_one_warning_names_the_remedy() -> None:
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR") as told:
        doubled = [compilation.compiled(nogil=True)(twice) for _ in range(3)]
    assert len(told) == 1
    assert [function(3.0) for function in doubled] == [6.0] * 3


def test_with_a_folder_nothing_is_told() -> None:
    compilation._warn_once.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compilation.compiled(nogil=True)(twice)(3.0) == 6.0


@pytest.mark.usefixtures("nowhere")
def test_the_remedy_helps(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compilation.compiled(nogil=True)(twice)(3.0) == 6.0
