"""Verdicts on the llm-inferno optimizer's instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gpumix_referee.inferno.judge import PoolVerdict
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, YELLOW, paint, table, wrap

COLUMNS = ("name", "model", "status", "usd_per_hour", "bound", "server", "accelerator", "replicas")


def _headline(verdict: PoolVerdict) -> str:
    cost = "no plan" if verdict.usd_per_hour is None else f"${verdict.usd_per_hour:,.4f}/h"
    proof = "" if verdict.bound is None else f", bound ${verdict.bound:,.4f}/h"
    return f"{verdict.name}, {verdict.model}: {verdict.status}, {cost}{proof}"


def _warnings(verdict: PoolVerdict) -> Iterator[str]:
    yield from (f"{server} cannot be served: {reason}" for server, reason in verdict.impossible.items())
    short = [f"{one.short} more {one.type} (has {one.stock})" for one in verdict.inventories if one.short]
    if short:
        yield f"not all can be served: at least {' and '.join(short)} would be needed"
    if verdict.dropped:
        yield f"dropped, the lowest priority first: {', '.join(verdict.dropped)}"


def _inventory_rows(verdict: PoolVerdict) -> list[tuple[str, str, str]]:
    return [
        (one.type, f"{one.used}", "unlimited" if one.stock is None else f"{one.stock}") for one in verdict.inventories
    ]


def _places(verdict: PoolVerdict) -> Iterator[tuple[str, str]]:
    servers = dict.fromkeys(one.server for one in verdict.servers)
    for server in servers:
        mine = [f"{one.replicas} x {one.accelerator}" for one in verdict.servers if one.server == server]
        yield server, " + ".join(mine)


def _text(verdicts: Sequence[PoolVerdict]) -> str:
    lines: list[str] = []
    for verdict in verdicts:
        lines.append(paint(_headline(verdict), BOLD))
        for warning in _warnings(verdict):
            lines += [paint(line, YELLOW) for line in wrap(warning, "  ", "! ")]
        if verdict.servers:
            lines += table([("server", "replicas"), *_places(verdict)])
            lines += table([("inventory", "used", "cards"), *_inventory_rows(verdict)], (1, 2))
    return "\n".join(lines) + "\n"


def _markdown(verdicts: Sequence[PoolVerdict]) -> str:
    lines: list[str] = []
    for verdict in verdicts:
        lines += [f"**{_headline(verdict)}**", ""]
        lines += [f"- {warning}" for warning in _warnings(verdict)]
        lines += [*markdown_table(("server", "replicas"), list(_places(verdict))), ""]
        lines += [*markdown_table(("inventory", "used", "cards"), list(_inventory_rows(verdict))), ""]
    return "\n".join(lines)


def _rows(verdicts: Sequence[PoolVerdict]) -> Iterator[dict[str, object]]:
    for verdict in verdicts:
        head: dict[str, object] = {key: getattr(verdict, key) for key in COLUMNS[:5]}
        yield from ({**head, **vars(one)} for one in verdict.servers)
        yield from ({**head, "server": server, "replicas": 0} for server in verdict.dropped)
        if not verdict.servers:
            yield head


INFERNO_REPORTS: dict[str, Callable[[Sequence[PoolVerdict]], str]] = {
    "text": _text,
    "json": lambda verdicts: json_report.dumps([verdict.as_json() for verdict in verdicts]),
    "csv": lambda verdicts: rows_as_csv(COLUMNS, [{"server": "", "accelerator": "", "replicas": "", **row}
                                                  for row in _rows(verdicts)]),
    "markdown": _markdown,
}
"""By the name that --format takes."""
