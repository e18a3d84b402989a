"""The specification of an inference environment: one document, written once, laid out in four formats."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optimizer.errors import Fault, InputError

if TYPE_CHECKING:
    from optimizer.reports.specification.findings import Findings
    from optimizer.reports.specification.writer import Language
    from optimizer.solve import SolveSettings

DocumentFormat = Literal["html", "markdown", "docx", "pdf"]

LIBRARIES: dict[str, tuple[str, ...]] = {
    "text": ("jinja2",), "html": ("jinja2", "matplotlib"), "markdown": ("jinja2", "matplotlib"),
    "docx": ("jinja2", "matplotlib", "docx"), "pdf": ("jinja2", "matplotlib", "typst", "matplotlib_fontja"),
}
"""What each format needs; `text` is the summary in the terminal."""

LAYOUTS = {"html": "html", "markdown": "markdown", "docx": "word", "pdf": "pdf"}
"""The module that lays each format out."""

SUFFIXES: dict[str, str] = {".html": "html", ".htm": "html", ".md": "markdown", ".docx": "docx", ".pdf": "pdf"}
"""The format that a file's name asks for."""

BINARY = ("docx", "pdf")
"""Formats that no terminal can show."""


def check_libraries(form: str, option: str = "--format") -> None:
    """Check, before anything is solved, that a document can be written.

    Raises:
        InputError: a library is missing.
    """
    missing = [name for name in LIBRARIES[form] if importlib.util.find_spec(name) is None]
    if missing:
        found = f"{form} without {' and without '.join(missing)}"
        raise InputError([Fault("options", option, found, "what pip install 'gpumix[spec]' adds")])


def write_specification(
    found: Findings,
    settings: SolveSettings,
    language: Language,
    form: DocumentFormat,
    command: str,
    own: Mapping[str, str] | None = None,
    logo: tuple[str, bytes] | None = None,
    beside: str | None = None,
) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """Write a specification.

    Args:
        command: what writes it again.
        own: a company's templates, in place of the shipped ones of the same name.
        logo: kind (`png` or `jpg`) and bytes.
        beside: name without ending of the file that Markdown goes to; its picture lies beside it. None: there is none.

    Returns:
        The document, and the files that belong beside it by name.

    Raises:
        InputError: an own template is broken.
    """
    from optimizer.reports.specification.compose import compose
    from optimizer.reports.specification.pictures import Pictures, draw_frontier

    document, writer = compose(found, language, command, own)
    picture = draw_frontier(found, settings, writer)
    pictures = Pictures({} if picture is None else {"frontier": picture}, logo,
                        command=f"gpumix pareto {found.loaded.label} --chart frontier.svg")
    files: list[tuple[str, bytes]] = []
    if form == "markdown" and beside is not None and picture is not None:
        name = f"{beside}.frontier.svg"
        pictures = replace(pictures, file_names={"frontier": name})
        files = [(name, picture.svg)]
    render = importlib.import_module(f"optimizer.reports.specification.{LAYOUTS[form]}").render
    return render(document, pictures, own or {}), files


def summary_text(found: Findings, language: Language) -> str:
    """Write the summary page alone, for the terminal."""
    from optimizer.reports.specification.compose import compose
    from optimizer.reports.specification.terminal import render

    document, _ = compose(found, language, "", only_summary=True)
    return render(document)


def form_of(form: str | None, output: Path | None) -> DocumentFormat:
    """Choose the format: the one asked for, else the one of the file's ending, else HTML.

    Raises:
        InputError: a format that no terminal can show has no file, or the file's ending asks for another one.
    """
    by_name = None if output is None else SUFFIXES.get(output.suffix.lower())
    chosen: DocumentFormat = form or by_name or "html"  # type: ignore[assignment]
    if output is None and chosen in BINARY:
        raise InputError([Fault("options", "--format", f"{chosen} without --output", "--output FILE beside it")])
    if by_name is not None and by_name != chosen:
        raise InputError([Fault("--output", str(output), f"the ending of {by_name}", f"an ending for {chosen}")])
    return chosen
