"""What became of a saved plan, as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from optimizer.deploy.names import one_line
from optimizer.documents.document import Box, Document, Records, Text, Tone, bullets, document, paragraph, section
from optimizer.messages import Message
from optimizer.replay import Replay
from optimizer.replay.replayed import PriceChange, SpeedChange
from optimizer.reports.wording import mix_of, status_words

COLUMNS = ("problem", "passed", "stands", "optimal", "regret_percent", "usd_per_month_then", "usd_per_month_now",
           "usd_per_month_best", "fault")
"""Added to, never renamed; one row for each fault, or one."""


def verdict(found: Replay) -> Message:
    """Say in one sentence whether the plan still stands and is still the cheapest."""
    if not found.stands:
        return Message("replay.broken")
    if found.usd_per_month_then is None:
        return Message("replay.unchanged")
    if found.optimal:
        return Message("replay.optimal")
    if found.regret_percent is None or found.status_now != "optimal":
        return Message("replay.limit")
    return Message("replay.stands", percent=found.regret_percent)


def outcome(found: Replay) -> Message:
    """Say whether the check is met."""
    if found.stands:
        return Message("replay.passed" if found.passed else "replay.failed", percent=found.max_regret_percent)
    return Message("replay.anew")


def _costs(found: Replay) -> Iterator[Message]:
    if found.usd_per_month_then is None:
        if found.status_now != "infeasible":
            yield Message("replay.today", status=status_words(found.status_now))
        return
    yield Message("replay.cost-then", usd=found.usd_per_month_then)
    yield Message("replay.cost-gone") if found.usd_per_month_now is None else Message(
        "replay.cost-now", usd=found.usd_per_month_now)
    if found.best.nodes:
        yield Message("replay.cost-best", usd=found.usd_per_month_best)
    else:
        yield Message("replay.best-none" if found.status_now == "infeasible" else "replay.best-unknown")


def price_line(one: PriceChange) -> Message:
    """Say how a price changed."""
    told = {"count": one.count, "offer": one.offer_id, "then": one.usd_per_hour_then}
    if one.usd_per_hour_now is None:
        return Message("replay.price-gone", **told)
    told |= {"now": one.usd_per_hour_now, "as_of": one.as_of_now, "source": (one.source_url or "").partition(" ; ")[0]}
    if one.change_percent is None:
        return Message("replay.price", **told)
    return Message("replay.price-moved", percent=one.change_percent, **told)


def speed_line(one: SpeedChange) -> Message:
    """Say how what a deployment does changed."""
    parts = []
    if one.tokens_per_s_then != one.tokens_per_s_now:
        parts.append(Message("replay.speed", then=_figure(one.tokens_per_s_then), now=_figure(one.tokens_per_s_now)))
    if one.ttft_ms_then != one.ttft_ms_now:
        parts.append(Message("replay.ttft", then=_figure(one.ttft_ms_then), now=_figure(one.ttft_ms_now)))
    if one.sequences_then != one.sequences_now:
        parts.append(Message("replay.sequences", n=one.sequences_then, now=one.sequences_now))
    if one.evidence_then != one.evidence_now:
        parts.append(Message("replay.evidence", then=one.evidence_then, now=one.evidence_now))
    return Message("replay.deployment", service=one.service_id, offer=one.offer_id, engine=one.engine_id,
                   parts=tuple(parts))


def _figure(value: float | None) -> str:
    return Message("replay.unknown") if value is None else f"{value:.1f}"


def _clean(text: Text) -> Text:
    """Keep a file's text on one line; a message holds none."""
    return text if isinstance(text, Message) and text.id else one_line(text)


def replay_document(found: Replay) -> Document:
    """Put the outcome into a document; its rows are the faults."""
    tone: Tone = "bad" if not found.passed else "plain" if found.regret_percent else "good"
    base = {"problem": found.problem, "passed": found.passed, "stands": found.stands, "optimal": found.optimal,
            "regret_percent": found.regret_percent, "usd_per_month_then": found.usd_per_month_then,
            "usd_per_month_now": found.usd_per_month_now, "usd_per_month_best": found.usd_per_month_best}
    best = Message("explain.plan-is", usd=found.usd_per_month_best, mix=mix_of(found.best.nodes))
    lists: tuple[tuple[str, Iterable[Text]], ...] = (
             ("prices", map(price_line, found.prices)), ("speeds", map(speed_line, found.speeds)),
             ("figures", found.figures), ("inputs", found.other_inputs),
             ("best", [best] if found.stands and found.regret_percent else []))
    return document(
        found.problem,
        [section("verdict", "", Box(tone, (paragraph(verdict(found)),)), bullets(map(_clean, found.faults)),
                 *map(paragraph, _costs(found))),
         *(section(name, Message(f"replay.title-{name}"), bullets(map(_clean, lines))) for name, lines in lists),
         section("outcome", "", paragraph(outcome(found)))],
        records=Records(COLUMNS, tuple({**base, "fault": fault} for fault in found.faults or ("",))),
        data=lambda: as_data(found))


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
