"""Files of settings: a TOML file records the options of a command, and repeats them."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tomli_w

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.runtime.atomic_write import atomic_write

_NOT_RECORDED = {
    *("help", "run", "parser", "all_commands", "takes_settings", "exit_code"),
    *("output", "force", "json", "log", "settings", "save_settings", "dask"),
}
"""Options that say nothing about what is fitted."""


def add_settings_file(command: argparse.ArgumentParser) -> None:
    """Let a command read its options from a file, and write them to one."""
    command.add_argument("--settings", metavar="fit.toml", help="file of options; those on the command line win")
    command.set_defaults(takes_settings=True)
    command.add_argument("--save-settings", metavar="fit.toml", help="write all options of this fit, to repeat it")


def save_settings(options: argparse.Namespace, path: str | None, defaults: Mapping[str, object]) -> None:
    """Write the options of a command to a file; without a path, nothing is written.

    Parameters
    ----------
    options : Namespace
        Parsed options.
    path : str or None
        The file.
    defaults : mapping of str to object
        Values of options that were not given.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if path is None:
        return
    given = {name: value for name, value in vars(options).items() if value is not None}
    entries = {
        name: _as_toml(value)
        for name, value in {**defaults, **given}.items()
        if name not in _NOT_RECORDED and value is not None
    }
    head = f"# {options.parser.prog} of ase-rfhgn {version('ase-rfhgn')}; repeat it with --settings {Path(path).name}\n"
    atomic_write(path, lambda whole: whole.write_text(head + tomli_w.dumps(entries), encoding="utf-8"))


def _as_toml(value: Any) -> Any:  # noqa: ANN401  # options are of any type
    """Return an option as TOML knows it: pairs of names and numbers become a table."""
    if isinstance(value, list | tuple):
        pairs = [one for one in value if isinstance(one, tuple)]
        return dict(pairs) if pairs else list(value)
    return value


def with_settings(arguments: Sequence[str], command: argparse.ArgumentParser) -> list[str]:
    """Return the words after a command, preceded by the options of its file of settings that are not among them.

    Parameters
    ----------
    arguments : sequence of str
        Words of the user, without the name of the command.
    command : ArgumentParser
        Parser of the command.

    Raises
    ------
    SettingsError
        If the file cannot be read, or names an option that does not exist.
    """
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--settings")
    path = finder.parse_known_args(list(arguments))[0].settings
    if path is None:
        return list(arguments)
    found = _read(path)
    actions = {action.dest: action for action in command._actions if action.dest not in _NOT_RECORDED - {"output"}}  # noqa: SLF001
    unknown = [name for name in found if name not in actions]
    if unknown:
        message = f"{path}: there is no option {', '.join(unknown)}; options are {', '.join(sorted(actions))}"
        raise SettingsError(message)
    own = command.parse_known_args(list(arguments))[0]
    missing = {name: value for name, value in found.items() if getattr(own, name) in (None, [])}
    words = [word for name, value in missing.items() if name != "frames" for word in _words(name, value)]
    # one word after the last option, which may take several
    return [*map(str, missing.get("frames", [])), *words, "--settings", path, *arguments]


def _read(path: str) -> dict[str, Any]:
    """Return the options of a file, whose names may have hyphens."""
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: cannot be read as settings in TOML ({error})"
        raise SettingsError(message) from error
    return {name.replace("-", "_"): value for name, value in found.items()}


def _words(name: str, value: object) -> Iterator[str]:
    """Yield the words that give an option on the command line."""
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        yield option if value else f"--no-{option.removeprefix('--')}"
        return
    yield option
    if isinstance(value, Mapping):
        yield from (f"{key}={number!r}" for key, number in value.items())
    else:
        yield from (str(one) for one in (value if isinstance(value, list) else [value]))
