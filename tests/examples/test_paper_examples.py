"""Every experiment of `examples/paper` runs at its small size, prints a table and draws a figure."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest
import results_page

NEED_TORCH = {"lattice_optimisers", "physics_informed_gnns"}
"""Scripts that are nothing without PyTorch; others leave a part out."""


@pytest.mark.parametrize("name", results_page.ORDER)
def test_quick_run_prints_a_table_and_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in NEED_TORCH:
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[bench]")
    before = results_page.PAGE.read_bytes() if results_page.PAGE.exists() else None
    monkeypatch.setattr(sys, "argv", [name, "--quick", "--output", str(tmp_path)])
    import_module(name).main()
    assert "| --- |" in capsys.readouterr().out
    assert [path for path in tmp_path.glob("*.png") if path.stat().st_size > 0]
    assert before == (results_page.PAGE.read_bytes() if results_page.PAGE.exists() else None)


def test_every_section_has_its_script() -> None:
    folder = results_page.PAGE.parent
    assert not [name for name in results_page.ORDER if not (folder / f"{name}.py").is_file()]
