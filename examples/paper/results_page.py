"""The page of results, `RESULTS.md`: every script replaces its own section and leaves the others alone.

A section stands between two HTML comments that name it, and says when, with what and on which
processor it was made. The file is replaced in one step, so that it is never half-written.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).with_name("RESULTS.md")

ORDER = (
    "lattice_optimisers",
    "zero_shot",
    "potentials",
    "no_graph",
    "physics_informed_gnns",
    "lennard_jones",
    "hamiltonian_networks",
    "harmonic_motion",
    "pendulum_motion",
    "quartic_oscillators",
    "henon_heiles",
    "kepler_orbits",
    "fput_chains",
    "toda_chains",
    "copper_modes",
    "adatom_hops",
)
"""Names of the sections, as the page has them."""

TITLE = """\
# The experiments of RF-HGN, repeated

Every section was written by the script that it names, at full size. "Paper" is arXiv:2506.06558; what its
summary leaves out (constants of potentials, time steps, sizes of data) is our choice and stated.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of a script says.

    Attributes
    ----------
    quick : bool
        Whether to run at a small size, in seconds, without touching the page.
    output : Path
        Folder of the figures.
    page : Path or None
        Page whose section is replaced; None to print only.
    """

    quick: bool
    output: Path
    page: Path | None


def parse(description: str | None, arguments: Sequence[str] | None = None) -> Options:
    """Return the options of the command line; the folder of the figures is made.

    Parameters
    ----------
    description : str or None
        What the script is for: its docstring.
    arguments : sequence of str, optional
        Words of the command line; by default those of the process.
    """
    first_line = (description or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=first_line)
    parser.add_argument("--quick", action="store_true", help="small sizes, in seconds; the page stays as it is")
    parser.add_argument("--output", type=Path, default=Path("figures"), help="folder of the figures")
    parser.add_argument("--page", type=Path, help=f"page to write to, by default {PAGE.name} unless --quick")
    words = parser.parse_args(arguments)
    words.output.mkdir(parents=True, exist_ok=True)
    return Options(words.quick, words.output, words.page or (None if words.quick else PAGE))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; floats get three digits, None a dash.

    Parameters
    ----------
    head : sequence of str
        Titles of the columns.
    rows : iterable of sequences
        Cells.
    """
    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: object) -> str:
    """Return a value as it stands in a table."""
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@dataclass(slots=True)
class Clock:
    """Seconds that a block of code took.

    Attributes
    ----------
    cpu, wall : float
        Processor time of this process, and time on the clock.
    """

    cpu: float = field(default=0.0)
    wall: float = field(default=0.0)


@contextmanager
def clocked() -> Iterator[Clock]:
    """Yield a clock that is set when the block ends."""
    clock = Clock()
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        yield clock
    finally:
        clock.cpu, clock.wall = time.process_time() - cpu, time.perf_counter() - wall


def publish(name: str, heading: str, body: str, options: Options) -> None:
    """Print a section, and put it on the page unless the run was quick.

    Parameters
    ----------
    name : str
        Name of the section, one of `ORDER`, and of the script without its suffix.
    heading : str
        Its heading.
    body : str
        Markdown: tables and what they mean.
    options : Options
        Options of the command line.
    """
    print(body)
    if options.page is not None:
        old = options.page.read_text(encoding="utf-8") if options.page.exists() else TITLE
        parts = [f"## {heading}", origin(name), body.strip(), *figure_link(name, options)]
        replace_file(options.page, with_section(old, name, "\n\n".join(parts) + "\n"))


def figure_link(name: str, options: Options) -> list[str]:
    """Return the Markdown that shows the figure of a script, or nothing where it drew none."""
    figure = options.output / f"{name}.png"
    if options.page is None or not figure.exists():
        return []
    return [f"![{name}]({Path(os.path.relpath(figure, options.page.parent)).as_posix()})"]


def with_section(page: str, name: str, text: str) -> str:
    """Return a page with one section replaced, or inserted where it belongs; others are kept, known or not.

    Parameters
    ----------
    page : str
        The whole page.
    name : str
        Name of the section, one of `ORDER`.
    text : str
        The section.
    """
    sections = dict(re.findall(r"<!-- begin (\w+) -->\n(.*?)<!-- end \1 -->\n", page, flags=re.DOTALL))
    sections[name] = text
    keys = [key for key in ORDER if key in sections] + [key for key in sections if key not in ORDER]
    parts = [f"\n<!-- begin {key} -->\n{sections[key]}<!-- end {key} -->\n" for key in keys]
    return page.partition("\n<!-- begin ")[0] + "".join(parts)


def origin(name: str) -> str:
    """Return when, by which script, with which versions and on which processor a section was made."""
    versions = ", ".join(f"{package} {version(package)}" for package in ("ase-rfhgn", "ase", "numpy", "scipy"))
    day = datetime.now(tz=UTC).date().isoformat()
    return f"*`examples/paper/{name}.py`, {day}, Python {platform.python_version()}, {versions}, {processor()}.*"


def processor() -> str:
    """Return the name of the processor and how many of its cores there are."""
    information = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", information.read_text() if information.exists() else "", re.MULTILINE)
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def replace_file(path: Path, text: str) -> None:
    """Write a file in one step: it is the old or the new one, never half of it."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as temporary:
        temporary.write(text)
    try:
        Path(temporary.name).replace(path)
    except OSError:
        Path(temporary.name).unlink()
        raise
