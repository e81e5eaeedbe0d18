"""Examples of fits on clusters: job scripts are as they should be, and benchmarks of many frames measure."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from generated_frames import Crystals

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_job_script_starts_workers(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    spec = importlib.util.spec_from_file_location("slurm", EXAMPLES / "cluster" / "slurm.py")
    assert spec is not None
    assert spec.loader is not None
    slurm = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slurm)
    words = "--jobs 2 --cores 8 --memory 16GB --walltime 00:30:00 --queue short --show"
    slurm.main(["train.traj", "-o", "m.npz", *words.split(), "--before", "module load python"])
    script = capsys.readouterr().out
    for line in ("#SBATCH -p short", "#SBATCH --cpus-per-task=8", "#SBATCH -t 00:30:00", "module load python"):
        assert line in script.splitlines()
    assert re.search(r"^#SBATCH --mem=1\dG$", script, flags=re.MULTILINE)
    assert "export OPENBLAS_NUM_THREADS=1" in script
    assert "--nworkers 8" in script
    assert "--nthreads 1" in script
    assert not Path("m.npz").exists()


def test_generated_frames_obey_their_springs() -> None:
    frame = Crystals(3, 2).frames()[1]
    atoms = frame.atoms
    assert frame.force_nc is not None
    np.testing.assert_allclose(frame.force_nc.sum(axis=0), 0.0, atol=1e-12)
    again = Crystals(3, 2).frames()[1]
    assert np.array_equal(again.atoms.positions, atoms.positions)
    assert again.energy == frame.energy


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_set_larger_than_memory_is_fitted_within_its_cap() -> None:
    command = [sys.executable, str(EXAMPLES / "benchmarks" / "many_frames.py"), "memory", "--edge", "2"]
    command += ["--gigabytes", "1e-4"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert finished.returncode == 0, finished.stderr
    assert re.search(r"within 1 GB: \d+ CPU s, \d+ s, peak 0\.\d+ GB", finished.stdout)
