"""HTML of a report: sections of notes, tables and figures become one page.

Elements are made by `xml.etree.ElementTree`, which escapes all texts: names of files and groups come from
users. Figures are inline, as data addresses.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, tostring


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph of text.

    Attributes
    ----------
    text : str
        The text.
    is_warning : bool
        Whether a reader must not miss it.
    """

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes
    ----------
    head : sequence of str
        Names of the columns, with units.
    rows : sequence of sequences of str
        Cells.
    caption : str
        What the table shows.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """An image with a caption.

    Attributes
    ----------
    image : bytes
        Content of an SVG or PNG file.
    mime : str
        Type of the image.
    caption : str
        What the image shows, and how to read it.
    """

    image: bytes
    mime: str
    caption: str


Block: TypeAlias = Note | Table | Figure

VIEWPORT = (("width", "device-width"), ("initial-scale", "1"))
"""Lets telephones show the page at its own size."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    name : str
        Anchor of the section: a word.
    title : str
        Its title.
    blocks : sequence of Note, Table or Figure
        Its contents; figures that follow each other stand side by side where there is room.
    """

    name: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def page(title: str, summary: str, sections: Sequence[Section]) -> str:
    """Return a whole page as HTML.

    Parameters
    ----------
    title, summary : str
        Title, and one sentence below it.
    sections : sequence of Section
        Sections; those without contents are left out.
    """
    shown = [section for section in sections if section.blocks]
    html = Element("html", lang="en")
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content=", ".join(map("=".join, VIEWPORT)))
    SubElement(head, "link", rel="icon", href="data:,")
    _text(head, "title", title)
    _text(head, "style", (files(__package__) / "style.css").read_text(encoding="utf-8"))
    body = SubElement(html, "body")
    header = SubElement(body, "header")
    _text(header, "h1", title)
    _text(header, "p", summary)
    contents = SubElement(header, "nav")
    for section in shown:
        _text(contents, "a", section.title).set("href", f"#{section.name}")
    main = SubElement(body, "main")
    for section in shown:
        _add_section(main, section)
    return f"<!DOCTYPE html>\n{tostring(html, encoding='unicode', method='html')}\n"


def _add_section(main: Element, section: Section) -> None:
    own = SubElement(main, "section", id=section.name)
    _text(own, "h2", section.title)
    row: Element | None = None
    for block in section.blocks:
        if isinstance(block, Figure):
            row = SubElement(own, "div", {"class": "figures"}) if row is None else row
            _add_figure(row, block)
            continue
        row = None
        if isinstance(block, Table):
            _add_table(own, block)
        else:
            _text(own, "p", block.text).set("class", "warning" if block.is_warning else "note")


def _add_table(parent: Element, table: Table) -> None:
    if table.caption:
        _text(parent, "p", table.caption).set("class", "caption")
    frame = SubElement(parent, "div", {"class": "table"})
    element = SubElement(frame, "table", {"aria-label": table.caption} if table.caption else {})
    head = SubElement(SubElement(element, "thead"), "tr")
    for name in table.head:
        _text(head, "th", name).set("scope", "col")
    body = SubElement(element, "tbody")
    for cells in table.rows:
        row = SubElement(body, "tr")
        for number, cell in enumerate(cells):
            if number:
                _text(row, "td", cell)
            else:
                _text(row, "th", cell).set("scope", "row")


def _add_figure(parent: Element, figure: Figure) -> None:
    element = SubElement(parent, "figure")
    address = f"data:{figure.mime};base64,{b64encode(figure.image).decode('ascii')}"
    SubElement(element, "img", src=address, alt=figure.caption)
    _text(element, "figcaption", figure.caption)


def _text(parent: Element, tag: str, text: str) -> Element:
    """Return a new element that holds a text; characters that HTML cannot hold are left out."""
    element = SubElement(parent, tag)
    element.text = "".join(letter for letter in text if letter.isprintable() or letter in "\n ")
    return element
