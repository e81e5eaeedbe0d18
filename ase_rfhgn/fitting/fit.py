"""The fit of a potential: a front of `ase_rfhgn.fitting.engine`."""

from __future__ import annotations

from collections.abc import Mapping

from ase_rfhgn.fitting.baseline_answers import AnyBaseline, baseline_of
from ase_rfhgn.fitting.engine import fit_model
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.preparation import PotentialProblem
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.training_set import AnyFrames, open_frames


def fit(
    frames: AnyFrames,
    *,
    cutoff: float | None = None,
    sampler: str = "swim",
    channels: int | None = None,
    projections: int | None = None,
    correlation: int = 4,
    degree: int = 4,
    energy_weight: float | None = None,
    force_weight: float = 1.0,
    stress_weight: float | None = None,
    ridge: float | None = None,
    one_body: Mapping[str, float] | None = None,
    baseline: AnyBaseline = None,
    targets: str = "auto",
    timestep: float | None = None,
    stride: int | None = None,
    known_energy: tuple[int, float] | None = None,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virials_key: str | None = None,
    group_key: str | None = None,
    group_weights: Mapping[str, float] | None = None,
    seed: int = 0,
    updatable: bool = False,
    threads: int | None = None,
    client: object | None = None,
    progress: bool = False,
) -> Potential:
    """Return a potential fitted to labelled structures, or to a run without labels, in one linear solve.

    Parameters
    ----------
    frames : path, ase.Atoms, iterable of these, or TrainingSet
        Structures with energies, forces or stresses; a frame need not have all of these labels. Or
        frames of molecular dynamics without labels, in the order of time. Paths may be globs, and have
        ASE's index: "run*/OUTCAR@::5". Files are read in the order of the list.
    cutoff : float, optional
        Distance beyond which atoms do not interact (Å). By default 5.5 Å, or 1.9 typical
        nearest-neighbour distances if this is longer.
    sampler : {"swim", "elm"}
        How the weights of the edge encoder are sampled: from pairs of data points (SWIM), or without
        looking at the data (ELM).
    channels, projections : int, optional
        Number of radial channels, and of random projections per channel. By default 36 and 5 for one
        element, 56 and 4 for two to four elements. More elements have fewer each, so that the whole has
        about as many features as for four.
    correlation : int
        Highest power ν of a field on the sphere: a feature describes up to ν neighbours at a time.
    degree : int
        Largest degree of the spherical harmonics.
    energy_weight, force_weight, stress_weight : float, optional
        Weights of the errors of an energy (per eV/atom), of a force component (per eV/Å) and of a
        stress component (per eV/Å³). By default 7 √n, 1 and 0.3 v √n, where n is the mean number of
        atoms per frame and v the volume per atom. Errors of extensive quantities should grow as √n.
    ridge : float, optional
        Strength of the prior on the scaled coefficients; by default chosen by cross-validation. If it
        is given, unlabelled structures are not used.
    one_body : mapping of str to float, optional
        Energies of isolated atoms by chemical symbol (eV); by default they are fitted.
    baseline : str, ASE calculator, or a sequence of these, optional
        Other calculators. The fit learns the difference between labels and their sum, and the potential adds
        it again. Names are "dftd3:pbe-bj", "tblite:GFN1-xTB", "emt", or "package.module:Class(argument=1.0)".
    targets : {"auto", "labels", "momenta", "positions"}
        What the potential is fitted to: labels, changes of momenta between frames, or changes of
        positions. By default labels if there are any, else momenta if there are any, else positions.
    timestep : float, optional
        Time step of the dynamics in ASE's unit (2 fs are ``2 * ase.units.fs``). A fit to a run without
        labels needs it; by default ``info["timestep"]`` of the first frame.
    stride : int, optional
        Time steps from one frame to the next; by default ``info["stride"]`` of the first frame, or 1.
    known_energy : tuple of int and float, optional
        Number of a frame and its energy (eV), for frames without energies. Without a known energy, the
        energy of isolated atoms is zero.
    energy_key, forces_key, stress_key, virials_key : str, optional
        Names of labels that are not results of a calculator, such as "REF_energy", in ``info`` or ``arrays``.
        Where a name is given, no other label of its kind is used. Stresses are positive in tension (eV/Å³),
        virials positive under pressure (eV): the stress is −virial / volume. By default energies are
        ``energy``. Forces of metals with smeared occupations are derivatives of the ``free_energy``, which
        ``energy_key="free_energy"`` takes instead.
    group_key : str, optional
        Entry of ``info`` that groups frames; by default ``config_type``.
    group_weights : mapping of str to float, optional
        Factors of the weights of all labels of groups; by default 1.
    seed : int
        Seed of all random numbers: the same seed gives the same features.
    updatable : bool
        Whether the potential keeps its linear system, also in its file, so that `ase_rfhgn.update` can
        add frames.
    threads : int, optional
        Threads that compute rows of several frames at a time; by default one per core, at most four. The
        potential is the same to the last bit, whatever their number.
    client : distributed.Client, optional
        Client of a Dask cluster whose workers share the frames (extra ``dask``), for fits to labels. Workers
        read files themselves, under the same paths. Coefficients differ from those without one by rounding,
        and do not depend on the number of workers.
    progress : bool
        Whether to show progress on a terminal.

    Raises
    ------
    MissingLibraryError
        If Dask is needed and not installed.
    SettingsError
        If a setting is out of its range, or contradicts the frames, or a worker has another version.
    TrainingDataError
        If a frame cannot be used; the message names it.

    Notes
    -----
    The method is RF-HGN (arXiv:2506.06558): dense layers have random weights, and one linear system
    of gradients determines the coefficients.
    """
    settings = FitSettings(
        cutoff=cutoff,
        sampler=sampler,
        channels=channels,
        projections=projections,
        correlation=correlation,
        degree=degree,
        energy_weight=energy_weight,
        force_weight=force_weight,
        stress_weight=stress_weight,
        ridge=ridge,
        one_body=one_body,
        targets=targets,
        timestep=timestep,
        stride=stride,
        known_energy=known_energy,
        energy_key=energy_key,
        forces_key=forces_key,
        stress_key=stress_key,
        virials_key=virials_key,
        group_key=group_key,
        group_weights=group_weights,
        seed=seed,
    )
    options = Options.checked(threads, updatable=updatable, progress=progress, client=client)
    training_set = open_frames(frames, settings.label_keys)
    model = fit_model(PotentialProblem(settings, baseline_of(baseline)), training_set, options)
    assert isinstance(model, Potential)  # noqa: S101  # what this problem is completed to
    return model
