"""Outputs of the documentation are those of its programs: what is stale is found."""

from __future__ import annotations

from pathlib import Path

import pytest
import run_pages

PAGE = """# A page

```python
number = 2.5
print("the number", number)
```

```text
{output}
```

```python
assert number == 2.5
```

The end.
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a page whose output has other digits and blanks than its program."""
    path = tmp_path / "page.md"
    path.write_text(PAGE.format(output="the   number 2.49"))
    return path


def test_numbers_may_differ(page: Path) -> None:
    assert run_pages.main([str(page)]) == 0


@pytest.mark.parametrize("output", ["the digit 2.5", "the number", "the number 2.5 eV", "the number 2.5\nand more", ""])
def test_stale_outputs_are_found(output: str, page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page.write_text(PAGE.format(output=output))
    assert run_pages.main([str(page)]) == 1
    assert "but the program prints\nthe number 2.5" in capsys.readouterr().out


def test_outputs_are_written(page: Path) -> None:
    page.write_text(PAGE.format(output=""))
    assert run_pages.main(["--write", str(page)]) == 0
    assert page.read_text() == PAGE.format(output="the number 2.5")


def test_failures_are_not_hidden(page: Path) -> None:
    page.write_text("```python\nraise ValueError(1)\n```\n")
    with pytest.raises(ValueError, match="1"):
        run_pages.main([str(page)])
    page.write_text("```console\nase-rfhgn info absent.npz\n```\n")
    with pytest.raises(RuntimeError, match="this command failed"):
        run_pages.main([str(page)])


def test_pages_that_need_what_is_not_there_are_left_out(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page.write_text("<!-- needs: no_such_library -->\n```python\nraise ValueError\n```\n")
    assert run_pages.main([str(page)]) == 0
    assert "left out, needs no_such_library" in capsys.readouterr().out


def test_tutorials_show_outputs() -> None:
    tutorials = [path.read_text(encoding="utf-8") for path in run_pages.PAGES]
    assert len(tutorials) == 11
    shown = [text for text in tutorials if any(block[3] for block in run_pages.BLOCK.finditer(text))]
    assert len(shown) >= 9
    assert not [block for text in tutorials for block in run_pages.BLOCK.finditer(text) if block[3] == ""]
