"""What a check of the whole catalog found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.integrity import Finding, Findings
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, GREEN, RED, YELLOW, paint, table, wrap
from optimizer.reports.wording import counted

Row = dict[str, object]

MOST_KEYS = 8
"""Rows named as text under one finding."""


def findings(checked: Findings, form: str) -> str:
    """Render what a check of the catalog found."""
    forms = {"text": _text, "json": _json, "csv": _csv, "markdown": _markdown}
    return forms[form](checked)


def _grouped(found: Iterable[Finding]) -> dict[tuple[str, str], list[str]]:
    """Group findings that say the same of several rows."""
    groups: dict[tuple[str, str], list[str]] = {}
    for finding in found:
        groups.setdefault((finding.table, finding.message), []).append(finding.key)
    return groups


def verdict(checked: Findings) -> str:
    """Say in a line whether the catalog holds."""
    errors, warnings = counted(len(checked.errors), "error"), counted(len(checked.warnings), "warning")
    return f"{'BROKEN' if checked.errors else 'SOUND'}: {errors}, {warnings}"


def _text(checked: Findings) -> str:
    head = ("table", "rows", "from overlay") if checked.overlays else ("table", "rows")
    sizes = [(size.table, f"{size.rows:,}", str(size.from_overlay or ""))[: len(head)] for size in checked.tables]
    lines = [paint(f"catalog {checked.sha256[:12]}", BOLD), *table([head, *sizes], (1, 2))]
    for name, keys in _overlaid_by_table(checked).items():
        lines += wrap(f"from your overlay, {name}: {'; '.join(keys)}", "    ", "  ")
    lines += ["", paint(verdict(checked), BOLD, RED if checked.errors else GREEN)]
    for colour, found in ((RED, checked.errors), (YELLOW, checked.warnings)):
        for (name, message), keys in _grouped(found).items():
            severity = found[0].severity
            title = f"{severity}: {name}: {message}" + (f" ({len(keys)})" if len(keys) > 1 else "")
            lines += [paint(line, colour) for line in wrap(title, "    ", "  ")]
            lines += wrap(_few(keys), "      ")
    return "\n".join(lines) + "\n"


def _few(keys: list[str]) -> str:
    """Write the first keys, and how many more there are: other forms name them all."""
    more = len(keys) - MOST_KEYS
    return "; ".join(keys) if more <= 1 else f"{'; '.join(keys[:MOST_KEYS])}; and {more} more"


def _overlaid_by_table(checked: Findings) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, key in checked.overlaid:
        named.setdefault(name, []).append(key)
    return named


def _finding_rows(checked: Findings) -> list[Row]:
    return [asdict(finding) for finding in checked.found]


def _json(checked: Findings) -> str:
    return json_report.dumps({
        "sound": not checked.errors, "catalog_sha256": checked.sha256, "overlays": list(checked.overlays),
        "tables": {size.table: {"rows": size.rows, "from_overlay": size.from_overlay} for size in checked.tables},
        "overlaid": _overlaid_by_table(checked), "findings": _finding_rows(checked),
    })


def _csv(checked: Findings) -> str:
    return rows_as_csv(("severity", "table", "key", "message", "from_overlay"), _finding_rows(checked))


def _markdown(checked: Findings) -> str:
    lines = [f"**{verdict(checked)}** (catalog `{checked.sha256}`)\n"]
    sizes = [(size.table, size.rows, size.from_overlay) for size in checked.tables]
    lines += markdown_table(("table", "rows", "from overlay"), sizes)
    lines.append("")
    rows = [(f.severity, f.table, f.key, f.message) for f in checked.found]
    return "\n".join([*lines, *markdown_table(("severity", "table", "row", "finding"), rows)]) + "\n"
