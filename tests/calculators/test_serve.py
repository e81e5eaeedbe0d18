"""Potentials behind a socket: the other program gets what the calculator gives, and bad input ends in one line."""

from __future__ import annotations

import importlib.util
import socket as sockets
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.socketio import SocketClosed, SocketServer
from ase.io import write
from flexible_water import labelled_water, water_box

from ase_rfhgn import Potential, RFHGNCalculator, fit
from ase_rfhgn.calculators.serve import Address, serve
from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import RFHGNError, SettingsError, StructureError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ipi" / "path_integrals.py"


@pytest.fixture
def crystal() -> Atoms:
    """Return copper atoms off their sites."""
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=2)
    return atoms


def unix_address() -> Address:
    """Return the address of a Unix socket that nobody else uses."""
    return Address(socket=f"test_{uuid.uuid4().hex}")


def tcp_address() -> Address:
    """Return a free port of this machine."""
    with sockets.socket() as probe:
        probe.bind(("localhost", 0))
        return Address(port=int(probe.getsockname()[1]))


@contextmanager
def listening(address: Address) -> Iterator[Any]:
    """Listen at an address; afterwards the client is told to end."""
    settings = {"port": address.port} if address.socket is None else {"unixsocket": address.socket}
    server = SocketServer(**settings, timeout=60.0)
    try:
        yield server
    finally:
        with suppress(OSError):  # of a client that has gone
            server.close()


@pytest.mark.parametrize("make_address", [unix_address, tcp_address])
def test_the_other_program_gets_the_answers_of_the_calculator(
    copper: Potential, crystal: Atoms, make_address: Callable[[], Address]
) -> None:
    address, moved = make_address(), crystal.copy()
    moved.set_cell(1.02 * moved.cell, scale_atoms=True)
    with ThreadPoolExecutor(1) as pool:
        with listening(address) as server:
            served = pool.submit(serve, copper, crystal, address)
            answers = [server.calculate(atoms) for atoms in (crystal, moved)]
        assert served.result(timeout=60.0) == 2
    for atoms, answer in zip((crystal, moved), answers, strict=True):
        atoms.calc = RFHGNCalculator(copper)
        assert answer["energy"] == pytest.approx(atoms.get_potential_energy(), rel=1e-12)
        np.testing.assert_allclose(answer["forces"], atoms.get_forces(), rtol=0.0, atol=1e-12)
        stress = -answer["virial"] / atoms.get_volume()
        np.testing.assert_allclose(stress, atoms.get_stress(voigt=False), rtol=0.0, atol=1e-12)


def test_the_default_is_the_loopback_address() -> None:
    assert str(Address()) == "localhost:31415"
    assert str(Address(socket="water")) == "/tmp/ipi_water"  # noqa: S108 - where the protocol has its sockets


@pytest.mark.parametrize("make_address", [unix_address, tcp_address])
def test_nobody_listens(copper: Potential, crystal: Atoms, make_address: Callable[[], Address]) -> None:
    with pytest.raises(SettingsError, match=r"nobody listens at .* start i-PI first"):
        serve(copper, crystal, make_address())


def test_unknown_elements_are_refused_before_connecting(copper: Potential) -> None:
    with pytest.raises(StructureError, match="does not know Al"):
        serve(copper, bulk("Al"), unix_address())


def test_another_number_of_atoms_is_refused(copper: Potential, crystal: Atoms) -> None:
    address = unix_address()
    with ThreadPoolExecutor(1) as pool:
        with listening(address) as server:
            served = pool.submit(serve, copper, crystal * (2, 1, 1), address)
            with pytest.raises((SocketClosed, BrokenPipeError, ConnectionResetError)):
                server.calculate(crystal)
        error = served.exception(timeout=60.0)
    assert isinstance(error, SettingsError)
    assert "another number of atoms than the structure, which has 8" in str(error)


def test_the_command_serves(
    copper: Potential, crystal: Atoms, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copper.save(tmp_path / "cu.npz")
    write(tmp_path / "start.extxyz", crystal)
    address = unix_address()
    arguments = ["serve", str(tmp_path / "cu.npz"), str(tmp_path / "start.extxyz"), "--socket", str(address.socket)]
    with ThreadPoolExecutor(1) as pool:
        with listening(address) as server:
            served = pool.submit(main, arguments)
            server.calculate(crystal)
        assert served.result(timeout=60.0) == 0
    assert f"1 structures evaluated for {address}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--socket", "x", "--host", "example.org"], "--host is for --port"),
        (["--socket", "nobody_listens_here"], "nobody listens at /tmp/ipi_nobody_listens_here"),
    ],
)
def test_bad_options_end_in_one_line(
    arguments: list[str],
    said: str,
    copper: Potential,
    crystal: Atoms,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copper.save(tmp_path / "cu.npz")
    write(tmp_path / "start.extxyz", crystal)
    assert main(["serve", str(tmp_path / "cu.npz"), str(tmp_path / "start.extxyz"), *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_a_structure_that_cannot_be_read_is_refused(
    copper: Potential, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copper.save(tmp_path / "cu.npz")
    assert main(["serve", str(tmp_path / "cu.npz"), str(tmp_path / "nowhere.xyz"), "--socket", "x"]) == 2
    assert "cannot be read as a structure" in capsys.readouterr().err


def path_integrals() -> ModuleType:
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("path_integrals", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


IPI = find_spec("ipi")
"""Without i-PI, the folder of its example has the same name, and no origin."""


@pytest.mark.skipif(IPI is None or IPI.origin is None, reason="needs pip install 'ase-rfhgn[ipi]'")
def test_path_integrals_conserve_energy_with_one_and_two_clients(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [labelled_water(water_box((3, 3, 3), rng)) for _ in range(3)]
    fit(frames, cutoff=3.4, channels=6, projections=1, seed=0).save(tmp_path / "water.npz")
    atoms = water_box((2, 1, 1), rng)
    atoms.set_cell([30.0, 30.0, 30.0])
    atoms.pbc = False
    energies = []
    for clients in (1, 2):
        folder = tmp_path / str(clients)
        folder.mkdir()
        energies.append(path_integrals().conserved(tmp_path / "water.npz", atoms, folder, clients=clients, steps=10))
        counts = [
            int(line.split()[0]) for line in (folder / "i-pi.log").read_text().splitlines() if "evaluated for" in line
        ]
        assert len(counts) == clients
        assert min(counts) > 0
        assert sum(counts) == 4 * 11
    np.testing.assert_allclose(energies[0], energies[1], rtol=0.0, atol=1e-9)
    assert np.ptp(energies[0]) < 2e-3


def test_errors_are_ours(tmp_path: Path, crystal: Atoms) -> None:
    with pytest.raises(RFHGNError, match="does not exist"):
        serve(tmp_path / "nowhere.npz", crystal, unix_address())
