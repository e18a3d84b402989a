"""The specification of an inference environment: one document, written once, laid out in four formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimizer.reports.specification.findings import Findings
    from optimizer.solve import SolveSettings

FORMATS = ("html", "markdown", "docx", "pdf")

DRAWN = ("jinja2", "matplotlib")
"""Libraries that every whole specification needs: its templates, its chart."""


def write_specification(
    found: Findings,
    settings: SolveSettings,
    language: str,
    form: str,
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
    from optimizer.documents.pictures import Pictures
    from optimizer.documents.publish import published
    from optimizer.reports.specification.compose import compose
    from optimizer.reports.specification.pictures import draw_frontier

    document, writer = compose(found, language, command, own)
    picture = draw_frontier(found, settings, writer)
    pictures = Pictures({} if picture is None else {"frontier": picture}, logo,
                        command=f"gpumix pareto {found.loaded.label} --chart frontier.svg")
    files: list[tuple[str, bytes]] = []
    if form == "markdown" and beside is not None and picture is not None:
        name = f"{beside}.frontier.svg"
        pictures = replace(pictures, file_names={"frontier": name})
        files = [(name, picture.svg)]
    made = published(document, form, writer, pictures, own)
    return made if isinstance(made, bytes) else made.encode(), files


def summary_text(found: Findings, language: str) -> str:
    """Write the summary page alone, for the terminal."""
    from optimizer.documents.publish import published
    from optimizer.reports.specification.compose import compose

    document, voice = compose(found, language, "", only_summary=True)
    return str(published(document, "text", voice))
