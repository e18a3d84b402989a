"""Results as documents: one function each, a result in, a document out; `documents` writes them."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.schema.plan import Plan


def written(plan: Plan, form: str, language: str = "en") -> str | bytes:
    """Write a plan in any format of documents.

    Raises:
        KeyError: there is no such language.
    """
    from optimizer.documents.publish import published
    from optimizer.messages import voice_of
    from optimizer.reports.plan_report import plan_document

    return published(plan_document(plan), form, voice_of(language))


def _as(form: str) -> Callable[[Plan], str]:
    return lambda plan: str(written(plan, form))


REPORTS: dict[str, Callable[[Plan], str]] = {form: _as(form) for form in ("text", "json", "csv", "markdown", "html")}
"""By the name that --format takes, in English."""

__all__ = ["REPORTS", "written"]
