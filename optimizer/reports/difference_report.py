"""What changed between two plans: for a terminal, a ticket, or another program."""

from __future__ import annotations

from itertools import groupby

from optimizer.deploy.names import one_line
from optimizer.replay import Difference
from optimizer.replay.difference import Change, Value
from optimizer.reports.json_report import dumps
from optimizer.reports.markdown import cell
from optimizer.reports.terminal import BOLD, paint, wrap

SHA = "sha256"


def shown(figure: str, value: Value) -> str:
    """Write a value the way its figure is read.

    >>> shown("usd_per_month", 1234.5), shown("load_fraction", 0.25), shown("count", None), shown("count", 2)
    ('$1,234.50', '25.0%', 'nothing', '2')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if "usd" in figure and not figure.startswith("fx"):
            return f"${value:,.4f}" if "hour" in figure else f"${value:,.2f}"
        return f"{value:.1%}" if figure.endswith("_fraction") else f"{value:,.6g}"
    return value[:12] if figure.endswith(SHA) else value


def words(change: Change) -> str:
    """Say one change, on one line and without control characters."""
    if change.figure in ("warning", "reason"):
        return one_line(f"no more: {change.old}" if change.new is None else f"new: {change.new}")
    if change.figure == "service":
        return "no more" if change.new is None else "new"
    values = f"{shown(change.figure, change.old)} -> {shown(change.figure, change.new)}"
    percent = f" ({change.change_percent:+.1f}%)" if change.change_percent is not None else ""
    return one_line(f"{change.figure.replace('_', ' ')} {values}{percent}")


def headline(found: Difference) -> str:
    """Name both plans."""
    return f"{found.old} -> {found.new}"


def text(found: Difference) -> str:
    """Write it for a terminal."""
    lines = [paint(headline(found), BOLD)]
    if found.same:
        lines.append("nothing changed")
    for section in found.sections:
        lines += ["", paint(section.name[0].upper() + section.name[1:], BOLD)]
        for subject, changes in groupby(section.changes, key=lambda change: change.subject):
            lines += wrap(one_line(subject), "    ", "  ") if subject else []
            start = "    " if subject else "  "
            lines += [line for change in changes for line in wrap(words(change), f"{start}  ", start)]
    return "\n".join(lines) + "\n"


def markdown(found: Difference) -> str:
    """Write it as Markdown."""
    lines = [f"# {cell(headline(found))}", ""]
    if found.same:
        lines.append("Nothing changed.")
    for section in found.sections:
        lines += [f"## {section.name[0].upper() + section.name[1:]}", "", "| of | figure | old | new | change |",
                  "|---|---|---|---|---|"]
        for change in section.changes:
            percent = "" if change.change_percent is None else f"{change.change_percent:+.1f}%"
            values = [cell(shown(change.figure, value)) for value in (change.old, change.new)]
            lines.append(f"| {cell(change.subject)} | {cell(change.figure.replace('_', ' '))} | {values[0]} | "
                         f"{values[1]} | {percent} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def json(found: Difference) -> str:
    """Write it for other programs."""
    return dumps({
        "schema_version": 1, "old": found.old, "new": found.new, "same": found.same,
        "sections": [{"name": section.name, "changes": [
            {"subject": change.subject, "figure": change.figure, "old": change.old, "new": change.new,
             "change_percent": change.change_percent} for change in section.changes]} for section in found.sections],
    })


DIFFERENCE_REPORTS = {"text": text, "json": json, "markdown": markdown}
