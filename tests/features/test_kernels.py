"""The compiled kernels, compared with the same formulas in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from conftest import MakePotential
from product_quadrature import product_quadrature

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.harmonics import degree_of_harmonics, harmonics
from ase_rfhgn.features.spherical import kernels, quartic_kernels, row_kernels
from ase_rfhgn.features.spherical.blocks import EDGES_PER_BLOCK
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.rows import FeatureRows, feature_rows
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph

VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])
"""Rows and columns of xx, yy, zz, yz, xz, xy."""


@dataclass(frozen=True)
class Reference:
    """Features of every atom, and their derivatives by every edge that leaves the atom."""

    feature_nf: FloatArray
    gradient_pcf: FloatArray


def messages(fields: SphericalFields, graph: NeighbourGraph) -> tuple[FloatArray, FloatArray]:
    """Return t_k = tanh(w_k (r − d_b) + v_bk) (1 − r²/r_k²)³ of every edge, r bent below the floor, and dt_k/dr."""
    encoder, species_n = fields.encoder, np.searchsorted(fields.species_s, graph.number_n)
    pair_p = len(fields.species_s) * species_n[graph.centre_p] + species_n[graph.neighbour_p]
    distance_p, floor_p = graph.distance_p, encoder.floor_b[pair_p]
    turn_p = np.tanh(np.clip(10.0 * (floor_p - distance_p) / floor_p, 0.0, None))
    bent_p1 = np.where(distance_p < floor_p, floor_p * (1.0 - 0.1 * turn_p), distance_p)[:, None]
    sized_p1 = bent_p1 - encoder.size_b[pair_p][:, None]
    activation_pk = np.tanh(encoder.weight_k * sized_p1 + encoder.shift_bk[pair_p])
    rest_pk = np.clip(1.0 - (bent_p1 / encoder.cutoff_k) ** 2, 0.0, None)
    slope_pk = (1.0 - activation_pk**2) * encoder.weight_k * rest_pk**3
    slope_pk -= activation_pk * 6.0 * bent_p1 / encoder.cutoff_k**2 * rest_pk**2
    return activation_pk * rest_pk**3, slope_pk * (1.0 - turn_p[:, None] ** 2)


def reference(fields: SphericalFields, graph: NeighbourGraph) -> Reference:
    """Return Σ_p t_k, Σ_m A_lmk²/4π and ∮ s_qk(x)^o, s_qk(x) = Σ_l ω_qlk Σ_m A_lmk Y_lm(x), atom by atom."""
    value_pk, slope_pk = messages(fields, graph)
    harmonics_py, harmonic_slopes_pcy = harmonics(graph.vector_pc, fields.degree)
    unit_pc = graph.vector_pc / graph.distance_p[:, None]
    gradient_pcyk = np.einsum("pc,pk,py->pcyk", unit_pc, slope_pk, harmonics_py)
    gradient_pcyk += np.einsum("pk,pcy->pcyk", value_pk, harmonic_slopes_pcy)
    point_xc, weight_x = product_quadrature(fields.correlation * fields.degree)
    point_xy, _ = harmonics(point_xc, fields.degree)
    species_n = np.searchsorted(fields.species_s, graph.number_n)
    feature_nf = np.zeros((graph.n_atoms, fields.n_features))
    gradient_pcf = np.zeros((len(graph.centre_p), 3, fields.n_features))
    for n in range(graph.n_atoms):
        own = graph.centre_p == n
        level_y = degree_of_harmonics(fields.degree)
        basis_yk = harmonics_py[own].T @ value_pk[own]
        alone_yk = np.zeros_like(basis_yk)
        alone_yk[0] = -fields.mean_sk[species_n[n]]
        basis_yk += alone_yk
        projection_qyk = fields.projection_sqlk[species_n[n]][:, level_y]
        field_xqk, alone_xqk = (
            np.einsum("xy,qyk,yk->xqk", point_xy, projection_qyk, a_yk) for a_yk in (basis_yk, alone_yk)
        )
        features, gradients = [value_pk[own].sum(axis=0)], [np.einsum("pk,pc->pck", slope_pk[own], unit_pc[own])]
        for l in range(fields.degree + 1):
            same_yk = (level_y == l)[:, None] / (4.0 * np.pi)
            features.append(np.sum(same_yk * (basis_yk**2 - alone_yk**2), axis=0))
            gradients.append(np.einsum("pcyk,yk->pck", gradient_pcyk[own], 2.0 * same_yk * basis_yk))
        for order in range(3, fields.correlation + 1):
            for q in range(len(projection_qyk)):
                features.append(weight_x @ (field_xqk[:, q] ** order - alone_xqk[:, q] ** order))
                pull_xk = weight_x[:, None] * order * field_xqk[:, q] ** (order - 1)
                pull_yk = projection_qyk[q] * (point_xy.T @ pull_xk)
                gradients.append(np.einsum("pcyk,yk->pck", gradient_pcyk[own], pull_yk))
        feature_nf[n] = np.concatenate(features)
        gradient_pcf[own] = np.concatenate(gradients, axis=2)
    return Reference(feature_nf, gradient_pcf)


def ethanol_and_metal() -> Atoms:
    """Return a molecule of three elements beside two metal atoms, one of them without a neighbour."""
    together: Atoms = molecule("CH3CH2OH") + Atoms("AuCu", [(2.4, 2.0, 1.0), (-30.0, 0.0, 0.0)])
    return together


def big_alloy() -> Atoms:
    """Return a crystal of two elements whose edges fill several blocks."""
    atoms: Atoms = bulk("Cu", cubic=True) * (4, 4, 2)
    atoms.symbols[::3] = "Au"
    return atoms


STRUCTURES: dict[str, Callable[[], Atoms]] = {
    "molecule and metal": ethanol_and_metal,
    "small cell": lambda: bulk("CuAu", "rocksalt", a=4.4),
    "several blocks": big_alloy,
    "an atom with more edges than a block": lambda: bulk("CuAu", "cesiumchloride", a=0.6),
    "isolated atoms": lambda: Atoms("HAu", [(0.0, 0.0, 0.0), (20.0, 0.0, 0.0)]),
    "below the floor": lambda: Atoms("HCuAu", [(0.0, 0.0, 0.0), (0.7, 0.1, 0.0), (0.3, 0.8, 0.2)]),
}
ARCHITECTURES: dict[str, dict[str, int]] = {
    "default": {},
    "one channel": {"channels": 1, "projections": 1},
    "two bodies and three": {"correlation": 2, "degree": 1},
    "no angles": {"degree": 0},
    "body order six": {"correlation": 5, "degree": 2},
}


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> dict[str, int]:
    return ARCHITECTURES[request.param]


@pytest.fixture(params=STRUCTURES)
def graph(request: pytest.FixtureRequest, rng: np.random.Generator) -> NeighbourGraph:
    atoms = STRUCTURES[request.param]()
    atoms.positions += rng.normal(0.0, 0.02, atoms.positions.shape)
    return build_graph(atoms, 4.0)


SYMBOLS = ["H", "C", "O", "Cu", "Au"]


@pytest.fixture
def fields(architecture: dict[str, int], make_potential: MakePotential) -> SphericalFields:
    return make_potential(SYMBOLS, np.random.default_rng(3), **architecture).hamiltonian


def pooled(fields: SphericalFields, graph: NeighbourGraph) -> FeatureRows:
    """Return the reference as linear-system rows, the columns of the species one after the other."""
    expected, width = reference(fields, graph), fields.n_features
    species_n = np.searchsorted(fields.species_s, graph.number_n)
    n_columns = width * len(fields.species_s)
    energy_f, virial_ccf = np.zeros(n_columns), np.zeros((3, 3, n_columns))
    force_ncf = np.zeros((graph.n_atoms, 3, n_columns))
    for n, s in enumerate(species_n):
        own, columns = graph.centre_p == n, slice(s * width, (s + 1) * width)
        gradient_pcf = expected.gradient_pcf[own]
        energy_f[columns] += expected.feature_nf[n]
        force_ncf[n, :, columns] += gradient_pcf.sum(axis=0)
        np.subtract.at(force_ncf[:, :, columns], graph.neighbour_p[own], gradient_pcf)
        virial_ccf[:, :, columns] += np.einsum("pa,pbf->abf", graph.vector_pc[own], gradient_pcf)
    symmetric_ccf = 0.5 * (virial_ccf + virial_ccf.transpose(1, 0, 2))
    return FeatureRows(energy_f, force_ncf.reshape(-1, n_columns), symmetric_ccf[VOIGT])


def assert_close(actual: FloatArray, expected: FloatArray) -> None:
    """Assert equality to rounding, relative to the largest element."""
    scale = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12 * scale)


def test_structures_fill_blocks_as_their_names_say() -> None:
    assert len(build_graph(STRUCTURES["several blocks"](), 4.0).centre_p) > EDGES_PER_BLOCK
    assert len(build_graph(STRUCTURES["an atom with more edges than a block"](), 4.0).centre_p) > EDGES_PER_BLOCK


def test_messages(fields: SphericalFields, graph: NeighbourGraph) -> None:
    species_n = np.searchsorted(fields.species_s, graph.number_n)
    pair_p = len(SYMBOLS) * species_n[graph.centre_p] + species_n[graph.neighbour_p]
    for actual_pk, expected_pk in zip(
        fields.encoder.encode(graph.distance_p, pair_p), messages(fields, graph), strict=True
    ):
        assert_close(actual_pk, expected_pk)


def test_rows(fields: SphericalFields, graph: NeighbourGraph) -> None:
    expected, column_s = pooled(fields, graph), fields.n_features * np.arange(len(SYMBOLS))
    actual = feature_rows(fields, graph, column_s, len(expected.energy_f), stress=True)
    assert_close(actual.energy_f, expected.energy_f)
    assert_close(actual.force_mf, expected.force_mf)
    assert_close(actual.virial_vf, expected.virial_vf)


def test_response(fields: SphericalFields, graph: NeighbourGraph, rng: np.random.Generator) -> None:
    coefficient_sf = rng.normal(size=(len(SYMBOLS), fields.n_features)) / np.sqrt(fields.n_features)
    response, expected = fields.respond(graph, coefficient_sf), pooled(fields, graph)
    species_n = np.searchsorted(fields.species_s, graph.number_n)
    energy_n = np.einsum("nf,nf->n", reference(fields, graph).feature_nf, coefficient_sf[species_n])
    assert_close(response.energy_n, energy_n)
    assert_close(response.force_nc.ravel(), expected.force_mf @ coefficient_sf.ravel())
    virial_cc = 0.5 * (response.virial_cc + response.virial_cc.T)
    assert_close(virial_cc[VOIGT], expected.virial_vf @ coefficient_sf.ravel())


def test_rows_times_coefficients_are_the_response(
    fields: SphericalFields, graph: NeighbourGraph, rng: np.random.Generator
) -> None:
    """The linear system that is solved, and the potential that is evaluated, are the same function."""
    coefficient_sf = rng.normal(size=(len(SYMBOLS), fields.n_features)) / np.sqrt(fields.n_features)
    column_s = fields.n_features * np.arange(len(SYMBOLS))
    rows = feature_rows(fields, graph, column_s, coefficient_sf.size, stress=True)
    response = fields.respond(graph, coefficient_sf)
    assert_close(rows.energy_f @ coefficient_sf.ravel(), response.energy_n.sum())
    assert_close(rows.force_mf @ coefficient_sf.ravel(), response.force_nc.ravel())


def test_rows_go_where_the_columns_say(make_potential: MakePotential) -> None:
    fields = make_potential(["H", "O"], np.random.default_rng(3)).hamiltonian
    graph, width = build_graph(molecule("H2O"), 4.0), fields.n_features
    usual = feature_rows(fields, graph, np.array([0, width]), 2 * width, stress=True)
    moved = feature_rows(fields, graph, np.array([width + 5, 3]), 2 * width + 6, stress=True)
    for name in ("energy_f", "force_mf", "virial_vf"):
        hydrogen, oxygen = np.split(getattr(usual, name), 2, axis=-1)
        rest = getattr(moved, name)
        np.testing.assert_array_equal(rest[..., 3 : 3 + width], oxygen)
        np.testing.assert_array_equal(rest[..., width + 5 : 2 * width + 5], hydrogen)
        assert not np.delete(rest, np.r_[3 : 3 + width, width + 5 : 2 * width + 5], axis=-1).any()


def test_rows_without_stress_have_no_virial(make_potential: MakePotential) -> None:
    fields = make_potential(["H", "O"], np.random.default_rng(3)).hamiltonian
    graph, width = build_graph(molecule("H2O"), 4.0), fields.n_features
    rows = feature_rows(fields, graph, np.array([0, width]), 2 * width, stress=False)
    assert rows.virial_vf.shape == (0, 2 * width)


def test_features_of_an_isolated_atom_are_zero(make_potential: MakePotential) -> None:
    fields = make_potential(["H", "O"], np.random.default_rng(3)).hamiltonian
    rows = feature_rows(fields, build_graph(Atoms("O"), 4.0), np.array([0, 0]), fields.n_features, stress=False)
    np.testing.assert_allclose(rows.energy_f, 0.0, atol=1e-14)


def test_messages_vanish_at_the_cutoff_of_their_channel(fields: SphericalFields) -> None:
    cutoff_k = fields.encoder.cutoff_k
    value_pk, slope_pk = fields.encoder.encode(cutoff_k, np.zeros(len(cutoff_k), dtype=np.int64))
    np.testing.assert_allclose(np.diag(value_pk), 0.0, atol=1e-15)
    np.testing.assert_allclose(np.diag(slope_pk), 0.0, atol=1e-15)


@pytest.mark.parametrize("symbols", [["Cu"], ["Cu", "Au"]])
def test_compiled_loops_get_contiguous_arrays(make_potential: MakePotential, symbols: list[str]) -> None:
    """Others are compiled for anew, slowly and with other rounding; and once they are, all arrays get that version."""
    potential = make_potential(symbols, np.random.default_rng(0))
    atoms = bulk("Cu", cubic=True)
    potential.evaluate(atoms)
    n_species = len(symbols)
    column_s = potential.hamiltonian.n_features * np.arange(n_species)
    graph = build_graph(atoms, potential.cutoff)
    feature_rows(potential.hamiltonian, graph, column_s, n_species * potential.hamiltonian.n_features, stress=True)
    called = [kernels.messages, kernels.atomic_basis, kernels.densities, kernels.site_energies]
    called += [quartic_kernels.quartic_site_energies]
    called += [kernels.quadratic_site_energies]
    called += [kernels.edge_gradients, kernels.add_edge_forces, row_kernels.edge_axes, row_kernels.add_rows]
    for kernel in called:
        for signature in kernel.signatures:
            assert "'A'" not in str(signature), (kernel.__name__, signature)
            assert "'F'" not in str(signature), (kernel.__name__, signature)
