"""A fit on nodes of a SLURM cluster, by dask-jobqueue: workers are jobs, and share the frames.

    pip install "ase-rfhgn[dask]" dask-jobqueue
    python examples/cluster/slurm.py train.traj -o model.npz --jobs 4 --cores 16 --queue short --show
    python examples/cluster/slurm.py train.traj -o model.npz --jobs 4 --cores 16 --queue short

The first line with ``--show`` prints the job script and submits nothing: look at it before the first fit. Run the
second where jobs can be submitted from and reach it by network, such as a login node, or a small job. The same
versions must be installed there and on the nodes, and the files must be seen under the same paths.

It pays when a fit on one machine takes many minutes, and there are many cores: workers together take up to twice the
CPU time of one process (docs/accuracy.md). Reading, neighbours, rows of the linear system and their
factors are shared; the choice of the ridge, the uncertainties and the test of stability are not, nor are equations of
motion of runs without labels. Jobs wait in the queue, and a worker compiles or loads for some seconds when it starts.
A fit of less than a minute is sooner done where you are. One process with one thread per core shares best.
A lost job costs only its chunk: SLURM may stop and start jobs while the fit runs.
"""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn import fit


def cluster_of(given: argparse.Namespace) -> Any:  # noqa: ANN401  # of dask-jobqueue
    """Return a cluster that submits no job until it is scaled."""
    from dask_jobqueue import SLURMCluster  # noqa: PLC0415  # needed by this script alone

    return SLURMCluster(
        queue=given.queue,
        account=given.account,
        cores=given.cores,
        processes=given.cores,  # one thread each: Python's lock does not stand between them
        memory=given.memory,
        walltime=given.walltime,
        job_script_prologue=["export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1", *given.before],
        interface=given.interface,
        scheduler_options={"dashboard_address": ":0"},  # any free port
    )


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="A fit whose frames are shared by jobs of SLURM")
    parser.add_argument("frames", nargs="+", help="files of labelled frames, which every node sees")
    parser.add_argument("-o", "--output", required=True, metavar="model.npz")
    parser.add_argument("--jobs", type=int, default=4, help="jobs to submit")
    parser.add_argument("--cores", type=int, default=16, help="cores of a job")
    parser.add_argument("--memory", default="32GB", help="memory of a job: 1 GB per core, 2 GB for four elements")
    parser.add_argument("--walltime", default="01:00:00")
    parser.add_argument("--queue", help="partition")
    parser.add_argument("--account")
    parser.add_argument("--interface", help="network between nodes, such as ib0")
    parser.add_argument("--before", nargs="*", default=[], help="shell lines before a worker starts: 'module load …'")
    parser.add_argument("--show", action="store_true", help="print the job script, and submit nothing")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    """Print the job script, or fit and save a potential."""
    from distributed import Client  # noqa: PLC0415  # of the extra dask

    given = parsed(words)
    with cluster_of(given) as cluster:
        if given.show:
            print(cluster.job_script())
            return
        with Client(cluster) as client:
            cluster.scale(jobs=given.jobs)
            client.wait_for_workers(1)  # the others may come later
            potential = fit(given.frames, client=client, progress=True)
    potential.save(given.output)


if __name__ == "__main__":
    main()
