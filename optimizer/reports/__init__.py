"""Plans as people and programs read them: one function each, a plan in, text out."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.reports import csv_report, json_report, markdown, terminal
from optimizer.schema.plan import Plan

REPORTS: dict[str, Callable[[Plan], str]] = {
    "text": terminal.render,
    "json": json_report.render,
    "csv": csv_report.render,
    "markdown": markdown.render,
}
"""By the name that --format takes."""

__all__ = ["REPORTS"]
