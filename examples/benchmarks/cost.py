"""Cost of default fits: CPU seconds and peak memory against the atoms per frame and the number of elements.

    python examples/benchmarks/cost.py [atoms] [elements] [--quick]

prints a Markdown table. Frames of many atoms are rattled copper of ASE's EMT, two per fit. Frames of
many elements are small molecules, labelled by a synthetic many-body potential (``many_elements.py``).
Every fit runs in a process of its own, after a small fit that loads the compiled functions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from many_elements import molecules
from measuring import cost, in_fresh_process, machine

from ase_rfhgn import evaluate_errors, fit


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: cubic cells along the edge of a crystal, elements and molecules of a set, size of fits."""

    edges: tuple[int, ...] = (3, 5, 7, 9)
    elements: tuple[int, ...] = (2, 4, 6, 8, 10)
    molecules: int = 260
    channels: int | None = None
    projections: int | None = None


QUICK = Size(edges=(2,), elements=(2,), molecules=12, channels=8, projections=1)


@dataclass(frozen=True, slots=True)
class Measured:
    """A fit: atoms and columns, CPU seconds, force error on frames that were not fitted (eV/Å)."""

    n_atoms: int
    n_columns: int
    seconds: float
    force_rmse: float


def crystals(edge: int) -> list[Atoms]:
    """Return three rattled crystals of copper with energies, forces and stresses."""
    frames = []
    for seed in range(3):
        atoms = bulk("Cu", cubic=True).repeat(edge)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        frames.append(atoms)
    return frames


def fit_crystals(size: Size, edge: int) -> Measured:
    """Return what a fit to two crystals costs."""
    *train, unseen = crystals(edge)
    return measured(size, train, [unseen])


def fit_molecules(size: Size, n_elements: int) -> Measured:
    """Return what a fit to molecules of so many elements costs."""
    n = size.molecules
    return measured(size, molecules(n, n_elements, 1), molecules(n // 2, n_elements, 2))


def measured(size: Size, train: list[Atoms], unseen: list[Atoms]) -> Measured:
    """Return what a fit costs, and how well it predicts."""
    fit(train[:2], channels=4, projections=1, threads=1)
    found = []
    channels, projections = size.channels, size.projections
    seconds = cost(lambda: found.append(fit(train, channels=channels, projections=projections, threads=1))).cpu
    errors = evaluate_errors(found[0], unseen)
    assert errors.force_rmse is not None  # noqa: S101  # the frames have forces
    return Measured(sum(map(len, train)), found[0].record["n_features"], seconds, errors.force_rmse)


def lines(parts: list[str], size: Size) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| fit | atoms | columns | CPU s | CPU ms per atom | peak memory GB | force RMSE eV/Å |"
    yield "|---|---|---|---|---|---|---|"
    works: list[tuple[str, Callable[[Size, int], Measured], int]] = []
    if "atoms" in parts:
        works += [(f"2 frames of {4 * edge**3} Cu", fit_crystals, edge) for edge in size.edges]
    if "elements" in parts:
        works += [(f"{size.molecules} molecules of {few} elements", fit_molecules, few) for few in size.elements]
    for name, work, number in works:
        found, memory = in_fresh_process(work, size, number)
        each = 1e3 * found.seconds / found.n_atoms
        yield (
            f"| {name} | {found.n_atoms} | {found.n_columns} | {found.seconds:.1f} | {each:.2f} | {memory:.2f} | "
            f"{found.force_rmse:.4f} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Cost of default fits against atoms per frame and elements")
    parser.add_argument("parts", nargs="*", help="atoms, elements; by default both")
    parser.add_argument("--quick", action="store_true", help="sizes that measure nothing, for tests")
    given = parser.parse_args()
    print(machine(), end="\n\n")
    for line in lines(given.parts or ["atoms", "elements"], QUICK if given.quick else Size()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
