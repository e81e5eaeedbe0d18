"""Site energies as polynomials of the levels, compared with powers of the fields in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from conftest import MakePotential
from product_quadrature import product_quadrature

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.harmonics import degree_of_harmonics, harmonics
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.quartic_kernels import CUBIC, LANES, N_TERMS, QUARTIC, TERMS


@dataclass(frozen=True)
class Sites:
    """Atoms with any atomic basis, and coefficients of their features."""

    fields: SphericalFields
    species_n: IntArray
    basis_nyk: FloatArray
    coefficient_sf: FloatArray


def expected(sites: Sites) -> tuple[FloatArray, FloatArray]:
    """Return the energies and their derivatives by the atomic basis, in the order of the features."""
    fields = sites.fields
    point_xc, weight_x = product_quadrature(fields.correlation * fields.degree)
    point_xy, _ = harmonics(point_xc, fields.degree)
    level_y = degree_of_harmonics(fields.degree)
    energy_n, slope_nyk = np.zeros(len(sites.basis_nyk)), np.zeros_like(sites.basis_nyk)
    for n, s in enumerate(sites.species_n):
        basis_yk = sites.basis_nyk[n].copy()
        basis_yk[0] -= fields.mean_sk[s]
        linear_k, *rest = sites.coefficient_sf[s].reshape(-1, fields.n_channels)
        square_lk, power_oqk = rest[: fields.degree + 1], np.array(rest[fields.degree + 1 :])
        energy_n[n] = np.sqrt(4.0 * np.pi) * linear_k @ basis_yk[0]
        slope_nyk[n, 0] = np.sqrt(4.0 * np.pi) * linear_k
        square_yk = np.array(square_lk)[level_y] / (4.0 * np.pi)
        energy_n[n] += np.sum(square_yk * basis_yk**2)
        slope_nyk[n] += 2.0 * square_yk * basis_yk
        projection_qyk = fields.projection_sqlk[s][:, level_y]
        field_xqk = np.einsum("xy,qyk,yk->xqk", point_xy, projection_qyk, basis_yk)
        power_oqk = power_oqk.reshape(fields.correlation - 2, len(projection_qyk), fields.n_channels)
        for order, power_qk in enumerate(power_oqk, start=3):
            energy_n[n] += np.einsum("x,qk,xqk->", weight_x, power_qk, field_xqk**order)
            pull_xqk = order * weight_x[:, None, None] * power_qk * field_xqk ** (order - 1)
            slope_nyk[n] += np.einsum("xqk,qyk,xy->yk", pull_xqk, projection_qyk, point_xy)
    return energy_n, slope_nyk


@pytest.fixture(
    params=[
        {"degree": 4, "correlation": 4, "channels": LANES + 3},
        {"degree": 4, "correlation": 4, "channels": 1, "projections": 1},
        {"degree": 2, "correlation": 4, "channels": 2 * LANES},
        {"degree": 3, "correlation": 3, "channels": 6},
        {"degree": 1, "correlation": 4, "channels": 5, "projections": 3},
        {"degree": 0, "correlation": 4, "channels": 4},
    ],
    ids=lambda settings: " ".join(map(str, settings.values())),
)
def sites(request: pytest.FixtureRequest, make_potential: MakePotential, rng: np.random.Generator) -> Sites:
    fields = make_potential(["H", "O"], np.random.default_rng(3), **request.param).hamiltonian
    species_n = np.array([1, 0, 0, 1, 0])
    basis_nyk = rng.normal(size=(len(species_n), (fields.degree + 1) ** 2, fields.n_channels))
    return Sites(fields, species_n, basis_nyk, rng.normal(size=(2, fields.n_features)))


def test_energies_and_slopes_are_those_of_the_powers(sites: Sites) -> None:
    fields = sites.fields
    polynomials = fields.polynomials(sites.coefficient_sf)
    assert polynomials.term_sik is not None
    energy_n, slope_nyk = fields.site_energies(sites.species_n, sites.basis_nyk, polynomials)
    nothing = Sites(fields, np.arange(2), fields.nothing(), sites.coefficient_sf)
    isolated_s, _ = expected(nothing)
    expected_n, expected_nyk = expected(sites)
    expected_n -= isolated_s[sites.species_n]
    np.testing.assert_allclose(energy_n, expected_n, rtol=0.0, atol=1e-12 * np.abs(expected_n).max())
    np.testing.assert_allclose(slope_nyk, expected_nyk, rtol=0.0, atol=1e-12 * np.abs(expected_nyk).max())


def test_terms_are_in_the_order_that_the_kernel_expects() -> None:
    names = ["".join(map(str, term)) for term in TERMS]
    cubic, quartic = (start - N_TERMS + len(names) for start in (CUBIC, QUARTIC))
    assert " ".join(names[cubic : cubic + 10]) == "112 114 123 134 222 224 233 244 334 444"
    assert " ".join(names[quartic:]) == (
        "1111 1113 1122 1124 1133 1144 1223 1234 1333 1344 2222 2224 2233 2244 2334 2444 3333 3344 4444"
    )


@pytest.mark.parametrize("settings", [{"correlation": 5, "degree": 2}, {"correlation": 2}])
def test_other_fields_are_no_quartic_polynomials(settings: dict[str, int], make_potential: MakePotential) -> None:
    potential = make_potential(["H"], np.random.default_rng(3), **settings)
    assert potential.polynomials.term_sik is None
