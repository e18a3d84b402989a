"""A document as PDF, set by Typst: no browser, no program beside Python, the same bytes each time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optimizer.documents.document import Block, Box, Document, Table, with_details
from optimizer.documents.pictures import Pictures
from optimizer.documents.templates import shipped_layouts
from optimizer.errors import Fault, InputError

LATIN_FONTS = "mpl-data/fonts/ttf"
"""Folder of DejaVu Sans in matplotlib."""

JAPANESE_FONTS = "fonts"
"""Folder of IPAex Gothic in matplotlib_fontja."""


def font_folders() -> list[Path]:
    """Return the folders of the fonts that travel as dependencies: DejaVu Sans and IPAex Gothic."""
    return [*_inside("matplotlib", LATIN_FONTS), *_inside("matplotlib_fontja", JAPANESE_FONTS)]


def _inside(package: str, folder: str) -> list[Path]:
    """Return a folder of a package, nothing where the package is absent; nothing of it is run."""
    found = find_spec(package)
    return [Path(place) / folder for place in (found.submodule_search_locations if found else None) or []][:1]


def _block(block: Block) -> dict[str, Any]:
    """Return a block as plain data with its kind."""
    block = with_details(block) if isinstance(block, Table) else block
    data = {"kind": type(block).__name__, **asdict(block)}
    return {**data, "blocks": [_block(inner) for inner in block.blocks]} if isinstance(block, Box) else data


def as_data(document: Document, logo: str) -> dict[str, Any]:
    """Return a document as plain data for the layout."""
    sections = [
        {"ident": s.ident, "title": s.title, "number": s.number, "new-page": s.new_page,
         "blocks": [_block(block) for block in s.blocks]}
        for s in document.sections
    ]
    return {
        "language": document.language, "title": document.title, "subtitle": document.subtitle, "logo": logo,
        "facts": [{"name": name, "value": value} for name, value in document.facts],
        **asdict(document.labels), "sections": sections,
    }


def render(document: Document, pictures: Pictures, own: Mapping[str, str]) -> bytes:
    """Lay a document out as PDF.

    Raises:
        InputError: an own layout is broken.
    """
    import typst

    with tempfile.TemporaryDirectory(prefix="gpumix.") as name:
        folder = Path(name)
        logo = "" if pictures.logo is None else f"logo.{pictures.logo[0]}"
        if pictures.logo is not None:
            (folder / logo).write_bytes(pictures.logo[1])
        for figure, picture in pictures.figures.items():
            (folder / f"{figure}.svg").write_bytes(picture.svg)
        data = json.dumps(as_data(document, logo), ensure_ascii=False)
        (folder / "document.json").write_text(data, encoding="utf-8")
        (folder / "page.typ").write_text({**shipped_layouts(), **own}["page.typ"], encoding="utf-8")
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(path) for path in font_folders()])
        try:
            compiled = typst.compile(str(folder / "page.typ"), root=str(folder), font_paths=fonts, format="pdf",
                                     timestamp=0)
        except typst.TypstError as error:
            raise InputError([Fault("page.typ", "", f"a layout that cannot be set ({error})", "a Typst layout")]) \
                from None
    return bytes(compiled)
