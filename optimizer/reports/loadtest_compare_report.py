"""Predicted against measured, the promise at the peak, and the plan before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from optimizer.documents.document import Document, Records, Section, bullets, document, paragraph, section
from optimizer.loadtest.comparing import ComparedLevel, Comparison, Interval, Promise
from optimizer.messages import Message
from optimizer.reports.wording import mix_of, status_words
from optimizer.schema.plan import Plan

COLUMNS = ("service_id", "gpu_id", "gpu_count", "engine_id", "precision", "tp_size", "isl_tokens", "osl_tokens",
           "concurrency", "evidence", "predicted_tpot_ms", "predicted_tpot_low_ms", "predicted_tpot_high_ms",
           "measured_tpot_ms", "measured_tpot_low_ms", "measured_tpot_high_ms", "tpot_verdict", "predicted_ttft_ms",
           "predicted_ttft_low_ms", "predicted_ttft_high_ms", "measured_ttft_ms", "measured_ttft_low_ms",
           "measured_ttft_high_ms", "ttft_verdict", "source_url")
"""Added to, never renamed."""


def _ends(name: str, found: Interval | None) -> dict[str, object]:
    values = (None, None, None) if found is None else (found.value, found.low, found.high)
    return dict(zip((f"{name}_ms", f"{name}_low_ms", f"{name}_high_ms"), values, strict=True))


def _verdict(predicted: Interval, measured: Interval | None) -> str | None:
    return None if measured is None else ComparedLevel.verdict(predicted, measured)


def _row(level: ComparedLevel) -> dict[str, object]:
    data = asdict(level)
    figures = {
        **_ends("predicted_tpot", level.predicted_tpot), **_ends("measured_tpot", level.measured_tpot),
        **_ends("predicted_ttft", level.predicted_ttft), **_ends("measured_ttft", level.measured_ttft),
        "tpot_verdict": _verdict(level.predicted_tpot, level.measured_tpot),
        "ttft_verdict": _verdict(level.predicted_ttft, level.measured_ttft)}
    return {name: figures[name] if name in figures else data[name] for name in COLUMNS}


def _words(name: str, predicted: Interval, measured: Interval | None) -> Message:
    told = {"name": name, "predicted": predicted.value, "low": predicted.low, "high": predicted.high}
    if measured is None:
        return Message("loadtest.not-measured", **told)
    return Message("loadtest.compared", value=measured.value, least=measured.low, most=measured.high,
                   verdict=ComparedLevel.verdict(predicted, measured), **told)


def _level(level: ComparedLevel) -> Message:
    return Message("loadtest.level", service=level.service_id, gpus=f"{level.gpu_count} x {level.gpu_id}",
                   engine=level.engine_id, precision=level.precision, isl=level.isl_tokens, osl=level.osl_tokens)


def _level_sections(found: Comparison) -> Iterator[Section]:
    """Yield the levels of each replica."""
    groups: dict[Message, list[ComparedLevel]] = {}
    for level in found.levels:
        groups.setdefault(_level(level), []).append(level)
    for number, (title, levels) in enumerate(groups.items(), 1):
        yield section(f"levels-{number}", title, bullets(
            Message("loadtest.in-flight", count=level.concurrency, evidence=level.evidence, figures=(
                _words("TPOT", level.predicted_tpot, level.measured_tpot),
                _words("TTFT", level.predicted_ttft, level.measured_ttft))) for level in levels))


def _shown(value: float | None, unit: str) -> Message:
    return Message(f"loadtest.beyond-{unit}") if value is None else Message(f"loadtest.value-{unit}", value=value)


def _promise(promise: Promise) -> Section:
    lines = []
    for name, speed, ttft, kept in (
        ("loadtest.half", promise.p50_tokens_per_s, promise.p50_ttft_ms, promise.kept_p50),
        ("loadtest.nine", promise.p90_tokens_per_s, promise.p90_ttft_ms, promise.kept_p90),
    ):
        ident = "loadtest.promise" if promise.ttft_limit_ms is None else "loadtest.promise-ttft"
        verdict = Message({True: "loadtest.kept", False: "loadtest.broken", None: "loadtest.open"}[kept])
        lines.append(Message(ident, name=Message(name), speed=_shown(speed, "speed"), ttft=_shown(ttft, "ms"),
                             asked=promise.target_tokens_per_s, limit=promise.ttft_limit_ms, verdict=verdict))
    lines.append(Message("loadtest.kept-to", half=promise.largest_p50, nine=promise.largest_p90,
                         last=promise.last_level))
    lines += [Message("loadtest.means")] if promise.without_percentiles else []
    title = Message("loadtest.at-peak", service=promise.service_id, offer=promise.offer_id,
                    count=promise.concurrency_at_peak)
    return section(f"promise-{promise.service_id}-{promise.offer_id}", title, bullets(lines))


def _plan_line(name: str, plan: Plan) -> Message:
    title = Message(f"loadtest.{name}")
    if not plan.nodes:
        return Message("loadtest.plan-none", name=title, status=status_words(plan.status))
    settings = dict.fromkeys(f"{one.engine_id} {one.precision} tp{one.tp_size}" for one in plan.deployments)
    return Message("loadtest.plan", name=title, usd=plan.cost.usd_per_month, mix=mix_of(plan.nodes),
                   settings=tuple(settings))


def _change(found: Comparison) -> Message:
    """Say what the own rows change."""
    before, after = found.before, found.after
    if mix_of(before.nodes) == mix_of(after.nodes) and before.status == after.status:
        same = [(one.engine_id, one.precision, one.tp_size) for one in before.deployments] == [
            (one.engine_id, one.precision, one.tp_size) for one in after.deployments]
        return Message("frontier.same-nodes" if same else "loadtest.other-setting")
    old, new = before.cost.usd_per_month, after.cost.usd_per_month
    if old is None or new is None:
        return Message("loadtest.other-nodes")
    return Message("loadtest.other-cost", usd=new - old)


def comparison_document(found: Comparison) -> Document:
    """Put predicted against measured into a document; its rows are the levels."""
    promises = list(map(_promise, found.promises)) or [
        section("promise", Message("loadtest.promise-title"), paragraph(Message("loadtest.no-row")))]
    cells = ({name: "" if value is None else value for name, value in _row(level).items()} for level in found.levels)
    return document(
        Message("loadtest.title", problem=found.before.problem),
        [section("bars", "", paragraph(Message("loadtest.bars"))), *_level_sections(found), *promises,
         section("again", Message("loadtest.again", change=_change(found)), bullets(
             [_plan_line("before", found.before), _plan_line("after", found.after)]))],
        records=Records(COLUMNS, tuple(cells)), data=lambda: data(found))


def _plan_json(plan: Plan) -> dict[str, object]:
    return {"status": plan.status, "usd_per_month": plan.cost.usd_per_month,
            "nodes": [{"offer_id": node.offer_id, "count": node.count} for node in plan.nodes]}


def data(found: Comparison) -> dict[str, object]:
    """Return everything for other programs."""
    return {
        "schema_version": 1, "problem": found.before.problem, "levels": [_row(level) for level in found.levels],
        "promises": [asdict(promise) for promise in found.promises], "before": _plan_json(found.before),
        "after": _plan_json(found.after), "change": _change(found)}
