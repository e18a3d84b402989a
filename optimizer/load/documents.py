"""What documents are written with: templates, wording, logos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.text import decode, read_bytes
from optimizer.load.yaml_files import parse_mapping

LARGEST_LOGO_BYTES = 5_000_000

LOGO_STARTS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
"""How a picture begins, and what it is."""

TEMPLATE_ENDINGS = (".xml", ".html", ".typ", ".css")


def shipped_documents_dir() -> Path:
    """Return the folder of the shipped templates and wordings."""
    return Path(__file__).resolve().parent.parent / "reports" / "specification" / "templates"


def read_templates(folder: Path) -> dict[str, str]:
    """Return the templates below a folder by their path in it: `ja/summary.xml`.

    Raises:
        InputError: there is no such folder, or a file is no text.
    """
    if not folder.is_dir():
        raise InputError([Fault("--template", str(folder), "no such folder", "a folder of templates")])
    paths = sorted(path for path in folder.rglob("*") if path.suffix in TEMPLATE_ENDINGS and path.is_file())
    return {path.relative_to(folder).as_posix(): decode(read_bytes(path), str(path)) for path in paths}


def own_templates(folder: Path) -> dict[str, str]:
    """Return a company's own templates, each in place of a shipped one of the same name.

    Raises:
        InputError: with every file that replaces none; or when there is none at all.
    """
    layouts = shipped_documents_dir().parent.parent.parent / "documents" / "layouts"
    known, own = {**read_templates(shipped_documents_dir()), **read_templates(layouts)}, read_templates(folder)
    allowed = ", ".join(sorted(known))
    faults = [
        Fault("--template", str(folder / name), "a template that replaces none", allowed)
        for name in own if name not in known
    ]
    if not own:
        faults.append(Fault("--template", str(folder), "no template", allowed))
    if faults:
        raise InputError(faults)
    return own


def read_logo(path: Path) -> tuple[str, bytes]:
    """Return a logo's kind, `png` or `jpg`, and its bytes.

    Raises:
        InputError: the file is missing, too large, or no such picture.
    """
    data = read_bytes(path, f"--logo: {path}")
    kind = next((kind for start, kind in LOGO_STARTS.items() if data.startswith(start)), None)
    if kind is None:
        raise InputError([Fault("--logo", str(path), "no PNG and no JPEG picture", "a .png or .jpg file")])
    if len(data) > LARGEST_LOGO_BYTES:
        found = f"{len(data):,} bytes"
        raise InputError([Fault("--logo", str(path), found, f"at most {LARGEST_LOGO_BYTES:,} bytes")])
    return kind, data


def read_known_services() -> list[dict[str, Any]]:
    """Return the speeds of services that readers know."""
    path = shipped_documents_dir() / "known_services.yaml"
    return list(parse_mapping(decode(read_bytes(path), path.name), path.name)["services"])
