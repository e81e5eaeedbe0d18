"""Compilation of inner loops, kept on the disk where the machine has a place for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401  # numba's options
    """Return a decorator that compiles a function at its first call, and keeps the machine code for other processes.

    Parameters
    ----------
    **options
        Those of `numba.njit`.

    Warns
    -----
    RuntimeWarning
        Once, if there is no folder for machine code: neither that of the package nor the user's can be
        written. Every process then compiles anew.
    """

    def decorate(function: Callable[..., Any]) -> Any:  # noqa: ANN401  # numba does not say
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError as error:  # numba finds no folder for this file
            _warn(str(error))
            return njit(**options)(function)

    return decorate


@cache
def _warn_once() -> None:
    message = (
        "compiled functions cannot be kept, every process compiles them anew, for half a minute: set the environment "
        "variable NUMBA_CACHE_DIR to a folder that can be written"
    )
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def _warn(reason: str) -> None:
    """Tell that nothing is cached; any other failure of the compiler is passed on."""
    if "cannot cache function" not in reason:
        raise RuntimeError(reason)
    _warn_once()
