"""The page of results: one section changes, the others stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import results_page


def test_sections_are_replaced_and_kept_in_order() -> None:
    page = results_page.TITLE
    for name in ("potentials", "lattice_optimisers", "no_graph"):
        page = results_page.with_section(page, name, f"about {name}\n")
    again = results_page.with_section(page, "potentials", "better\n")
    assert again == page.replace("about potentials\n", "better\n")
    assert again.startswith(results_page.TITLE)
    assert again.index("about lattice_optimisers") < again.index("better") < again.index("about no_graph")


def test_sections_of_other_versions_are_kept() -> None:
    page = results_page.with_section(results_page.TITLE, "from_elsewhere", "foreign\n")
    assert "foreign\n" in results_page.with_section(page, "potentials", "ours\n")


def test_publishing_writes_the_page_with_its_origin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "RESULTS.md"
    options = results_page.parse("Doc.\n\nMore.", ["--output", str(tmp_path / "figures"), "--page", str(page)])
    (tmp_path / "figures" / "potentials.png").touch()
    results_page.publish("potentials", "Potentials", results_page.table(["a", "b"], [[0.123456, None]]), options)
    assert "| 0.123 | – |" in page.read_text(encoding="utf-8")
    assert "`examples/paper/potentials.py`" in page.read_text(encoding="utf-8")
    assert "![potentials](figures/potentials.png)" in page.read_text(encoding="utf-8")
    assert "| a | b |" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "RESULTS.md"}


def test_quick_runs_leave_the_page_alone(tmp_path: Path) -> None:
    assert results_page.parse("Doc.", ["--quick", "--output", str(tmp_path)]).page is None
    assert results_page.parse("Doc.", ["--output", str(tmp_path)]).page == results_page.PAGE


def test_clock_measures_its_block() -> None:
    with results_page.clocked() as clock:
        sum(range(10**6))
    assert clock.cpu > 0.0
    assert clock.wall > 0.0
