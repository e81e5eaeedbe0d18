"""Prints what is untidy in text files, and exits with 1 if anything is: `.ci/hygiene.py [FILE ...]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

LARGEST = 500_000
"""Size of a file that needs no reason (bytes)."""

SKIPPED = {".git", ".venv", "__pycache__", "build", "dist", "site", ".hypothesis"} | {
    f".{tool}_cache" for tool in ("mypy", "pytest", "ruff")
}
WRITTEN_BY_PROGRAMS = {".png", ".npz", ".traj", ".pyc"}

CONFLICT = re.compile(r"^(<{7} |>{7} |={7}$)", flags=re.MULTILINE)


def flaws(name: str, content: bytes) -> Iterator[str]:
    """Yield what is untidy in the content of a file."""
    if len(content) > LARGEST:
        yield f"{name}: {len(content)} bytes, more than {LARGEST}"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        yield f"{name}: not UTF-8"
        return
    if "\r" in text:
        yield f"{name}: carriage returns"
    if content and not re.search(r"\S\n\Z", text):
        yield f"{name}: must end in one newline"
    if CONFLICT.search(text):
        yield f"{name}: mark of a merge conflict"
    for number, line in enumerate(text.split("\n"), start=1):
        if line != line.rstrip():
            yield f"{name}:{number}: blanks at the end of the line"
        if "\t" in line:
            yield f"{name}:{number}: a tab"


def text_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a checkout that people write."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_skipped = any(part in SKIPPED or part.endswith(".egg-info") for part in parts)
        if path.is_file() and not is_skipped and path.suffix not in WRITTEN_BY_PROGRAMS and parts != (".git",):
            yield path


def main(names: list[str]) -> int:
    """Print the flaws of some files, or of all, and return the exit code."""
    paths = [Path(name) for name in names] or list(text_files(Path(__file__).resolve().parents[1]))
    texts = [path for path in paths if path.suffix not in WRITTEN_BY_PROGRAMS]
    found = [flaw for path in texts for flaw in flaws(str(path), path.read_bytes())]
    print("\n".join(found) or f"{len(texts)} files are tidy")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
