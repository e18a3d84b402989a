"""A document as one HTML file: no script, nothing from elsewhere, made to be printed on A4."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from markupsafe import Markup

from optimizer.reports.specification.compose import templates_with, written
from optimizer.reports.specification.document import Document
from optimizer.reports.specification.pictures import Pictures


def _embedded(kind: str, data: bytes) -> str:
    """Write a picture into an address."""
    mime = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}[kind]
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def render(document: Document, pictures: Pictures, own: Mapping[str, str]) -> bytes:
    """Lay a document out as HTML."""
    texts = templates_with(own)
    values = {
        "doc": document,
        "style": Markup(texts["style.css"].replace("</", "<\\/")),  # a style sheet of our own: no place for a tag
        "pictures": {name: _embedded("svg", picture.svg) for name, picture in pictures.figures.items()},
        "logo": _embedded(*pictures.logo) if pictures.logo else "",
        "kind_of": lambda block: type(block).__name__,
    }
    return (written(texts, "page.html", values, {}).strip() + "\n").encode()
