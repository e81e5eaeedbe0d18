"""Path-integral molecular dynamics of a model with i-PI (``pip install ipi``) and several clients.

    python examples/ipi/path_integrals.py water.npz start.xyz --beads 4 --clients 2 --steps 100

starts i-PI with ``input.xml``, made from the template below, and clients ``ase-rfhgn serve water.npz start.xyz
--socket NAME``. i-PI shares out the beads among the clients, so several of them use several cores. The conserved
quantity of every step, relative to the first one, is printed at the end: it must not drift.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase import Atoms
from ase.io import read, write
from ase.units import Hartree

from ase_rfhgn.arrays import FloatArray

TEMPLATE = """\
<simulation verbosity='low'>
  <output prefix='run'>
    <properties stride='1' filename='out' flush='1'>
      [ step, time{{femtosecond}}, conserved, temperature{{kelvin}}, kinetic_cv, potential ]
    </properties>
    <trajectory filename='pos' stride='10' format='ase'> positions </trajectory>
  </output>
  <total_steps>{steps}</total_steps>
  <prng><seed>{seed}</seed></prng>
  <ffsocket name='rfhgn' mode='unix' pbc='false'>
    <address>{socket}</address>
    <latency>0.001</latency>
  </ffsocket>
  <system>
    <initialize nbeads='{beads}'>
      <file mode='xyz' units='angstrom'> start.xyz </file>
      <cell mode='abc' units='angstrom'> [{cell}] </cell>
      <velocities mode='thermal' units='kelvin'> {temperature} </velocities>
    </initialize>
    <forces><force forcefield='rfhgn'/></forces>
    <ensemble><temperature units='kelvin'> {temperature} </temperature></ensemble>
    <motion mode='dynamics'>
      <dynamics mode='nvt'>
        <timestep units='femtosecond'> {femtoseconds} </timestep>
        <thermostat mode='pile_l'><tau units='femtosecond'> 100 </tau></thermostat>
      </dynamics>
    </motion>
  </system>
</simulation>
"""


def conserved(
    model: str | Path,
    atoms: Atoms,
    folder: Path,
    *,
    beads: int = 4,
    clients: int = 2,
    steps: int = 100,
    femtoseconds: float = 0.25,
    temperature: float = 300.0,
) -> FloatArray:
    """Return the conserved quantity of every step (eV), after a run in a folder.

    Parameters
    ----------
    model : str or Path
        File of a potential.
    atoms : ase.Atoms
        A structure in a rectangular box.
    folder : Path
        Where i-PI writes its files.
    beads, clients, steps : int
        Beads of the path, programs that evaluate them, and steps.
    femtoseconds : float
        Time step.
    temperature : float
        Temperature (K).
    """
    socket = f"rfhgn_{os.getpid()}_{clients}"
    plain = Atoms(atoms.numbers, atoms.positions)
    write(folder / "start.xyz", plain, format="xyz", comment="")
    write(folder / "structure.extxyz", Atoms(plain, cell=atoms.cell, pbc=atoms.pbc))
    text = TEMPLATE.format(
        steps=steps,
        seed=1,
        socket=socket,
        beads=beads,
        cell=", ".join(f"{length:.10f}" for length in atoms.cell.lengths()),
        temperature=temperature,
        femtoseconds=femtoseconds,
    )
    (folder / "input.xml").write_text(text, encoding="utf-8")
    with (folder / "i-pi.log").open("w", encoding="utf-8") as log:
        command = [sys.executable, str(Path(sys.executable).with_name("i-pi")), "input.xml"]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603
        try:
            wait_for(Path(f"/tmp/ipi_{socket}"), server)  # noqa: S108 - i-PI's place for sockets
            serve = [sys.executable, "-m", "ase_rfhgn", "serve", str(Path(model).absolute())]
            serve += ["structure.extxyz", "--socket", socket]
            helpers = [
                subprocess.Popen(serve, cwd=folder, stdout=log, stderr=log)  # noqa: S603
                for _ in range(clients)
            ]
            codes = [helper.wait() for helper in helpers]  # clients end when i-PI does
            if any(codes) or server.wait():
                message = (folder / "i-pi.log").read_text(encoding="utf-8")
                raise RuntimeError(message)
        finally:
            server.kill()
            server.wait()
    table: FloatArray = np.loadtxt(folder / "run.out", ndmin=2)
    return table[:, 2] * Hartree


def wait_for(path: Path, server: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Wait until i-PI listens."""
    start = time.monotonic()
    while not path.exists():
        if server.poll() is not None or time.monotonic() - start > seconds:
            message = f"i-PI does not listen at {path}"
            raise RuntimeError(message)
        time.sleep(0.05)


def main() -> None:
    """Run, and print the conserved quantity."""
    parser = argparse.ArgumentParser(description="Path-integral molecular dynamics with i-PI.")
    parser.add_argument("model", metavar="water.npz")
    parser.add_argument("structure", metavar="start.xyz")
    for name, number in (("beads", 4), ("clients", 2), ("steps", 100)):
        parser.add_argument(f"--{name}", type=int, default=number, metavar="N")
    options = parser.parse_args()
    atoms = read(options.structure)
    assert isinstance(atoms, Atoms)  # noqa: S101 - the last frame
    with TemporaryDirectory() as folder:
        energies = conserved(
            options.model,
            atoms,
            Path(folder),
            beads=options.beads,
            clients=options.clients,
            steps=options.steps,
        )
    for step, energy in enumerate(energies):
        print(f"{step:6d} {energy - energies[0]:12.6f} eV")


if __name__ == "__main__":
    main()
