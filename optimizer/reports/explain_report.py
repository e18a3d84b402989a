"""Why this plan and no other, as a document."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.documents.cells import Money, Number, Share, Speed, Word
from optimizer.documents.document import Document, Records, Section, Text, document, paragraph, section, table
from optimizer.explain import Explanation
from optimizer.explain.doctor import Diagnosis
from optimizer.explain.entering import GpuVerdict
from optimizer.explain.stability import Stability
from optimizer.messages import Message
from optimizer.reports.approval_wording import month_of
from optimizer.reports.heads import heads
from optimizer.reports.wording import mix_of, status_words

COLUMNS = (
    "gpu_id", "verdict", "reason", "offer_id", "gpu_count", "usd_per_hour", "enters_at_usd_per_hour",
    "capacity_per_node", "enters_at_capacity", "speed_factor",
)
"""Added to, never renamed."""

RELAXATION_COLUMNS = ("key", "asks", "gives", "value", "usd_per_month")


def _alternatives(explanation: Explanation) -> Section:
    best = explanation.plan.cost.usd_per_month or 0.0
    plans, within = explanation.alternatives, explanation.within_fraction
    rows = []
    for plan in plans:
        cost = plan.cost.usd_per_month or 0.0
        speeds = tuple(f"{s.tokens_per_s_per_user:.1f}" for s in plan.services if s.tokens_per_s_per_user is not None)
        rows.append((Money(cost), Share(cost / best - 1 if best else None, 1, signed=True),
                     Message("asks.all-of", parts=speeds) if speeds else None))
    note = Message("explain.others-left") if not explanation.alternatives_complete else Message(
        "explain.others" if plans else "explain.others-none", within=within)
    return section("alternatives", Message("explain.alternatives"), paragraph(note), table(
        heads("usd-month", "dearer", "speed"), rows, details=[mix_of(plan.nodes) for plan in plans]))


def _by_price(one: GpuVerdict) -> tuple[float, str]:
    """Order by how far the price has to fall."""
    if not one.usd_per_hour or one.enters_at_usd_per_hour is None:
        return (2.0, one.gpu_id)
    return (1 - one.enters_at_usd_per_hour / one.usd_per_hour, one.gpu_id)


def _gpus(explanation: Explanation) -> Section | None:
    lost = sorted((g for g in explanation.gpus if g.verdict in ("lost", "equal")), key=_by_price)
    rows = [(g.gpu_id, Number(g.gpu_count), Money(g.usd_per_hour, 4), Money(g.enters_at_usd_per_hour, 4),
             Number(g.capacity_per_node, ",.4g"), Number(g.enters_at_capacity, ",.4g"), _factor(g.speed_factor))
            for g in lost]
    details = [Message("explain.offer-reason", offer=g.offer_id, reason=g.reason) for g in lost]
    found = table(heads("gpu", "gpus", "now-hour", "enters-hour", "carries", "enters-at", "faster"), rows,
                  details=details)
    return None if found is None else section(
        "gpus", Message("explain.gpus"), paragraph(Message("explain.gpus-note")), found)


def _key(key: str) -> Message:
    """Name a requirement: by its key for those who change it, by its name in other languages."""
    return Message("explain.key", key=str(key))


def _factor(factor: float | None) -> Number:
    return Number(factor, ".2f", "x")


def _engines(explanation: Explanation) -> Section:
    rows = [(e.engine_id, Word(e.verdict), Money(e.usd_per_month), _factor(e.speed_factor))
            for e in explanation.engines]
    details = [e.reason if e.verdict != "in the plan" else "" for e in explanation.engines]
    return section("engines", Message("explain.engines"), paragraph(Message("explain.engines-note")), table(
        heads("engine", "verdict", "usd-month", "faster"), rows, details=details))


def _rejected(explanation: Explanation) -> Section:
    rows = [(g.gpu_id, g.reason) for g in explanation.gpus if g.verdict == "rejected"]
    return section("rejected", Message("explain.rejected"), table(heads("gpu", "latest-step"), rows))


def _changes(steps: tuple[tuple[Message, float | None], ...]) -> Text:
    if not steps:
        return ""
    return Message("explain.steps", steps=tuple(
        Message("explain.step-none", step=step) if usd is None
        else Message("explain.step", step=step, change=f"{'+' if usd > 0 else '-' if usd < 0 else ''}${abs(usd):,.2f}")
        for step, usd in steps))


def _limits(explanation: Explanation) -> Section:
    cost = explanation.plan.cost.usd_per_month or 0.0
    found = sorted(explanation.margins, key=lambda m: (not m.binds, m.usd_per_month_lifted or 0.0))
    rows = [(_key(one.key), one.asks, Money(cost - one.usd_per_month_lifted)
             if one.binds and one.usd_per_month_lifted is not None else None) for one in found]
    return section("limits", Message("explain.limits"), paragraph(Message("explain.limits-note")), table(
        heads("key", "asks", "saves"), rows, details=[_changes(one.steps) for one in found]))


def _range(one: Stability) -> Message:
    digits = 4 if one.unit.id == "unit.usd-hour" else 2
    low, high = (f"{end:,.{digits}f}".rstrip("0").rstrip(".") or "0" for end in (one.low, one.high or 0.0))
    return Message("explain.same-up" if one.high is None else "explain.same", value=one.value, low=low, high=high,
                   unit=one.unit)


def _stability(explanation: Explanation) -> Section:
    rows = [(one.figure if one.figure.id else _key(one.figure), _range(one)) for one in explanation.stability]
    return section("stability", Message("explain.stability"), paragraph(Message("explain.stability-note")), table(
        heads("figure", "range"), rows))


def _tests(explanation: Explanation) -> Section | None:
    """Say which measurements would change the plan."""
    if explanation.tests is None:
        return None
    title = Message("explain.tests")
    if not explanation.tests:
        return section("tests", title, paragraph(Message("explain.tests-none")))
    rows = [(one.gpu_id, Number(one.concurrency), Speed(one.tokens_per_s_per_user, one.error_fraction),
             Message("explain.no-plan") if one.usd_per_month_at_end is None else Money(one.usd_per_month_at_end))
            for one in explanation.tests]
    details = [Message("explain.test-in-plan" if one.in_plan else "explain.test", model=one.model, engine=one.engine_id,
                       precision=one.precision, size=one.tp_size) for one in explanation.tests]
    return section("tests", title, paragraph(Message("explain.tests-note")), table(
        heads("gpu", "in-flight", "speed", "usd-month"), rows, details=details))


def _diagnosis(found: Diagnosis) -> Iterator[Section]:
    if found.nowhere:
        yield section("nowhere", Message("explain.nowhere"), *(paragraph(one) for one in found.nowhere))
    if not found.conflict:
        yield section("why", Message("explain.why"), paragraph(Message("explain.never")))
        return
    yield section("conflict", Message("explain.conflict"), paragraph(Message("explain.conflict-note")), table(
        heads("key", "asks"), [(_key(key), asks) for key, asks in found.conflict]))
    if found.relaxations:
        rows = [(_key(one.key), one.asks, one.gives, Money(one.usd_per_month)) for one in found.relaxations]
        yield section("relaxations", Message("explain.relaxations"), paragraph(Message("explain.relaxations-note")),
                      table(heads("key", "asks", "can-have", "usd-month"), rows))
    if found.together:
        note = Message("explain.together-note", usd=found.usd_per_month_together)
        yield section("together", Message("explain.together"), paragraph(note), table(
            heads("key", "asks"), [(_key(key), asks) for key, asks in found.together]))
    if found.useless:
        yield section("useless", Message("explain.useless"), paragraph(
            Message("explain.keys", keys=found.useless)))
    if not found.proven:
        yield section("open", Message("explain.open"), paragraph(Message("doctor.not-proven")))


def _sections(explanation: Explanation) -> Iterator[Section | None]:
    """Yield what there is to say, in order."""
    plan = explanation.plan
    yield section("status", "", paragraph(status_words(plan.status)))
    if plan.has_plan:
        told = Message("explain.plan-is", usd=plan.cost.usd_per_month, mix=mix_of(plan.nodes)) if plan.nodes else (
            Message("plan.answer-hosted", month=month_of(plan.cost)))
        yield section("plan", Message("explain.plan"), paragraph(told))
        yield _alternatives(explanation) if explanation.alternatives_asked else None
        yield _gpus(explanation)
        yield _engines(explanation)
        yield from (_limits(explanation), _stability(explanation))
        yield _tests(explanation)
        yield _rejected(explanation)
    elif explanation.diagnosis is not None:
        yield from _diagnosis(explanation.diagnosis)


def explain_document(explanation: Explanation) -> Document:
    """Put an explanation into a document; its rows are the GPU verdicts or, without a plan, the relaxations."""
    found = explanation.diagnosis
    rows = tuple(vars(one) for one in explanation.gpus) if found is None else tuple(
        vars(one) for one in found.relaxations)
    return document(
        Message("explain.title", problem=explanation.plan.problem), _sections(explanation),
        records=Records(COLUMNS if found is None else RELAXATION_COLUMNS, rows), data=explanation.as_json)
