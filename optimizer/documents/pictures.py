"""The pictures of a document by their names, and a company's logo."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.errors import Fault, InputError


@dataclass(frozen=True)
class Picture:
    """One picture, sharp at any size and as pixels."""

    svg: bytes
    png: bytes


@dataclass(frozen=True)
class Pictures:
    """Everything that is drawn, by name."""

    figures: Mapping[str, Picture] = field(default_factory=dict)
    logo: tuple[str, bytes] | None = None
    """Kind and bytes."""
    file_names: Mapping[str, str] = field(default_factory=dict)
    """Where a format that holds no pictures finds them; empty when they lie nowhere."""
    command: str = ""
    """What draws the chart, where it lies nowhere."""


def check_logo(logo: tuple[str, bytes], label: str) -> None:
    """Check that a logo is a whole picture.

    Raises:
        InputError: it is cut off or damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(logo[1])) as picture:
            picture.load()
    except Exception as error:  # Pillow raises whatever a damaged file leads to
        told = "nothing that can be drawn" if isinstance(error, UnidentifiedImageError) else error
        found = f"a damaged picture ({told})"
        raise InputError([Fault("--logo", label, found, "a .png or .jpg that opens elsewhere")]) from None
