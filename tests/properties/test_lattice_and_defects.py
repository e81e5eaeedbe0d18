"""Phonons, vibrations, surfaces, vacancies and barriers: laws, and the truth by EMT."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from ase_rfhgn.errors import MissingLibraryError, SettingsError, StructureError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties import minimum_energy_path, phonons, surface_energy, vacancy_energy, vibrations
from ase_rfhgn.properties.supercells import repeats
from ase_rfhgn.runtime import extras

BARS = 5.0


def trimer() -> Atoms:
    """Return a bent molecule."""
    return Atoms("Cu3", [[0, 0, 0], [2.3, 0, 0], [1.1, 2.0, 0]])


def hop() -> tuple[Atoms, Atoms]:
    """Return a crystal with a vacancy before and after a neighbour hops into it."""
    whole = bulk("Cu", cubic=True) * (2, 2, 1)
    initial = whole.copy()
    neighbour = int(np.argsort(whole.get_distances(0, range(len(whole)), mic=True))[1])
    final = initial.copy()
    final.positions[neighbour] = final.positions[0]
    del initial[0], final[0]
    return initial, final


# %% Phonons and vibrations


def test_acoustic_modes_are_zero_and_the_others_as_by_emt(copper: Potential) -> None:
    pytest.importorskip("phonopy")
    found, truth = (phonons(one, bulk("Cu"), supercell=(3, 3, 3), points=1, path="GX") for one in (copper, EMT()))
    np.testing.assert_allclose(found.frequencies_thz[0], 0.0, atol=1e-3)
    assert found.frequencies_thz_error is not None
    np.testing.assert_allclose(found.frequencies_thz_error[0], 0.0, atol=1e-3)
    assert truth.frequencies_thz_error is None
    wrong = np.abs(found.frequencies_thz[-1] - truth.frequencies_thz[-1])
    assert (wrong < BARS * found.frequencies_thz_error[-1]).all()
    assert (wrong < 0.1 * truth.frequencies_thz[-1]).all()
    assert [name for _, name in found.ticks] == ["Γ", "X"]
    assert found.stable


def test_analytic_phonons_are_those_of_displacements(copper: Potential) -> None:
    pytest.importorskip("phonopy")
    analytic = phonons(copper, bulk("Cu"), points=3, path="GX")
    displaced = phonons(copper, bulk("Cu"), supercell=(5, 5, 5), points=3, path="GX")
    np.testing.assert_allclose(analytic.frequencies_thz, displaced.frequencies_thz, atol=5e-3)
    assert (analytic.n_displacements, displaced.n_displacements) == (0, 1)


def test_analytic_vibrations_are_those_of_displacements(copper: Potential) -> None:
    held = trimer()
    held.set_constraint(FixAtoms([0]))
    analytic, displaced = vibrations(copper, held), vibrations(copper, held, displacement=0.005)
    np.testing.assert_allclose(analytic.frequencies_thz, displaced.frequencies_thz, atol=2e-2)
    assert len(analytic.frequencies_thz) == 6


def test_unknown_points_of_a_path_are_told() -> None:
    pytest.importorskip("phonopy")
    with pytest.raises(SettingsError, match=r"path is 'GQ': the special points of this lattice are G, K, L, U, W, X"):
        phonons(EMT(), bulk("Cu"), supercell=(1, 1, 1), path="GQ")


def test_without_phonopy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        if name.startswith("phonopy"):
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(MissingLibraryError, match=r"phonopy is not installed: pip install 'ase-rfhgn\[phonons\]'"):
        phonons(EMT(), bulk("Cu"))


def test_a_molecule_has_three_vibrations(copper: Potential) -> None:
    found = vibrations(copper, trimer())
    assert np.count_nonzero(np.abs(found.frequencies_thz) > 0.5) == 3
    assert found.frequencies_thz_error is not None
    assert (found.frequencies_thz_error[-3:] > 0.0).all()
    assert found.zero_point_energy_ev == pytest.approx(0.5 * found.frequencies_thz[3:].sum() / 241.8, rel=0.01)
    assert found.stable


def test_frequencies_fall_with_the_root_of_the_mass() -> None:
    light, heavy = trimer(), trimer()
    heavy.set_masses(4.0 * light.get_masses())
    slow, fast = vibrations(EMT(), heavy), vibrations(EMT(), light)
    np.testing.assert_allclose(2.0 * slow.frequencies_thz[-3:], fast.frequencies_thz[-3:], rtol=1e-6)


def test_fixed_atoms_do_not_vibrate() -> None:
    held = trimer()
    held.set_constraint(FixAtoms([0, 1]))
    assert len(vibrations(EMT(), held).frequencies_thz) == 3


def test_a_saddle_is_not_stable() -> None:
    square = Atoms("Cu4", [[0, 0, 0], [2.4, 0, 0], [0, 2.4, 0], [2.4, 2.4, 0]])
    found = vibrations(EMT(), square)
    assert found.frequencies_thz[0] < -1.0
    assert not found.stable


# %% Surfaces, vacancies, barriers


def test_a_surface_costs_what_it_costs_by_emt(copper: Potential) -> None:
    found, truth = (surface_energy(one, bulk("Cu", cubic=True), miller=(1, 0, 0)) for one in (copper, EMT()))
    assert found.energy_j_m2 == pytest.approx(truth.energy_j_m2, rel=0.2)
    assert found.energy_j_m2_error is not None
    assert 0.0 < found.energy_j_m2_error < 0.2 * found.energy_j_m2
    assert truth.energy_j_m2 <= truth.energy_unrelaxed_j_m2 + 1e-9
    assert found.thickness_a > 12.0
    assert found.gamma == pytest.approx(copper.grade(found.atoms).max())
    assert truth.gamma is None
    assert found.atoms.cell[2, 2] == pytest.approx(found.thickness_a + 20.0, abs=0.1)


def test_rounding_of_relaxed_atoms_moves_no_layer_across_the_vacuum() -> None:
    crystal = bulk("Cu", cubic=True)
    exact = surface_energy(EMT(), crystal, miller=(1, 0, 0), relaxed=False)
    crystal.positions -= 1e-8
    rounded = surface_energy(EMT(), crystal, miller=(1, 0, 0), relaxed=False)
    assert rounded.energy_j_m2 == pytest.approx(exact.energy_j_m2, abs=1e-6)


def test_miller_indices_are_of_the_conventional_cell() -> None:
    pytest.importorskip("spglib")
    cubic, primitive = (
        surface_energy(EMT(), one, miller=(1, 0, 0), relaxed=False) for one in (bulk("Cu", cubic=True), bulk("Cu"))
    )
    assert primitive.energy_j_m2 == pytest.approx(cubic.energy_j_m2, rel=1e-6)
    assert primitive.area_a2 == pytest.approx(cubic.area_a2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"miller": (0, 0, 0)}, "it must be three numbers, not all zero"),
        ({"miller": (1, 0)}, "it must be three numbers"),
        ({"vacuum": 0.0}, "both must be positive"),
    ],
)
def test_impossible_surfaces_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        surface_energy(EMT(), bulk("Cu"), **settings)  # type: ignore[arg-type]


def test_a_vacancy_costs_what_it_costs_by_emt(copper: Potential) -> None:
    found, truth = (vacancy_energy(one, bulk("Cu", cubic=True), supercell=(2, 2, 2)) for one in (copper, EMT()))
    assert found.energy_ev == pytest.approx(truth.energy_ev, abs=0.2)
    assert found.energy_ev_error is not None
    assert 0.0 < found.energy_ev_error < 0.2
    assert found.energy_ev < found.energy_unrelaxed_ev
    assert found.n_atoms == 31
    assert found.element == "Cu"


def test_vacancies_of_compounds_need_a_chemical_potential() -> None:
    alloy = bulk("CuAu", "rocksalt", a=5.5)
    with pytest.raises(SettingsError, match="the elements Au, Cu: give the energy of an atom of Cu outside"):
        vacancy_energy(EMT(), alloy)
    settings = {"supercell": (1, 1, 1), "relaxed": False}
    low, high = (vacancy_energy(EMT(), alloy, chemical_potential=mu, **settings) for mu in (0.0, 1.0))  # type: ignore[arg-type]
    assert high.energy_ev - low.energy_ev == pytest.approx(1.0)
    with pytest.raises(SettingsError, match="site is 2: it must be from 0 to 1"):
        vacancy_energy(EMT(), alloy, site=2)


def test_supercells_are_wide_enough() -> None:
    assert repeats(bulk("Cu", cubic=True)) == (3, 3, 3)
    assert repeats(bulk("Cu")) == (5, 5, 5)  # faces of the primitive cell are closer than its vectors are long
    with pytest.raises(SettingsError, match="it must be three positive numbers"):
        repeats(bulk("Cu"), (1, 1, 0))


def test_a_hop_costs_the_same_both_ways(copper: Potential) -> None:
    initial, final = hop()
    found = minimum_energy_path(copper, initial, final, images=3)
    assert found.converged
    assert found.barrier_ev == pytest.approx(found.reverse_barrier_ev, abs=1e-3)
    assert 0.3 < found.barrier_ev < 1.2
    assert found.barrier_ev_error is not None
    assert 0.0 < found.barrier_ev_error < 0.3
    assert found.energies_ev[2] == pytest.approx(found.barrier_ev)
    assert len(found.images) == 5
    assert found.distances_a[-1] == pytest.approx(bulk("Cu", cubic=True).cell[0, 0] / np.sqrt(2), rel=0.1)


def test_ends_that_do_not_belong_together_are_refused(copper: Potential) -> None:
    initial, final = hop()
    with pytest.raises(StructureError, match="the same atoms in the same order"):
        minimum_energy_path(copper, initial, final[1:])
    final.set_cell(1.01 * final.cell)
    with pytest.raises(StructureError, match="the same cell"):
        minimum_energy_path(copper, initial, final)
    with pytest.raises(SettingsError, match="images are 0"):
        minimum_energy_path(copper, initial, initial, images=0)
    with pytest.raises(SettingsError, match="bands need a calculator per image"):
        minimum_energy_path(EMT(), initial, initial, relaxed=False)
