"""Wording of messages on the command line: advice about arguments of functions names options instead."""

from __future__ import annotations

import argparse
import re
import shlex

_NEEDED = re.compile(r"\b(\w+) is needed")
_ARGUMENT = re.compile(r"\b(\w+)=('[^']*'|\"[^\"]*\"|-?[\w.]+)")


def in_options(message: object, command: argparse.ArgumentParser) -> str:
    """Return a message in which arguments such as ``targets='momenta'`` are options: ``--targets momenta``.

    Parameters
    ----------
    message : object
        An error, a warning or a text.
    command : ArgumentParser
        Parser of the command; arguments that are not its options stay as they are.
    """
    options = {action.dest: action.option_strings for action in command._actions if action.option_strings}  # noqa: SLF001

    def option(found: re.Match[str]) -> str:
        name, value = found[1], found[2].strip("'\"")
        if name not in options:
            return found[0]
        word = options[name][0]
        return word if value == "True" else f"{word} {shlex.quote(value)}"

    def needed(found: re.Match[str]) -> str:
        return f"{options[found[1]][0]} is needed" if found[1] in options else found[0]

    text = _NEEDED.sub(needed, _ARGUMENT.sub(option, str(message)))
    return text.replace(" * ase.units.fs", " fs")
