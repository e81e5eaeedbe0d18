"""Displacements of atoms from their sites: without the motion of the whole, refused where atoms leave their sites."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.structures.graph import build_graph, nearest_image
from ase_rfhgn.symmetries.runs import Runs

SETTLED_FRAMES = 20
"""Frames whose mean tells the sites where no reference is given."""

LEFT = 0.5
"""Distance from the site, in units of the distance to the nearest other site, beyond which an atom may have left."""

GONE = 1.0
"""The same, beyond which an atom has left whatever is near."""


@dataclass(frozen=True, slots=True)
class Displacements:
    """Mass-weighted displacements from sites, with momenta and forces in the same axes.

    Attributes
    ----------
    reference : ase.Atoms
        Sites.
    place_md : ndarray of shape (n_frames, 3 n_atoms)
        √m (x − site).
    speed_md, force_md : ndarray of the same shape, optional
        p/√m and F/√m.
    basis_du : ndarray of shape (3 n_atoms, n_modes)
        Orthonormal directions without the motion of the whole and without fixed coordinates.
    """

    reference: Atoms
    place_md: FloatArray
    speed_md: FloatArray | None
    force_md: FloatArray | None
    basis_du: FloatArray


def displacements_of(runs: Runs, reference: Atoms | None) -> Displacements:
    """Return displacements of runs from their sites.

    Isolated molecules are turned back into the axes of the reference, frame by frame (Kabsch, Acta Cryst. A 32,
    922 (1976)), and the three directions of rotation are left out.

    Parameters
    ----------
    runs : Runs
        Runs of the same atoms.
    reference : ase.Atoms or None
        Sites; by default the mean positions.

    Raises
    ------
    TrainingDataError
        If the reference has other atoms, or an atom leaves its site.
    """
    runs = _near(runs, reference)
    moves_nc = np.ptp(runs.position_mnc, axis=0) > 0.0
    free = bool(moves_nc.any(axis=1).all()) and len(runs.mass_n) > 1
    isolated = free and not runs.atoms.pbc.any()
    if isolated:
        runs = _turned_back(runs, reference.positions if reference is not None else runs.position_mnc[0])
    site_nc = runs.position_mnc[:SETTLED_FRAMES].mean(axis=0) if reference is None else reference.positions
    if free:
        runs = _without_drift(runs, site_nc)
    _refuse_left_sites(runs, site_nc)
    if reference is None:
        site_nc = runs.position_mnc.mean(axis=0)
    sites: Atoms = runs.atoms.copy()
    sites.positions = site_nc
    root_d = np.sqrt(np.repeat(runs.mass_n, 3))
    n_frames = len(runs.position_mnc)
    return Displacements(
        reference=sites,
        place_md=(runs.position_mnc - site_nc).reshape(n_frames, -1) * root_d,
        speed_md=None if runs.momentum_mnc is None else runs.momentum_mnc.reshape(n_frames, -1) / root_d,
        force_md=None if runs.force_mnc is None else runs.force_mnc.reshape(n_frames, -1) / root_d,
        basis_du=_directions(sites, moves_nc, free=free, isolated=isolated),
    )


def _near(runs: Runs, reference: Atoms | None) -> Runs:
    """Return runs in the image of the cell in which the reference is."""
    if reference is None:
        return runs
    if not np.array_equal(reference.numbers, runs.atoms.numbers):
        message = (
            f"the reference {reference.get_chemical_formula()} has other atoms than {runs.name_g[0]}, or another order "
            "of them: give the structure that the run started from"
        )
        raise TrainingDataError(message)
    offset_nc = runs.position_mnc[0] - reference.positions
    return replace(runs, position_mnc=runs.position_mnc + (nearest_image(offset_nc, runs.atoms) - offset_nc))


def _without_drift(runs: Runs, site_nc: FloatArray) -> Runs:
    """Return runs whose centre of mass rests where the centre of the sites is."""
    weight_n = runs.mass_n / runs.mass_n.sum()
    shift_mc = np.einsum("n,mnc->mc", weight_n, runs.position_mnc) - weight_n @ site_nc
    momentum_mnc = runs.momentum_mnc
    if momentum_mnc is not None:
        momentum_mnc = momentum_mnc - weight_n[:, None] * momentum_mnc.sum(axis=1)[:, None, :]
    return replace(runs, position_mnc=runs.position_mnc - shift_mc[:, None, :], momentum_mnc=momentum_mnc)


def _turned_back(runs: Runs, site_nc: FloatArray) -> Runs:
    """Return frames of an isolated molecule in the axes of its sites."""
    weight_n = runs.mass_n / runs.mass_n.sum()
    target_nc = site_nc - weight_n @ site_nc
    position_mnc = runs.position_mnc.copy()
    vectors = {"momentum_mnc": runs.momentum_mnc, "force_mnc": runs.force_mnc}
    turned = {name: None if array is None else array.copy() for name, array in vectors.items()}
    for frame, place_nc in enumerate(runs.position_mnc):
        centred_nc = place_nc - weight_n @ place_nc
        if len(centred_nc) > 2:
            rotation, _ = Rotation.align_vectors(target_nc, centred_nc, weights=runs.mass_n)
        else:
            rotation, _ = Rotation.align_vectors(target_nc[1:] - target_nc[0], centred_nc[1:] - centred_nc[0])
        position_mnc[frame] = rotation.apply(centred_nc) + weight_n @ site_nc
        for array in turned.values():
            if array is not None:
                array[frame] = rotation.apply(array[frame])
    return replace(runs, position_mnc=position_mnc, momentum_mnc=turned["momentum_mnc"], force_mnc=turned["force_mnc"])


def _directions(sites: Atoms, moves_nc: FloatArray, *, free: bool, isolated: bool) -> FloatArray:
    """Return orthonormal directions of all motions but those of the whole."""
    moving_d = np.flatnonzero(moves_nc.ravel())
    root_n1 = np.sqrt(sites.get_masses())[:, None]
    whole = []
    for axis_c in np.eye(3) if free else ():
        whole.append((root_n1 * axis_c).ravel())
        if isolated:
            centred_nc = sites.positions - sites.get_center_of_mass()
            whole.append((root_n1 * np.cross(axis_c, centred_nc)).ravel())
    candidates = np.eye(moves_nc.size)[:, moving_d]
    if whole:
        left, value_k, _ = np.linalg.svd(np.array(whole).T, full_matrices=False)
        left = left[:, value_k > 1e-6 * value_k[0]]
        candidates = candidates - left @ (left.T @ candidates)
    left, value_k, _ = np.linalg.svd(candidates, full_matrices=False)
    return np.ascontiguousarray(left[:, value_k > 1e-6])


def _refuse_left_sites(runs: Runs, site_nc: FloatArray) -> None:
    """Refuse runs in which an atom leaves its site, so that two exchange places or one hops elsewhere."""
    if len(site_nc) < 2:
        return
    sites: Atoms = runs.atoms.copy()
    sites.positions = site_nc
    spacing_n = _spacing(sites)
    far_mn = np.linalg.norm(runs.position_mnc - site_nc, axis=2)
    for frame, n in np.argwhere(far_mn > LEFT * spacing_n):
        other_nc = nearest_image(runs.position_mnc[frame, n] - site_nc, sites)
        nearest = int(np.linalg.norm(other_nc, axis=1).argmin())
        if nearest != n or far_mn[frame, n] > GONE * spacing_n[n]:
            run = int(runs.run_m[frame])
            message = (
                f"{runs.name_g[run]}, frame {frame - runs.start_g[run]}: atom {n} has left its site, "
                f"{far_mn[frame, n]:.2f} Å away, and is nearest to the site of atom {nearest}: modes of labelled atoms "
                "mean nothing where atoms exchange places; give frames before that"
            )
            raise TrainingDataError(message)


def _spacing(sites: Atoms) -> FloatArray:
    """Return the distance of every site to the nearest other one, infinite where there is none within 8 Å (Å)."""
    spacing_n = np.full(len(sites), np.inf)
    try:
        connected_n, distance_n = build_graph(sites, 8.0).nearest()
    except StructureError:
        return spacing_n
    spacing_n[connected_n] = distance_n
    return spacing_n
