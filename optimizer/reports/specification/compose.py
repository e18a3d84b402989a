"""From findings to a document: templates write it, nothing is laid out yet."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from optimizer.costs import rate_per_usd
from optimizer.errors import Fault, InputError
from optimizer.load.documents import read_templates, read_wording, shipped_documents_dir
from optimizer.reports.specification.context import capitalize_first, context_of
from optimizer.reports.specification.document import Document
from optimizer.reports.specification.findings import Findings
from optimizer.reports.specification.markup import printable, read_document
from optimizer.reports.specification.writer import Language, Pattern, Writer

SUMMARY = """<document language="{{ w.language }}" title="" subtitle="" table="" figure="" contents="" page="">
{% include "summary.xml" %}
</document>"""
"""The first page alone."""


FAULTS_OF_TEMPLATES = (
    TemplateError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError, MemoryError,
)
"""What writing with a broken template ends in."""


def environment(texts: Mapping[str, str]) -> SandboxedEnvironment:
    """Return what templates are written with: every value is escaped, an unknown name is a fault."""
    return SandboxedEnvironment(
        loader=FunctionLoader(lambda name: (texts[name], name, None) if name in texts else None), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False,
        finalize=_printable,
    )


def _printable(value: object) -> object:
    """Keep out what no document may hold; text that is markup already stays so."""
    return type(value)(printable(value)) if isinstance(value, str) else value


def templates_with(own: Mapping[str, str]) -> dict[str, str]:
    """Return the shipped templates, with a company's own in their place."""
    return {**read_templates(shipped_documents_dir()), **own}


def writer_for(found: Findings, language: Language) -> Writer:
    """Return the writer of a language; Japanese readers see yen beside dollars."""
    problem, catalog = found.loaded.problem, found.catalog
    currency = problem.currency
    if currency == "USD" and language == "ja" and "JPY" in catalog.fx:
        currency = "JPY"
    words, patterns = read_wording(language)
    known = tuple(Pattern.of(written, reads) for written, reads in patterns.items())
    services = tuple(service.service_id for service in problem.services)
    return Writer(language, words, known, currency, float(rate_per_usd(catalog, problem, currency)), services)


def written(
    texts: Mapping[str, str], start: str, values: Mapping[str, Any], filters: Mapping[str, Any], folder: str = ""
) -> str:
    """Write with templates.

    Args:
        folder: where the templates lie, with its slash; told beside the name of a broken one.

    Raises:
        InputError: a template is broken, or names something that there is not.
    """
    made = environment(texts)
    made.filters.update(filters)
    try:
        return str(made.get_template(start).render(values))
    except TemplateSyntaxError as error:
        found = f"a template that cannot be read ({error.message})"
        name = folder + (error.name or start)
        raise InputError([Fault(name, f"line {error.lineno}", found, "a Jinja template")]) from None
    except FAULTS_OF_TEMPLATES as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in texts]
        place, line = (frames[-1].filename, frames[-1].lineno) if frames else (start, 1)
        why = "it includes itself without end" if isinstance(error, RecursionError) else str(error)
        found = f"a template that cannot be filled in ({why})"
        allowed = "names and filters of the shipped templates"
        raise InputError([Fault(folder + place, f"line {line}", found, allowed)]) from None


def compose(
    found: Findings, language: Language, command: str, own: Mapping[str, str] | None = None, only_summary: bool = False
) -> tuple[Document, Writer]:
    """Write a document; the writer returned knows the sentences that it could not translate.

    Args:
        command: what writes this document again.
        own: a company's templates, in place of the shipped ones of the same name.
        only_summary: the first page alone.

    Raises:
        InputError: an own template is broken.
    """
    texts = templates_with(own or {})
    mine = {name.removeprefix(f"{language}/"): text for name, text in texts.items() if name.startswith(f"{language}/")}
    start = "summary only" if only_summary else "specification.xml"
    mine["summary only"] = SUMMARY
    writer = writer_for(found, language)
    values = context_of(found, writer, command)
    markup = written(mine, start, values, {**writer.filters(), "capitalize_first": capitalize_first},
                     f"{language}/")
    return read_document(markup, f"{language}/{start}"), writer
