"""Runs the tutorials, and compares the outputs that they show: `docs/run_pages.py [--write] [PAGE ...]`.

Python blocks of a page run one after the other, and commands ``ase-rfhgn …`` of console blocks between them, in an
empty folder of the page. A text block that follows such a block is its output. Without ``--write``, an output
whose words are not those of the page is an error; numbers may differ. Pages that need a library which is not
installed are left out: ``<!-- needs: tblite -->``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shlex
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
PAGES = sorted((DOCS / "tutorials").glob("[0-9]*.md"))

BLOCK = re.compile(r"^```(python|console)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", flags=re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"<!-- needs: ([\w.]+) -->")
NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
BLANKS = re.compile(r"\s+")
PROGRAM = "ase-rfhgn "


def missing(text: str) -> list[str]:
    """Return the libraries that a page needs and that are not installed."""
    return [name for name in NEEDS.findall(text) if importlib.util.find_spec(name) is None]


def outputs(text: str, name: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield every block of a page, and what it prints when it runs after the blocks before it."""
    names: dict[str, Any] = {"__name__": "__page__"}
    for block in BLOCK.finditer(text):
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout):
            if block[1] == "python":
                exec(compile(block[2], name, "exec"), names)  # noqa: S102
            else:
                run_commands(block[2])
        yield block, stdout.getvalue()


def run_commands(block: str) -> None:
    """Run the commands of a console block that are our own."""
    from ase_rfhgn.cli.main import main  # noqa: PLC0415  # pages without commands need no command line

    for line in block.replace("\\\n", " ").splitlines():
        if line.startswith(PROGRAM) and main(shlex.split(line.removeprefix(PROGRAM))):
            message = f"this command failed: {line}"
            raise RuntimeError(message)


def words(text: str) -> str:
    """Return a text without its numbers, and without differences of blanks."""
    return BLANKS.sub(" ", NUMBER.sub("#", text)).strip()


def checked(path: Path) -> tuple[str, list[str]]:
    """Return the text of a page with new outputs, and complaints about the old ones."""
    text = path.read_text(encoding="utf-8")
    parts, complaints, end = [], [], 0
    for block, output in outputs(text, path.name):
        shown = block[3]
        parts.append(text[end : block.start()])
        fence = f"\n```text\n{output.rstrip()}\n```\n" if shown is not None else ""
        parts.append(f"```{block[1]}\n{block[2]}```\n{fence}")
        end = block.end()
        if shown is not None and words(shown) != words(output):
            complaints.append(f"{path.name}: the page shows\n{shown}\nbut the program prints\n{output}")
    return "".join([*parts, text[end:]]), complaints


def main(arguments: list[str]) -> int:
    """Run pages and return the exit code."""
    write = "--write" in arguments
    pages = [Path(name).resolve() for name in arguments if not name.startswith("--")] or PAGES
    complaints: list[str] = []
    sys.path.insert(0, str(DOCS))
    for path in pages:
        lacking = missing(path.read_text(encoding="utf-8"))
        if lacking:
            print(f"{path.name}: left out, needs {', '.join(lacking)}")
            continue
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text, found = checked(path)
        if write:
            path.write_text(text, encoding="utf-8")
        complaints += [] if write else found
        print(f"{path.name}: {time.perf_counter() - start:.1f} s")
    print("\n".join(complaints) or "all outputs are those of the programs")
    return 1 if complaints else 0


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.exit(main(sys.argv[1:]))
