"""Scripts of LAMMPS run with a potential, and the lines that they need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ase_rfhgn.calculators.lammps.checks import symbols_of
from ase_rfhgn.calculators.lammps.external import FIX, ExternalForces, Grading, attach
from ase_rfhgn.calculators.lammps.library import LAMMPS, agreed, communicator, errors_of, start
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.models.potential import Potential

MARK = re.compile(r"^[ \t]*fix[ \t]+(\S+)[ \t]+all[ \t]+external[ \t]+pf/callback[ \t]+1[ \t]+1\b.*\n?", re.MULTILINE)
"""The line of a script at which the potential comes in."""


def script_lines(potential: Potential) -> list[str]:
    """Return the lines of a LAMMPS script that take the place of ``pair_style`` and ``pair_coeff``.

    Parameters
    ----------
    potential : Potential
        A potential.
    """
    return [
        f"pair_style      zero {2.0 * potential.cutoff:.10g}",
        "pair_coeff      * *",
        f"fix             {FIX} all external pf/callback 1 1",
    ]


def elements_of(potential: Potential) -> list[str]:
    """Return the chemical symbols of the elements that a potential knows."""
    return symbols_of(potential.species_s)


def run_script(
    script: str | Path,
    potential: Potential | str | Path,
    elements: Sequence[str] | None = None,
    *,
    grading: Grading | None = None,
    threads: int = 1,
    arguments: Sequence[str] = (),
) -> ExternalForces:
    """Return the callback of a LAMMPS script, after the script has been run with a potential.

    Parameters
    ----------
    script : str or Path
        A script for ``units metal`` with the line ``fix rfhgn all external pf/callback 1 1``; any ID will do. There
        the potential comes in. A script must not jump back to lines before it.
    potential : Potential, str or Path
        A potential, or its file.
    elements : sequence of str, optional
        Chemical symbols of the types of atoms; not needed if there is only one.
    grading : Grading, optional
        When to compute extrapolation grades; never by default.
    threads : int, default 1
        Threads per process.
    arguments : sequence of str
        Arguments of LAMMPS's command line, such as ``("-log", "none")``.

    Raises
    ------
    SettingsError
        On all processes: if the script cannot be read or lacks the line, if LAMMPS refuses a command, or as for
        `attach`.
    StructureError
        On all processes: if the potential cannot evaluate the structure.
    """
    comm = communicator()
    fix, parts = agreed(comm, lambda: _parts(Path(script)))
    lmp, forces = start(comm, arguments), None
    try:
        with TemporaryDirectory() as folder:
            before, after = (_written(Path(comm.bcast(folder)) / name, parts[name], comm) for name in parts)
            with errors_of(comm):
                lmp.file(str(before))
            forces = attach(lmp, potential, elements, fix=fix, grading=grading, threads=threads)
            with errors_of(comm):
                lmp.file(str(after))
    except SettingsError as error:
        if forces is not None and forces.failure is not None:
            raise StructureError(forces.failure) from error
        raise
    finally:
        lmp.close()
    return forces


def _parts(script: Path) -> tuple[str, dict[str, str]]:
    """Return the ID of the fix of a script, and the text up to it and behind it."""
    text = script.read_text(encoding="utf-8")
    text += "" if text.endswith("\n") else "\n"
    mark = MARK.search(text)
    if mark is None:
        message = f"{script} has no line `fix {FIX} all external pf/callback 1 1`: put it behind pair_coeff"
        raise SettingsError(message)
    return mark[1], {"before": text[: mark.end()], "after": text[mark.end() :]}


def _written(path: Path, text: str, comm: LAMMPS) -> Path:
    """Return the path of a file after the first process, which alone reads it, has written it."""
    if comm.rank == 0:
        path.write_text(text, encoding="utf-8")
    return path
