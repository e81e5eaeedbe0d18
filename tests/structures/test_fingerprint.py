"""Fingerprints tell arrays apart, and are the same in every process: what several machines found can be joined."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from ase import Atoms

from ase_rfhgn.structures.doctor.places import kin_of
from ase_rfhgn.structures.frame import fingerprint_of


def test_fingerprints_do_not_depend_on_the_process() -> None:
    program = (
        "from ase import Atoms; from ase_rfhgn.structures.doctor.places import kin_of; print(kin_of(Atoms('CuAu')))"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        finished = subprocess.run(  # noqa: S603
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        assert int(finished.stdout) == kin_of(Atoms("CuAu"))


def test_fingerprints_tell_arrays_apart() -> None:
    assert kin_of(Atoms("CuAu")) != kin_of(Atoms("AuCu"))
    assert kin_of(Atoms("CuAu")) != kin_of(Atoms("CuAu", pbc=True))
    assert fingerprint_of(np.zeros(3)) == fingerprint_of(-np.zeros(3)) != fingerprint_of(np.zeros(4))
    assert fingerprint_of(None, np.ones(2)) != fingerprint_of(np.ones(2), None)
