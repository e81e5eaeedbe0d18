"""Compiled inner loops of second derivatives: messages, site energies, and the Hessians of sites.

As in `ase_rfhgn.features.spherical.kernels`, innermost loops are plain arithmetic over contiguous arrays.
"""

from __future__ import annotations

import numpy as np

from ase_rfhgn.features.compilation import compiled
from ase_rfhgn.features.cutoff import cutoff_curvature, cutoff_function
from ase_rfhgn.features.spherical.kernels import INLINED, OPTIONS, levels_at_point, tanh

_cutoff_of_edge = compiled(**INLINED)(cutoff_function)
_cutoff_curvature_of_edge = compiled(**INLINED)(cutoff_curvature)


@compiled(**OPTIONS)
def message_curvatures(distance_p, pair_p, floor_b, size_b, weight_k, shift_bk, cutoff_k):
    """Return the second derivatives of the messages of edges by the distance; see `EdgeEncoder`."""
    curvature_pk = np.empty((len(distance_p), len(weight_k)))
    for p in range(len(distance_p)):
        b = pair_p[p]
        bent, stretch, bend = distance_p[p], 1.0, 0.0
        if bent < floor_b[b]:
            turn = tanh(10.0 * (floor_b[b] - bent) / floor_b[b])
            bent, stretch = floor_b[b] * (1.0 - 0.1 * turn), 1.0 - turn * turn
            bend = 20.0 * turn * stretch / floor_b[b]
        for k in range(len(weight_k)):
            cut, cut_slope = _cutoff_of_edge(bent, cutoff_k[k])
            cut_curvature = _cutoff_curvature_of_edge(bent, cutoff_k[k])
            value = tanh(weight_k[k] * (bent - size_b[b]) + shift_bk[b, k])
            slope = (1.0 - value * value) * weight_k[k]
            by_bent = slope * cut + value * cut_slope
            twice = 2.0 * slope * (cut_slope - value * weight_k[k] * cut) + value * cut_curvature
            curvature_pk[p, k] = twice * stretch * stretch + by_bent * bend
    return curvature_pk


@compiled(**OPTIONS)
def add_site_hessians(edges, radial, angular, sites, density, grid, shape, coefficients, block_tcc):
    """Write the second derivatives of the energies of some atoms by the positions of the atoms around them.

    Blocks of an atom with Z edges are written one after the other: (Z + 1)² of them, row by row. Row and
    column 0 are the atom itself, the others the heads of its edges.

    Parameters
    ----------
    edges : tuple
        First edge of every atom, unit vector and length of every edge.
    radial : tuple
        Messages t_k and their first two derivatives by the distance.
    angular : tuple
        Harmonics and their first two derivatives by the vector of the edge.
    sites : tuple
        Species, atomic basis, atomic basis as the features see it (scaled and centred), and the
        derivative of the energy by the latter.
    density : tuple
        Factor of the atomic basis and its first two derivatives by the density of neighbours, first two
        derivatives of the repulsion by the density, first two derivatives of the density by the distance.
    grid, shape, coefficients : tuple
        Quadrature; degrees and powers; projections and coefficients of the squares and powers.
    """
    first_n, unit_pc, distance_p = edges
    species_n, basis_nyk, seen_nyk, slope_nyk = sites
    scale_n, scale_slope_n, scale_curvature_n, repulsion_slope_n, repulsion_curvature_n, by_distance_p, twice_p = (
        density
    )
    n_harmonics, width = basis_nyk.shape[1:]
    curvature_yyk = np.empty((n_harmonics, n_harmonics, width))
    start = 0
    for n in range(len(species_n)):
        p = slice(first_n[n] - first_n[0], first_n[n + 1] - first_n[0])
        nodes = p.stop - p.start + 1
        own_radial = radial[0][p], radial[1][p], radial[2][p]
        own_angular = angular[0][p], angular[1][p], angular[2][p]
        site_curvature(species_n[n], seen_nyk[n], grid, shape, coefficients, curvature_yyk)
        jacobian = _jacobian(unit_pc[p], own_radial, own_angular, by_distance_p[p])
        product = np.empty_like(jacobian)
        pull = _curvature_products(curvature_yyk, jacobian, basis_nyk[n], product)
        scale, bend = scale_n[n], scale_slope_n[n]
        pulled = np.sum(slope_nyk[n] * basis_nyk[n])
        cross = bend * slope_nyk[n] + scale * bend * pull
        last = n_harmonics * width
        by_density = (
            scale_curvature_n[n] * pulled + bend * bend * np.sum(pull * basis_nyk[n]) + repulsion_curvature_n[n]
        )
        _add_density(cross, by_density, scale, last, jacobian, product)
        hessian = np.dot(jacobian.T, product)
        force_yk = scale * slope_nyk[n]
        by_site_density = bend * pulled + repulsion_slope_n[n]
        twist = _edge_curvatures(unit_pc[p], distance_p[p], own_radial, own_angular, force_yk)
        for e in range(nodes - 1):
            tension = by_site_density * by_distance_p[p.start + e] / distance_p[p.start + e]
            stiffness = by_site_density * twice_p[p.start + e] - tension
            for c in range(3):
                twist[e, c, c] += tension
                for d in range(3):
                    twist[e, c, d] += stiffness * unit_pc[p.start + e, c] * unit_pc[p.start + e, d]
        _write_blocks(hessian, twist, block_tcc[start : start + nodes * nodes])
        start += nodes * nodes


@compiled(**OPTIONS)
def site_curvature(s, basis_yk, grid, shape, coefficients, curvature_yyk):
    """Write the second derivatives of the energy of an atom by its atomic basis; channels do not mix."""
    (harmonics_xy, weight_x), (level, power) = grid, shape
    projection_sqlk, square_slk, coefficient_soqk = coefficients
    n_harmonics, width = basis_yk.shape
    n_levels = len(level)
    level_lk, weight_llk = np.empty((n_levels, width)), np.empty((n_levels, n_levels, width))
    curvature_yyk[:] = 0.0
    for l in range(n_levels):
        for y in range(l * l, (l + 1) * (l + 1)):
            curvature_yyk[y, y] = 2.0 * square_slk[s, l]
    for x in range(len(weight_x) if projection_sqlk.shape[1] else 0):
        levels_at_point(basis_yk, harmonics_xy[x], level, level_lk)
        weight_llk[:] = 0.0
        for q in range(projection_sqlk.shape[1]):
            for k in range(width):
                even, odd = 0.0, 0.0
                for l in range(n_levels):
                    if l % 2 == 0:
                        even += projection_sqlk[s, q, l, k] * level_lk[l, k]
                    else:
                        odd += projection_sqlk[s, q, l, k] * level_lk[l, k]
                ahead, behind = even + odd, even - odd
                up, down = ahead, behind
                alike, unlike = 0.0, 0.0
                for o in range(len(power)):
                    c = (o + 3) * (o + 2) * weight_x[x] * coefficient_soqk[s, o, q, k]
                    alike += c * (up + down)
                    unlike += c * (up - down)
                    up, down = up * ahead, down * behind
                for l in range(n_levels):
                    for j in range(l + 1):
                        both = projection_sqlk[s, q, l, k] * projection_sqlk[s, q, j, k]
                        weight_llk[l, j, k] += both * (alike if (l - j) % 2 == 0 else unlike)
        for l in range(n_levels):
            for y in range(l * l, (l + 1) * (l + 1)):
                for j in range(l + 1):
                    for z in range(j * j, min((j + 1) * (j + 1), y + 1)):
                        both = harmonics_xy[x, y] * harmonics_xy[x, z]
                        for k in range(width):
                            curvature_yyk[y, z, k] += both * weight_llk[l, j, k]
    for y in range(n_harmonics):
        for z in range(y):
            curvature_yyk[z, y] = curvature_yyk[y, z]


@compiled(**OPTIONS)
def _jacobian(unit_pc, radial, angular, by_distance_p):
    """Return the derivatives of the atomic basis, channel first, and of the density by the positions of the nodes."""
    value_pk, slope_pk, _ = radial
    harmonics_py, gradient_pcy, _ = angular
    n_edges, width = value_pk.shape
    n_harmonics = harmonics_py.shape[1]
    jacobian = np.zeros((width * n_harmonics + 1, 3 * (n_edges + 1)))
    for k in range(width):
        for y in range(n_harmonics):
            row = jacobian[k * n_harmonics + y]
            for p in range(n_edges):
                stretch = slope_pk[p, k] * harmonics_py[p, y]
                for c in range(3):
                    step = stretch * unit_pc[p, c] + value_pk[p, k] * gradient_pcy[p, c, y]
                    row[3 * (p + 1) + c] = step
                    row[c] -= step
    for p in range(n_edges):
        for c in range(3):
            step = by_distance_p[p] * unit_pc[p, c]
            jacobian[-1, 3 * (p + 1) + c] = step
            jacobian[-1, c] -= step
    return jacobian


@compiled(**OPTIONS)
def _curvature_products(curvature_yyk, jacobian, basis_yk, product):
    """Write the second derivatives by the atomic basis times the Jacobian; return them times the atomic basis."""
    n_harmonics, width = basis_yk.shape
    pull_yk = np.empty_like(basis_yk)
    for k in range(width):
        curvature_yy = np.ascontiguousarray(curvature_yyk[:, :, k])
        rows = slice(k * n_harmonics, (k + 1) * n_harmonics)
        np.dot(curvature_yy, jacobian[rows], product[rows])
        pull_yk[:, k] = np.dot(curvature_yy, np.ascontiguousarray(basis_yk[:, k]))
    return pull_yk


@compiled(**OPTIONS)
def _add_density(cross_yk, by_density, scale, last, jacobian, product):
    """Complete the product with the scale of the atomic basis and the row of the density."""
    product[:last] *= scale * scale
    product[last] = by_density * jacobian[last]
    n_harmonics = cross_yk.shape[0]
    for k in range(cross_yk.shape[1]):
        for y in range(n_harmonics):
            if cross_yk[y, k] != 0.0:
                product[last] += cross_yk[y, k] * jacobian[k * n_harmonics + y]
                product[k * n_harmonics + y] += cross_yk[y, k] * jacobian[last]


@compiled(**OPTIONS)
def _edge_curvatures(unit_pc, distance_p, radial, angular, force_yk):
    """Return the second derivatives by the vector of each edge that the curvature of the basis itself makes."""
    value_pk, slope_pk, curvature_pk = radial
    harmonics_py, gradient_pcy, hessian_pcdy = angular
    force_ky = np.ascontiguousarray(force_yk.T)
    value_py, slope_py = np.dot(value_pk, force_ky), np.dot(slope_pk, force_ky)
    curvature_py = np.dot(curvature_pk, force_ky)
    twist_pcd = np.empty((len(distance_p), 3, 3))
    for p in range(len(distance_p)):
        stretch, bend = 0.0, 0.0
        for y in range(len(force_yk)):
            stretch += slope_py[p, y] * harmonics_py[p, y]
            bend += curvature_py[p, y] * harmonics_py[p, y]
        stretch /= distance_p[p]
        for c in range(3):
            for d in range(3):
                total = (bend - stretch) * unit_pc[p, c] * unit_pc[p, d] + (stretch if c == d else 0.0)
                for y in range(len(force_yk)):
                    turn = unit_pc[p, c] * gradient_pcy[p, d, y] + unit_pc[p, d] * gradient_pcy[p, c, y]
                    total += slope_py[p, y] * turn + value_py[p, y] * hessian_pcdy[p, c, d, y]
                twist_pcd[p, c, d] = total
    return twist_pcd


@compiled(**OPTIONS)
def _write_blocks(hessian, twist_pcd, block_tcc):
    """Write the Hessian of a site as blocks of pairs of nodes; a twist acts on an edge's head minus its tail."""
    nodes = len(twist_pcd) + 1
    for a in range(nodes):
        for b in range(nodes):
            block_tcc[a * nodes + b] = hessian[3 * a : 3 * a + 3, 3 * b : 3 * b + 3]
    for p in range(len(twist_pcd)):
        block_tcc[0] += twist_pcd[p]
        block_tcc[p + 1] -= twist_pcd[p]
        block_tcc[(p + 1) * nodes] -= twist_pcd[p]
        block_tcc[(p + 1) * nodes + p + 1] += twist_pcd[p]
