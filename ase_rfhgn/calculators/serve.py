"""A potential behind a socket, for i-PI and other programs that speak its protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

from ase import Atoms
from ase.calculators.socketio import SocketClient, actualunixsocketname

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.checks import refuse_unknown_elements

LOOPBACK = "localhost"
"""Host of TCP sockets unless another one is named."""

PORT = 31415
"""Port of TCP sockets unless another one is named."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a program listens that asks for forces.

    Attributes
    ----------
    socket : str or None
        Name of a Unix socket, which is the file ``/tmp/ipi_<name>``; None for TCP.
    host : str, default "localhost"
        Host of a TCP socket.
    port : int, default 31415
        Port of a TCP socket.
    """

    socket: str | None = None
    host: str = LOOPBACK
    port: int = PORT

    def __str__(self) -> str:
        """Return the address in words."""
        return f"{self.host}:{self.port}" if self.socket is None else str(actualunixsocketname(self.socket))


def serve(potential: Potential | str | Path, atoms: Atoms, address: Address, *, threads: int = 1) -> int:
    """Return how many structures were evaluated, after the other program has ended the connection.

    Parameters
    ----------
    potential : Potential, str or Path
        A potential, or its file.
    atoms : ase.Atoms
        A structure with the elements, the order of the atoms and the periodic directions of the other program,
        which sends positions and cells only.
    address : Address
        Where the other program listens: it must have been started before.
    threads : int, default 1
        Threads that share an evaluation.

    Raises
    ------
    SettingsError
        If nobody listens, or the other program sends another number of atoms.
    StructureError
        If the potential does not know an element.
    """
    model = potential if isinstance(potential, Potential) else load_model(potential)
    if not isinstance(model, Potential):
        message = f"{potential} is a model of positions and momenta: sockets serve potentials only"
        raise SettingsError(message)
    refuse_unknown_elements(atoms, model.species_s, "potential")
    served = atoms.copy()
    served.calc = RFHGNCalculator(model, threads=threads)
    client = _connected(address)
    try:
        return sum(1 for _ in client.irun(served, use_stress=has_volume(served)))
    except ValueError as error:
        if "could not broadcast" not in str(error):
            raise
        message = f"the program at {address} has another number of atoms than the structure, which has {len(atoms)}"
        raise SettingsError(message) from error
    except (BrokenPipeError, ConnectionResetError):
        message = f"the program at {address} broke the connection"
        raise SettingsError(message) from None


def _connected(address: Address) -> SocketClient:
    try:
        if address.socket is not None:
            return SocketClient(unixsocket=address.socket)
        return SocketClient(host=address.host, port=address.port)
    except OSError as error:
        for frame, _ in walk_tb(error.__traceback__):
            if "sock" in frame.f_locals:
                frame.f_locals["sock"].close()  # ASE leaves it open
        message = f"nobody listens at {address} ({error.strerror or error}): start i-PI first"
        raise SettingsError(message) from error
