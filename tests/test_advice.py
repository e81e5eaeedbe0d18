"""Messages that say what to do: each is provoked, its advice is followed, and that works."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixBondLength
from ase.md.verlet import VelocityVerlet
from integrable_systems import IntegrableSystem, pendulum, toda
from labelled import labelled, shaken
from snapshots import SMALL, spring_lattice
from verlet_runs import TIMESTEP, run_of, shaken_crystal, without

import ase_rfhgn
from ase_rfhgn import Bonds, RFHGNCalculator, fit, fit_phase_space, symmetries, update
from ase_rfhgn.dynamics import ImplicitMidpoint, StormerVerlet
from ase_rfhgn.symmetries import find_integrals
from ase_rfhgn.systems import BondedPairs, Spring, ring

PACKAGE = Path(ase_rfhgn.__file__).parent
TINY: dict[str, Any] = {"cutoff": 3.5, "channels": 4, "projections": 1, "degree": 1}
PAIRS = [(0, 1), (1, 2)]

Attempt = Callable[[], object]


@dataclass(frozen=True)
class Advice:
    """What is said, the attempt that provokes it, and attempts that follow the advice."""

    message: str
    wrong: Attempt
    right: tuple[Attempt, ...]


def coppers() -> list[Atoms]:
    """Return labelled crystals."""
    return [labelled(shaken(seed)) for seed in range(4)]


def chains(*, undefined: bool = False) -> list[Atoms]:
    """Return states of a chain of three nodes, by choice with one of them on the mean position."""
    frames = spring_lattice(np.random.default_rng(3), (3,), 6)[0]
    for number, atoms in enumerate(frames if undefined else []):
        atoms.positions[:, 0] = np.array([-1.0, 0.0, 1.0]) * (1.0 + 0.1 * number)
        atoms.calc.atoms = atoms.copy()
    return frames


def without_forces(system: IntegrableSystem) -> list[list[Atoms]]:
    """Return runs of a system without forces."""
    state_gtd = system.trajectories(np.random.default_rng(0), 12, 12)
    return [[system.atoms(*np.split(state_d, 2)) for state_d in state_td] for state_td in state_gtd]


def fit_chain(frames: list[Atoms], **settings: Any) -> Any:  # noqa: ANN401
    """Return a Hamiltonian of the chain."""
    edges: dict[str, Any] = (
        {} if "cutoff" in settings or settings.get("network") == "vector" else {"bonds": Bonds.between(PAIRS)}
    )
    units: dict[str, Any] = {"node_units": 20} if settings.get("network") == "vector" else dict(SMALL)
    return fit_phase_space(frames, **units | edges | settings)


def copper_run(*, momenta: bool = True) -> list[Atoms]:
    """Return frames of a run without forces."""
    return without(run_of(shaken_crystal(), 12), momenta=not momenta)


def spring_run() -> list[Atoms]:
    """Return frames of a run of the chain, positions alone."""
    atoms = chains()[0]
    calculator = BondedPairs(Spring(rest_length=0.9), Bonds.between(PAIRS))
    return without(run_of(atoms, 30, timestep=0.05, wrap=False, calculator=calculator), momenta=True)


def elsewhere() -> list[Atoms]:
    """Return frames of a run with forces under a name that ASE does not know."""
    frames = run_of(shaken_crystal(), 12)
    for atoms in frames:
        atoms.arrays["REF_forces"], atoms.calc = atoms.get_forces(), None
    return frames


def attached(frames: list[Atoms]) -> list[Atoms]:
    """Return frames with labels where ASE keeps them."""
    for atoms in frames:
        atoms.calc = SinglePointCalculator(atoms, forces=atoms.arrays["REF_forces"])
    return frames


def stale() -> Atoms:
    """Return a structure that was changed after its labels were computed."""
    atoms = labelled(shaken(0))
    atoms.positions[0] += 0.01
    return atoms


def turned_away() -> Atoms:
    """Return a crystal of which one atom is many cell vectors away."""
    atoms: Atoms = bulk("Cu", cubic=True)
    atoms.positions[0] += 2.0**31 * atoms.cell.array[0]
    return atoms


def wrapped(atoms: Atoms) -> Atoms:
    """Return a structure brought back into its cell."""
    atoms.wrap()
    return atoms


def moving(driver: Any, constraint: object | None = None, **settings: Any) -> Attempt:  # noqa: ANN401
    """Return a short run of a learned Hamiltonian."""

    def run() -> None:
        atoms = chains()[0]
        atoms.calc = RFHGNCalculator(fit_chain(chains(), axes="laboratory", **settings), Bonds.between(PAIRS))
        atoms.set_constraint(constraint)
        driver(atoms, 0.01).run(2)

    return run


def fit_tiny(frames: Any, **settings: Any) -> Any:  # noqa: ANN401
    """Return a tiny potential."""
    return fit(frames, **TINY | settings)


def told_of_chain(*, uncertainty: bool) -> Any:  # noqa: ANN401
    """Return what a model of a chain that has no ensemble says of it."""
    frames, bonds = spring_lattice(np.random.default_rng(3), (3,), 6)
    model = replace(fit_chain(frames, axes="laboratory"), ensemble=None)
    return model.evaluate(frames[0], bonds, uncertainty=uncertainty)


KNOWN = {"kinetic": "known"}
ADVICES = [
    Advice(
        "it has no ensemble; leave out uncertainty=True",
        lambda: told_of_chain(uncertainty=True),
        (lambda: told_of_chain(uncertainty=False),),
    ),
    Advice(
        'use axes="laboratory", or move the structure',
        lambda: fit_chain(chains(undefined=True)),
        (lambda: fit_chain(chains(undefined=True), axes="laboratory"), lambda: fit_chain(chains())),
    ),
    Advice(
        "frames have no momenta; use targets='positions'",
        lambda: fit_tiny(copper_run(momenta=False), targets="momenta", timestep=TIMESTEP),
        (lambda: fit_tiny(copper_run(momenta=False), targets="positions", timestep=TIMESTEP),),
    ),
    Advice(
        "so timestep is needed: 2 * ase.units.fs, say; momenta say that frames are 5 fs apart",
        lambda: fit_tiny(copper_run()),
        (lambda: fit_tiny(copper_run(), timestep=TIMESTEP),),
    ),
    Advice(
        "choose targets='momenta' or targets='positions'",
        lambda: fit_tiny(elsewhere(), timestep=TIMESTEP),
        (
            lambda: fit_tiny(attached(elsewhere())),
            lambda: fit_tiny(elsewhere(), forces_key="REF_forces"),
            lambda: fit_tiny(elsewhere(), timestep=TIMESTEP, targets="momenta"),
            lambda: fit_tiny(elsewhere(), timestep=TIMESTEP, targets="positions"),
        ),
    ),
    Advice(
        "no frame has labels; attach energies or forces with ASE's SinglePointCalculator",
        lambda: fit_tiny([shaken(0), shaken(1)], targets="labels"),
        (lambda: fit_tiny([labelled(shaken(0)), labelled(shaken(1))], targets="labels"),),
    ),
    Advice(
        "use forces_key='REF_forces', or choose",
        lambda: fit_tiny(elsewhere()),
        (lambda: fit_tiny(elsewhere(), forces_key="REF_forces"),),
    ),
    Advice(
        "attach them anew with ASE's SinglePointCalculator",
        lambda: fit_tiny([*coppers(), stale()]),
        (lambda: fit_tiny([*coppers(), labelled(stale())]),),
    ),
    Advice(
        "fit it with updatable=True",
        lambda: update(fit_tiny(coppers()[:3]), coppers()[3:]),
        (lambda: update(fit_tiny(coppers()[:3], updatable=True), coppers()[3:]),),
    ),
    Advice(
        "known_energy is (0, 1.0), but the frames have energies: leave it out",
        lambda: fit_tiny(coppers(), known_energy=(0, 1.0)),
        (lambda: fit_tiny(coppers()),),
    ),
    Advice(
        "known_energy is (99, 1.0), but there are 12 frames: leave it out, or name another frame",
        lambda: fit_tiny(copper_run(), timestep=TIMESTEP, known_energy=(99, 1.0)),
        (lambda: fit_tiny(copper_run(), timestep=TIMESTEP, known_energy=(11, 1.0)),),
    ),
    Advice(
        "one_body lacks Cu: give an energy for every element of the frames, or none",
        lambda: fit_tiny(coppers(), one_body={"Au": 0.0}),
        (lambda: fit_tiny(coppers(), one_body={"Cu": 0.0}), lambda: fit_tiny(coppers())),
    ),
    Advice(
        "use atoms.wrap() where the cell is periodic",
        lambda: fit_tiny(coppers()).evaluate(turned_away()),
        (lambda: fit_tiny(coppers()).evaluate(wrapped(turned_away())),),
    ),
    Advice(
        "bonds has 2 entries for 6 frames: give one for all, or one for each",
        lambda: fit_chain(chains(), bonds=[Bonds.between(PAIRS)] * 2),
        (
            lambda: fit_chain(chains(), bonds=Bonds.between(PAIRS)),
            lambda: fit_chain(chains(), bonds=[Bonds.between(PAIRS)] * 6),
        ),
    ),
    Advice(
        "pass bonds=Bonds.between(pairs)",
        lambda: fit_chain(chains()).evaluate(chains()[0]),
        (lambda: fit_chain(chains()).evaluate(chains()[0], bonds=Bonds.between(PAIRS)),),
    ),
    Advice(
        "the edges of the model are pairs up to its cutoff of 3.0 Å: leave out bonds",
        lambda: fit_chain(chains(), cutoff=3.0).evaluate(chains()[0], Bonds.between(PAIRS)),
        (lambda: fit_chain(chains(), cutoff=3.0).evaluate(chains()[0]),),
    ),
    Advice(
        'leave "momentum" out of node_inputs',
        lambda: fit_chain(chains(), node_inputs=("momentum",), **KNOWN),
        (lambda: fit_chain(chains(), node_inputs=(), **KNOWN), lambda: fit_chain(chains(), **KNOWN)),
    ),
    Advice(
        "there is no cutoff: give its distance (Å), or leave smooth_cutoff out",
        lambda: fit_chain(chains(), smooth_cutoff=True),
        (lambda: fit_chain(chains(), cutoff=3.0, smooth_cutoff=True), lambda: fit_chain(chains(), cutoff=3.0)),
    ),
    Advice(
        'network="vector" sees nodes and no edges: leave out cutoff, and give node_inputs',
        lambda: fit_chain(chains(), network="vector", cutoff=3.0),
        (lambda: fit_chain(chains(), network="vector", node_inputs=("position", "momentum"), axes="laboratory"),),
    ),
    Advice(
        'use kinetic="known", or frames with momenta',
        lambda: fit_chain(spring_run(), targets="positions", timestep=0.05, axes="laboratory"),
        (lambda: fit_chain(spring_run(), targets="positions", timestep=0.05, axes="laboratory", **KNOWN),),
    ),
    Advice(
        "run StormerVerlet or ImplicitMidpoint of ase_rfhgn.dynamics",
        moving(VelocityVerlet),
        (moving(StormerVerlet), moving(ImplicitMidpoint), moving(VelocityVerlet, **KNOWN)),
    ),
    Advice(
        "use FixAtoms or FixCartesian, or remove it",
        moving(StormerVerlet, FixBondLength(0, 1)),
        (moving(StormerVerlet, FixAtoms([0])), moving(StormerVerlet)),
    ),
    Advice(
        "frames have no forces, which form='rates' needs; take form='frames'",
        lambda: find_integrals(without_forces(pendulum()), form="rates"),
        (lambda: find_integrals(without_forces(pendulum()), n_units=20, form="frames"),),
    ),
    Advice(
        "features='bonds' or 'graph' and the argument bonds belong together: give both or none",
        lambda: find_integrals(without_forces(toda(3)), features="bonds"),
        (
            lambda: find_integrals(without_forces(toda(3)), n_units=20),
            lambda: find_integrals(without_forces(toda(3)), features="bonds", bonds=ring(3), degree=3),
        ),
    ),
]


@pytest.mark.parametrize("advice", ADVICES, ids=lambda advice: advice.message)
@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")
def test_advice_is_given_and_helps(advice: Advice) -> None:
    with pytest.raises(Exception, match=re.escape(advice.message)):
        advice.wrong()
    for attempt in advice.right:
        attempt()


def messages() -> Iterator[str]:
    """Yield the strings of the package that are not docstrings; what an f-string inserts is left blank.

    The command line has options instead of arguments: tests/cli follow its advice.
    """
    for path in (path for path in PACKAGE.rglob("*.py") if "cli" not in path.parts):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                yield node.value


SETTING = re.compile(r"(\w+=[\"'\w][\w ]*)")
SETTINGS = sorted({setting for text in messages() for setting in SETTING.findall(text)})
"""Every `word=value` of a message, up to the end of the value: ``axes="laboratory``."""


def keywords() -> set[str]:
    """Return the names of all arguments of public functions, and of public methods."""
    things = [getattr(ase_rfhgn, name) for name in ase_rfhgn.__all__ if name != "__version__"]
    things += [getattr(symmetries, name) for name in symmetries.__all__]
    classes = [thing for thing in things if inspect.isclass(thing)]
    methods = [method for one in classes for method in vars(one).values() if callable(method)]
    found = set(inspect.signature(Atoms.get_forces).parameters)  # ASE's
    for function in things + methods:
        try:
            found |= set(inspect.signature(function).parameters)
        except ValueError:  # builtins do not tell
            continue
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_in_messages_exist(setting: str) -> None:
    assert setting.partition("=")[0] in keywords()


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_in_a_message_is_followed(setting: str) -> None:
    assert any(setting in advice.message for advice in ADVICES) or setting in GIVEN_NOT_ADVISED | WARNED_OF


GIVEN_NOT_ADVISED = {'kinetic="known'}
"""Settings that a message repeats; as advice they are followed, too."""

WARNED_OF = {"apply_constraint=False"}
"""Settings that a warning advises: tests/structures/test_held_atoms.py follows them."""


def test_settings_are_found() -> None:
    assert {'axes="laboratory', "targets='positions", "bonds=Bonds", "updatable=True"} <= set(SETTINGS)
