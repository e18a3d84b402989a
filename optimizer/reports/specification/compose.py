"""From findings to a document: templates write it, nothing is laid out yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from optimizer.costs import rate_per_usd
from optimizer.documents.document import Document
from optimizer.documents.templates import written
from optimizer.load.documents import read_templates, shipped_documents_dir
from optimizer.messages import Voice, voice_of
from optimizer.reports.periods_report import period_sections
from optimizer.reports.quarters_report import Quarters, quarter_sections
from optimizer.reports.specification.context import capitalize_first, context_of
from optimizer.reports.specification.findings import Findings
from optimizer.reports.specification.markup import read_document
from optimizer.schema.base import Currency
from optimizer.schema.plan import Plan

SUMMARY = """<document language="{{ w.language }}" title="" subtitle="" table="" figure="" contents="" page="">
{% include "summary.xml" %}
</document>"""
"""The first page alone."""


def templates_with(own: Mapping[str, str]) -> dict[str, str]:
    """Return the shipped templates, with a company's own in their place."""
    return {**read_templates(shipped_documents_dir()), **own}


def voice_for(found: Findings, language: str) -> Voice:
    """Return who speaks a language to the readers of a problem; Japanese ones see yen beside dollars."""
    problem, catalog = found.loaded.problem, found.catalog
    currency: Currency = problem.currency
    if currency == "USD" and language == "ja" and "JPY" in catalog.fx:
        currency = "JPY"
    services = tuple(service.service_id for service in problem.services)
    return voice_of(language, currency, float(rate_per_usd(catalog, problem, currency)), services, printed=True)


def filters_of(voice: Voice) -> dict[str, Callable[..., str]]:
    """Return what templates call with `|`."""
    return {
        "word": voice.word, "num": voice.number, "short": voice.short, "pct": voice.percent, "usd": voice.usd,
        "local": voice.local, "money": voice.money, "cell": voice.local, "about": voice.about, "signed": voice.signed,
        "change": voice.change, "date": voice.date, "t": voice.say, "tidy": voice.tidy,
        "capitalize_first": capitalize_first,
    }


def compose(
    found: Findings, language: str, command: str, own: Mapping[str, str] | None = None, only_summary: bool = False
) -> tuple[Document, Voice]:
    """Write a document; also return who words it.

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
    voice = voice_for(found, language)
    markup = written(mine, start, context_of(found, voice, command), filters_of(voice), f"{language}/")
    document = read_document(markup, f"{language}/{start}")
    return document if only_summary else _with_periods(document, found.plan), voice


def _with_periods(document: Document, plan: Plan) -> Document:
    """Add what a plan of several periods, of shared nodes or of quarters says beside one peak, behind its cost."""
    shown = Quarters.of(plan)
    more = [*(quarter_sections(shown) if shown else ()), *period_sections(plan)] if plan.periods else []
    more = [one for one in more if one.blocks]
    place = next((i for i, one in enumerate(document.sections) if one.ident == "cost"), None)
    if place is None or not more:
        return document
    sections = (*document.sections[: place + 1], *more, *document.sections[place + 1:])
    first = document.sections[place].number
    return replace(document, sections=tuple(
        replace(one, number=first + i - place) if first and i > place else one for i, one in enumerate(sections)))
