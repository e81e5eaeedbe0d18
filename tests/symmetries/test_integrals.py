"""Integrals of motion: how many there are, what they are, how well they are conserved; files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from integrable_systems import IntegrableSystem, henon_heiles, kepler, kepler_integrals, pendulum, quartic_pair, toda

from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.symmetries import Integrals, Runs, find_integrals
from ase_rfhgn.systems import ring


def runs_of(system: IntegrableSystem, n_runs: int, n_frames: int, seed: int = 0, spacing: float | None = None) -> Runs:
    return system.runs(system.trajectories(np.random.default_rng(seed), n_runs, n_frames, spacing))


@pytest.fixture(scope="module")
def of_pendulum() -> Integrals:
    return find_integrals(runs_of(pendulum(), 40, 20), n_units=80)


def test_a_pendulum_has_its_energy(of_pendulum: Integrals) -> None:
    assert of_pendulum.count == 1
    assert of_pendulum.spread_i < 1e-6
    system = pendulum()
    state_md = system.trajectories(np.random.default_rng(5), 20, 1)[:, 0]
    energy_m = 0.5 * state_md[:, 1] ** 2 + system.potential(state_md[:, :1])
    value_m = of_pendulum([system.atoms(state_d[:1], state_d[1:]) for state_d in state_md])[:, 0]
    order = np.argsort(energy_m)
    steps = np.diff(value_m[order])
    assert (steps > 0.0).all() or (steps < 0.0).all()  # any monotonic function of the energy


@pytest.mark.parametrize("form", ["frames", "rates"])
@pytest.mark.parametrize("features", ["monomials", "both"])
def test_two_quartic_modes_have_two(form: str, features: str) -> None:
    integrals = find_integrals(runs_of(quartic_pair(), 40, 15), features=features, form=form, n_units=60)
    assert integrals.count == 2
    assert integrals.spread_i.max() < 1e-15


def test_energy_alone_survives_chaos() -> None:
    integrals = find_integrals(runs_of(henon_heiles(0.14, 0.165), 80, 40), n_units=150)
    assert integrals.count == 1
    assert integrals.spectrum_i[1] > integrals.record["threshold"]


def test_kepler_orbits_in_the_plane_have_three() -> None:
    system = kepler(2)
    state_gtd = system.trajectories(np.random.default_rng(0), 200, 30)
    integrals = find_integrals(system.runs(state_gtd), n_units=250)
    assert integrals.count == 3
    state_md = system.trajectories(np.random.default_rng(1), 60, 5).reshape(-1, 4)
    atoms = [system.atoms(state_d[:2], state_d[2:]) for state_d in state_md]
    conserved_mi = np.column_stack([integrals.conserved(atoms), np.ones(len(atoms))])
    for name, known_m in kepler_integrals(state_md).items():
        rest_m = known_m - conserved_mi @ np.linalg.lstsq(conserved_mi, known_m, rcond=None)[0]
        assert rest_m.var() < 0.05 * known_m.var(), name


@pytest.mark.parametrize("n", [3, 4, 5])
def test_toda_chains_have_one_less_than_nodes(n: int) -> None:
    runs = runs_of(toda(n), 90, 20)
    integrals = find_integrals(runs, features="bonds", bonds=ring(n), degree=n)
    assert integrals.count == n - 1
    assert integrals.spread_i.max() < 1e-9


def test_sums_over_bonds_do_not_depend_on_numbers_of_nodes() -> None:
    n = 4
    runs = runs_of(toda(n), 40, 15)
    integrals = find_integrals(runs, features="bonds", bonds=ring(n), degree=3)
    atoms = runs.atoms
    turned = atoms[[1, 2, 3, 0]]
    np.testing.assert_allclose(integrals(turned), integrals(atoms), atol=1e-9)


@pytest.mark.parametrize("form", ["frames", "rates"])
def test_a_graph_network_finds_the_energy_of_a_chain(form: str, tmp_path: Path) -> None:
    runs = runs_of(toda(3, amplitude=0.4), 50, 15)
    integrals = find_integrals(runs, features="graph", bonds=ring(3), n_units=60, form=form)
    assert integrals.count >= 1
    assert integrals.spread_i[0] < 5e-3
    atoms = runs.atoms
    np.testing.assert_allclose(integrals(atoms[[1, 2, 0]]), integrals(atoms), atol=1e-9)
    integrals.save(tmp_path / "graph.npz")
    assert (Integrals.load(tmp_path / "graph.npz")(atoms) == integrals(atoms)).all()


def test_slow_functions_grow_with_the_window(of_pendulum: Integrals) -> None:
    spread_wi = of_pendulum.spread_over_windows(runs_of(pendulum(), 20, 40, seed=2))
    assert spread_wi.shape == (4, 1)
    assert spread_wi[-1, 0] < 10.0 * spread_wi[0, 0]
    with pytest.raises(SettingsError, match="too short"):
        of_pendulum.spread_over_windows(runs_of(pendulum(), 20, 10), [0.1])


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_noise_raises_the_threshold(noise: float) -> None:
    runs = runs_of(pendulum(), 60, 30)
    rng = np.random.default_rng(1)
    noisy = {
        name: array + noise * array[..., 0].std() * rng.normal(size=array.shape) * [1.0, 0.0, 0.0]
        for name in ("position_mnc", "momentum_mnc")
        if (array := getattr(runs, name)) is not None
    }
    integrals = find_integrals(replace(runs, energy_m=None, **noisy), n_units=60)
    assert integrals.count == 1
    assert integrals.record["noise"] == pytest.approx(noise**2, rel=0.3)


def test_a_drifting_centre_is_left_out() -> None:
    system = toda(3)
    state_gtd = system.trajectories(np.random.default_rng(0), 40, 15)
    speed_g = np.random.default_rng(1).normal(size=40)
    state_gtd[..., :3] += (speed_g[:, None] * 0.2 * np.arange(15))[..., None]
    state_gtd[..., 3:] += speed_g[:, None, None]
    with pytest.warns(TrainingDataWarning, match="centre of mass drifts"):
        integrals = find_integrals(system.runs(state_gtd), features="bonds", bonds=ring(3), degree=3)
    assert integrals.count == 2


def test_files_come_back(of_pendulum: Integrals, tmp_path: Path) -> None:
    for integrals in (
        of_pendulum,
        find_integrals(runs_of(toda(3), 20, 10), features="bonds", bonds=ring(3), degree=2),
    ):
        integrals.save(tmp_path / "a.npz")
        again = Integrals.load(tmp_path / "a.npz")
        again.save(tmp_path / "b.npz")
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
        atoms = runs_of(pendulum() if integrals is of_pendulum else toda(3), 1, 3).atoms
        assert (again(atoms) == integrals(atoms)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"features": "fourier"}, "features is 'fourier'"),
        ({"form": "points"}, "form is 'points'"),
        ({"features": "bonds"}, "belong together"),
        ({"bonds": Bonds.between([(0, 1)])}, "belong together"),
        ({"n_units": 0}, "n_units is 0"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        find_integrals(runs_of(pendulum(), 6, 8), **settings)  # type: ignore[arg-type]


def test_sums_over_bonds_need_a_chain() -> None:
    with pytest.raises(TrainingDataError, match="along one axis"):
        find_integrals(runs_of(kepler(2), 8, 40), features="bonds", bonds=Bonds.between([(0, 0)]))
    with pytest.raises(TrainingDataError, match="there are no bonds"):
        find_integrals(runs_of(toda(3), 8, 8), features="bonds", bonds=Bonds.between([]))
    with pytest.raises(TrainingDataError, match="bonds name atoms 0 to 7"):
        find_integrals(runs_of(toda(3), 8, 8), features="bonds", bonds=Bonds.between([(0, 7)]))


def test_rates_need_forces() -> None:
    with pytest.raises(TrainingDataError, match="form='frames'"):
        find_integrals(replace(runs_of(pendulum(), 8, 8), force_mnc=None), form="rates")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = pendulum()
    for number, state_td in enumerate(system.trajectories(np.random.default_rng(0), 12, 12)):
        write(tmp_path / f"run{number}.traj", [system.atoms(state_d[:1], state_d[1:]) for state_d in state_td])
    words = ["integrals", str(tmp_path / "run*.traj"), "--n-units", "40"]
    assert not main([*words, "--json", "--plot", str(tmp_path / "s.png"), "-o", str(tmp_path / "i.npz")])
    report = json.loads(capsys.readouterr().out)
    assert report["count"] == 1 == len(report["spread"])
    assert Integrals.load(tmp_path / "i.npz").count == 1
    assert not main(words)
    assert "1 independent integrals" in capsys.readouterr().out
