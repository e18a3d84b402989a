"""A document as one HTML file: no script, nothing from elsewhere, made to be printed on A4."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from optimizer.documents.document import Document, Table, with_details
from optimizer.documents.pictures import Pictures
from optimizer.documents.templates import shipped_layouts, written


def _embedded(kind: str, data: bytes) -> str:
    """Write a picture into an address."""
    mime = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}[kind]
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def render(document: Document, pictures: Pictures, own: Mapping[str, str]) -> bytes:
    """Lay a document out as HTML."""
    from markupsafe import Markup

    texts = {**shipped_layouts(), **own}
    values = {
        "doc": document,
        "style": Markup(texts["style.css"].replace("</", "<\\/")),  # a style sheet of our own: no place for a tag
        "pictures": {name: _embedded("svg", picture.svg) for name, picture in pictures.figures.items()},
        "logo": _embedded(*pictures.logo) if pictures.logo else "",
        "kind_of": lambda block: type(block).__name__,
        "whole": lambda block: with_details(block) if isinstance(block, Table) else block,
    }
    return (written(texts, "page.html", values, {}).strip() + "\n").encode()
