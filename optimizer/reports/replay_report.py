"""What became of a saved plan: for a person, and for a CI job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.deploy.names import one_line
from optimizer.replay import Replay
from optimizer.replay.replayed import PriceChange, SpeedChange
from optimizer.reports.json_report import dumps
from optimizer.reports.terminal import BOLD, GREEN, RED, YELLOW, paint, wrap
from optimizer.reports.wording import STATUS, counted, money


def verdict(found: Replay) -> str:
    """Say in one sentence whether the plan still stands and is still the cheapest."""
    if not found.stands:
        return "BROKEN: the plan no longer stands"
    if found.usd_per_month_then is None:
        return "UNCHANGED: the saved answer has no plan, and there is none today"
    if found.optimal:
        return "OPTIMAL: the plan stands, nothing cheaper exists today"
    if found.regret_percent is None or found.status_now != "optimal":
        return "STANDS: the limit was reached before the cheapest plan of today was proven"
    return f"STANDS, {found.regret_percent:.2f}% dearer than the cheapest plan of today"


def text(found: Replay) -> str:
    """Write it for a terminal."""
    colour = RED if not found.passed else GREEN if found.stands and not found.regret_percent else YELLOW
    lines = [paint(found.problem, BOLD), *(paint(line, colour) for line in wrap(verdict(found), ""))]
    lines += [line for fault in found.faults for line in wrap(one_line(fault), "    ", "  - ")]
    lines += list(_costs(found))
    for title, rows in (
        ("Prices that changed", [price_line(one) for one in found.prices]),
        ("Speeds that changed", [speed_line(one) for one in found.speeds]),
        ("Figures that no longer hold", list(found.figures)),
        ("Not what the plan was computed from", list(found.other_inputs)),
    ):
        if rows:
            lines += ["", paint(title, BOLD), *(line for row in rows for line in wrap(one_line(row), "    ", "  "))]
    if found.stands and found.regret_percent:
        nodes = ", ".join(f"{node.count} x {node.offer_id}" for node in found.best.nodes)
        lines += ["", paint("The cheapest plan of today", BOLD), *wrap(f"{money(found.usd_per_month_best)}/month: "
                                                                       f"{nodes}", "    ", "  ")]
    lines += ["", *wrap(outcome(found), "")]
    return "\n".join(lines) + "\n"


def outcome(found: Replay) -> str:
    """Say whether the check is met."""
    allowed = f"at most {found.max_regret_percent:g}% regret is let pass"
    if found.passed:
        return f"The check is met ({allowed})."
    return f"The check is not met ({allowed})." if found.stands else "The check is not met: the plan must be made anew."


def _costs(found: Replay) -> Iterator[str]:
    if found.usd_per_month_then is None:
        if found.status_now != "infeasible":
            yield from wrap(f"today: {STATUS[found.status_now]}", "  ")
        return
    now = f"today {money(found.usd_per_month_now)}/month" if found.usd_per_month_now is not None else (
        "today not to be had")
    best = f"the cheapest plan of today {money(found.usd_per_month_best)}/month" if found.best.nodes else (
        "today there is no plan" if found.status_now == "infeasible" else "the cheapest plan of today is not known")
    yield from wrap(f"when it was saved {money(found.usd_per_month_then)}/month, {now}; {best}", "  ")


def price_line(one: PriceChange) -> str:
    """Say how a price changed."""
    if one.usd_per_hour_now is None:
        return f"{one.count} x {one.offer_id}: ${one.usd_per_hour_then:.4f}/hour each then, cannot be had now"
    change = f" ({one.change_percent:+.1f}%)" if one.change_percent is not None else ""
    return (f"{one.count} x {one.offer_id}: ${one.usd_per_hour_then:.4f}/hour each then, "
            f"${one.usd_per_hour_now:.4f} now{change}, price of {one.as_of_now}, "
            f"{(one.source_url or '').partition(' ; ')[0]}")


def speed_line(one: SpeedChange) -> str:
    """Say how what a deployment does changed."""
    parts = []
    if one.tokens_per_s_then != one.tokens_per_s_now:
        parts.append(f"{_figure(one.tokens_per_s_then)} tokens/s a user then, {_figure(one.tokens_per_s_now)} now")
    if one.ttft_ms_then != one.ttft_ms_now:
        parts.append(f"TTFT {_figure(one.ttft_ms_then)} ms then, {_figure(one.ttft_ms_now)} ms now")
    if one.sequences_then != one.sequences_now:
        parts.append(f"{counted(one.sequences_then, 'sequence')} at most then, {one.sequences_now} now: "
                     "set the engine's maximum anew")
    if one.evidence_then != one.evidence_now:
        parts.append(f"{one.evidence_then} then, {one.evidence_now} now")
    return f"{one.service_id} on {one.offer_id} ({one.engine_id}): {'; '.join(parts)}"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def as_data(found: Replay) -> dict[str, Any]:
    """Return it as plain data."""
    return {
        "schema_version": 1, "problem": found.problem, "passed": found.passed, "stands": found.stands,
        "optimal": found.optimal, "regret_percent": found.regret_percent,
        "max_regret_percent": found.max_regret_percent, "status_then": found.status_then,
        "status_now": found.status_now, "faults": list(found.faults),
        "cost": {"usd_per_month_then": found.usd_per_month_then, "usd_per_month_now": found.usd_per_month_now,
                 "usd_per_month_best": found.usd_per_month_best},
        "prices": [{name: getattr(one, name) for name in (
            "offer_id", "count", "usd_per_hour_then", "usd_per_hour_now", "change_percent", "as_of_now",
            "source_url")} for one in found.prices],
        "speeds": [{name: getattr(one, name) for name in one.__slots__} for one in found.speeds],
        **({"figures": list(found.figures)} if found.figures else {}),
        "other_inputs": list(found.other_inputs),
        "best_nodes": [{"offer_id": node.offer_id, "count": node.count, "usd_per_month": node.usd_per_month}
                       for node in found.best.nodes],
    }


def json(found: Replay) -> str:
    """Write it for other programs."""
    return dumps(as_data(found))


REPLAY_REPORTS = {"text": text, "json": json}
