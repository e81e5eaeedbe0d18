"""The report: one file that stands alone, whose sections say what a model can and cannot do."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write
from conftest import MakePotential, strained_copper

from ase_rfhgn.cli import main as cli
from ase_rfhgn.cli.report_properties import property_section
from ase_rfhgn.cli.report_runs import run_section
from ase_rfhgn.errors import ConvergenceError, StructureError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.phonons import phonons
from ase_rfhgn.reports.comparison import Comparison, Prediction, compare
from ase_rfhgn.reports.distances import radial_distributions
from ase_rfhgn.reports.page.document import Block, Figure, Note, Section, Table, page
from ase_rfhgn.reports.short_range import pair_curves
from ase_rfhgn.reports.worst_frames import worst_frames
from ase_rfhgn.structures.frame import Frame

VOID = {"meta", "link", "img"}
HOSTILE = '<script>alert("1")</script> & \x00 Å'


class Reader(HTMLParser):
    """Collects texts, tags, images and links of a page, and checks that its tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.open += [tag] if tag not in VOID else []
        self.images += [value or "" for name, value in attrs if name == "src"]
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        """Close a tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an updatable model of copper, its training frames and test frames of two groups."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(5)
    frames = [strained_copper(rng) for _ in range(16)]
    for number, atoms in enumerate(frames):
        atoms.info["config_type"] = HOSTILE if number % 2 else "even"
    write(folder / "train.traj", frames[:10])
    write(folder / "test.traj", frames[10:])
    fit(frames[:10], cutoff=4.0, channels=5, projections=1, updatable=True).save(folder / "m.npz")
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> Reader:
    """Return the report on that model, with everything in it."""
    words = [
        "report",
        "m.npz",
        "--test",
        "test.traj",
        "--train",
        "train.traj",
        "--structure",
        "POSCAR",
        "-o",
        "report.html",
    ]
    write(folder / "POSCAR", bulk("Cu"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("ase_rfhgn.cli.report_runs.STEPS", 40)
        patch.setattr("ase_rfhgn.cli.report_runs.FIRST", 20)
        small = partial(phonons, supercell=(2, 2, 2), points=4)
        patch.setattr("ase_rfhgn.cli.report_properties.phonons", small)
        assert cli.main(words) == 0
    return Reader((folder / "report.html").read_text(encoding="utf-8"))


def test_a_report_stands_alone(report: Reader) -> None:
    assert report.images
    assert all(image.startswith(("data:image/svg+xml;base64,", "data:image/png;base64,")) for image in report.images)
    assert not [link for link in report.links if not link.startswith(("#", "data:,"))]
    assert not {"script", "iframe", "object"} & set(report.tags)
    for image in report.images:
        content = b64decode(image.partition(",")[2], validate=True)
        assert content.startswith((b"<?xml", b"\x89PNG"))
        references = re.findall(rb"""(?:href|src)=["']([^"']+)""", content) if content.startswith(b"<?xml") else []
        assert not [one for one in references if not one.startswith((b"#", b"data:"))]


def test_all_sections_are_there_and_linked(report: Reader) -> None:
    links = [link[1:] for link in report.links if link.startswith("#")]
    assert links[:5] == ["card", "validity", "errors", "error-bars", "grades"]
    assert {"worst", "learning-curve", "properties", "short-range", "distances"} <= set(links)
    for word in (
        "fingerprint",
        "short-range repulsion",
        "even",
        "All fits were judged by the same",
        "300 K with the model",
    ):
        assert word in report.text, word


def test_without_a_structure_the_lowest_frame_is_the_crystal(copper: Potential) -> None:
    high, low = bulk("Cu", a=3.7, cubic=True), bulk("Cu", a=3.6, cubic=True)
    comparisons = list(compare(copper, [high, low]))
    section = property_section(copper, None, comparisons)
    captions = " ".join(block.caption for block in section.blocks if isinstance(block, Figure | Table))
    assert "Energy over volume" in captions
    assert "Elastic constants" in captions
    assert "Phonons" not in captions
    assert property_section(copper, molecule("H2O"), comparisons).blocks == ()


def test_what_cannot_be_computed_is_said(copper: Potential, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        message = "does not relax"
        raise ConvergenceError(message)

    for name in ("equation_of_state", "elastic_constants", "phonons"):
        monkeypatch.setattr(f"ase_rfhgn.cli.report_properties.{name}", fail)
    notes = property_section(copper, bulk("Cu"), []).blocks[1:]
    assert notes == [Note("Not computed: does not relax.", is_warning=True)] * 3


def test_a_run_that_bursts_is_said(copper: Potential, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> list[Atoms]:
        message = "atoms coincide"
        raise StructureError(message)

    monkeypatch.setattr("ase_rfhgn.cli.report_runs._run", burst)
    known = {"test frames": radial_distributions([bulk("Cu")], 3.0)}
    first, *others = run_section(copper, bulk("Cu"), 300.0, known).blocks
    assert isinstance(first, Note)
    assert first.is_warning
    assert "it burst: atoms coincide" in first.text
    assert len(others) == 1


def test_names_of_users_are_text(report: Reader) -> None:
    assert '<script>alert("1")</script> &' in report.text


def test_a_report_of_a_model_alone_says_that_nothing_was_tested(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert cli.main(["report", "m.npz", "-o", "alone.html", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sections"] == ["card", "validity", "short-range"]
    assert found["test"] is None
    assert found["fingerprint"] == Potential.load("m.npz").fingerprint
    assert "nothing here says how accurate" in Reader(Path("alone.html").read_text(encoding="utf-8")).text


@pytest.mark.parametrize(
    "words",
    [
        ["--test", "test.traj", "-o", "test.traj"],
        ["--test", "absent.traj", "-o", "new.html"],
        ["--test", "test.traj", "--temperature", "-1", "-o", "new.html"],
        ["--structure", "absent.cif", "-o", "new.html"],
    ],
    ids=["output is an input", "no test frames", "negative temperature", "no structure"],
)
def test_bad_input_leaves_nothing(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert cli.main(["report", "m.npz", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not Path("new.html").exists()


def test_a_page_escapes_everything() -> None:
    blocks: list[Block] = [
        Note(HOSTILE, is_warning=True),
        Table((HOSTILE,), [(HOSTILE,)], HOSTILE),
        Figure(b"", "image/png", HOSTILE),
    ]
    reader = Reader(page(HOSTILE, HOSTILE, [Section("one", HOSTILE, blocks), Section("two", "left out")]))
    assert "script" not in reader.tags
    assert "left out" not in reader.text
    assert "\x00" not in reader.text


def compared(atoms: Atoms, error_nc: Callable[[int], float]) -> Comparison:
    """Return a frame whose predicted forces are wrong by a number per atom."""
    force_nc = np.array([[error_nc(n), 0.0, 0.0] for n in range(len(atoms))])
    frame = Frame(atoms, 0.0, np.zeros_like(force_nc), None, f"frame of {atoms.symbols}")
    return Comparison(frame, Prediction(0.001 * len(atoms), force_nc, None, None))


def test_the_worst_frame_and_its_worst_atom_come_first() -> None:
    water, oxygen = molecule("H2O"), molecule("O2")
    comparisons = [compared(water, lambda n: 3.0 if n == 0 else 1.0), compared(oxygen, lambda _: 3.0)]
    worst, other = worst_frames(comparisons, 5)
    assert (worst.comparison, other.worst_atom) == (comparisons[1], 0)


def test_radial_distributions_of_a_crystal_count_its_shells() -> None:
    atoms = bulk("Cu", a=3.6, cubic=True)
    (found,) = radial_distributions([atoms], 3.0)
    assert found.is_relative
    assert found.shortest == pytest.approx(3.6 / np.sqrt(2.0))
    edges = np.linspace(0.0, 3.0, len(found.distance_i) + 1)
    shells = found.density_i * 4.0 / 3.0 * np.pi * np.diff(edges**3) * 4.0 / 3.6**3
    assert shells.sum() == pytest.approx(12.0)


def test_radial_distributions_of_molecules_count_atoms() -> None:
    found = {(one.first, one.second): one for one in radial_distributions([molecule("H2O")], 3.0)}
    width = 3.0 / len(found["H", "O"].distance_i)
    assert found["H", "O"].density_i.sum() * width == pytest.approx(1.0)
    assert found["O", "O"].shortest is None
    assert not found["H", "O"].is_relative


def test_pairs_that_attract_at_short_distance_are_told(make_potential: MakePotential, copper: Potential) -> None:
    (fitted,) = pair_curves(copper)
    assert fitted.repels
    assert fitted.energy_i[-1] == pytest.approx(0.0, abs=1e-9)
    random = make_potential(["Cu", "Ni"], np.random.default_rng(0))
    assert [(one.first, one.second) for one in pair_curves(random)] == [("Ni", "Ni"), ("Ni", "Cu"), ("Cu", "Cu")]


def test_comparisons_of_frames_without_forces_have_worst_frames_by_energy(copper: Potential) -> None:
    atoms = bulk("Cu", cubic=True)
    comparisons = [
        Comparison(Frame(atoms, label, None, None, str(label)), next(iter(compare(copper, [atoms]))).evaluation)
        for label in (-1.0, -50.0)
    ]
    assert worst_frames(comparisons, 1)[0].comparison is comparisons[1]
