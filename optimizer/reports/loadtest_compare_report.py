"""Predicted against measured, the promise at the peak, and the plan before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.loadtest.comparing import ComparedLevel, Comparison, Interval, Promise
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, GREEN, RED, YELLOW, paint, wrap
from optimizer.reports.wording import STATUS, mix_of, money
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


def _words(name: str, predicted: Interval, measured: Interval | None) -> str:
    if measured is None:
        return f"{name}: predicted {predicted.value:.4g} ms, not measured"
    verdict = ComparedLevel.verdict(predicted, measured)
    return (f"{name}: predicted {predicted.value:.4g} ms ({predicted.low:.4g} to {predicted.high:.4g}), measured"
            f" {measured.value:.4g} ms ({measured.low:.4g} to {measured.high:.4g}): {verdict}")


def _level_lines(found: Comparison) -> Iterator[str]:
    head = ""
    for level in found.levels:
        what = (f"{level.service_id} on {level.gpu_count} x {level.gpu_id}, {level.engine_id} {level.precision},"
                f" {level.isl_tokens}/{level.osl_tokens} tokens")
        if what != head:
            head = what
            yield ""
            yield from (paint(line, BOLD) for line in wrap(what, "  ", ""))
        yield f"  {level.concurrency} in flight ({level.evidence} before)"
        yield from wrap(_words("TPOT", level.predicted_tpot, level.measured_tpot), "      ", "    ")
        yield from wrap(_words("TTFT", level.predicted_ttft, level.measured_ttft), "      ", "    ")


def _kept(kept: bool | None) -> str:
    return {True: "kept", False: "NOT kept", None: "not measured"}[kept]


def _shown(value: float | None, unit: str) -> str:
    return f"not measured up to there ({unit})" if value is None else f"{value:.4g} {unit}"


def _promise_lines(promise: Promise) -> Iterator[str]:
    colour = {True: GREEN, False: RED, None: YELLOW}[promise.kept_p50]
    at = f"{promise.service_id} on {promise.offer_id}, {promise.concurrency_at_peak} in flight at the peak"
    yield from (paint(line, BOLD) for line in wrap(at, "  ", ""))
    asked = f"{promise.target_tokens_per_s:g} tokens/s asked"
    limit = "" if promise.ttft_limit_ms is None else f", TTFT within {promise.ttft_limit_ms:g} ms"
    for name, speed, ttft, kept in (
        ("half of the requests", promise.p50_tokens_per_s, promise.p50_ttft_ms, promise.kept_p50),
        ("nine of ten", promise.p90_tokens_per_s, promise.p90_ttft_ms, promise.kept_p90),
    ):
        figures = f"{_shown(speed, 'tokens/s')}, TTFT {_shown(ttft, 'ms')}"
        line = f"{name}: {figures}; {asked}{limit}: {_kept(kept)}"
        yield from (paint(part, colour) if kept is False else part for part in wrap(line, "    ", "  "))
    largest = f"kept up to {promise.largest_p50} in flight for half, {promise.largest_p90} for nine of ten"
    yield f"  {largest} (measured to {promise.last_level})"
    if promise.without_percentiles:
        yield "  some rows state only means: these stand for both"


def _plan_line(name: str, plan: Plan) -> str:
    if not plan.nodes:
        return f"{name}: {STATUS[plan.status]}"
    settings = dict.fromkeys(f"{one.engine_id} {one.precision} tp{one.tp_size}" for one in plan.deployments)
    return f"{name}: {money(plan.cost.usd_per_month)}/month, {mix_of(plan.nodes)} ({', '.join(settings)})"


def _change(found: Comparison) -> str:
    """Say what the own rows change."""
    before, after = found.before, found.after
    if mix_of(before.nodes) == mix_of(after.nodes) and before.status == after.status:
        same = [(one.engine_id, one.precision, one.tp_size) for one in before.deployments] == [
            (one.engine_id, one.precision, one.tp_size) for one in after.deployments]
        return "the same nodes" if same else "the same nodes, with another engine setting"
    old, new = before.cost.usd_per_month, after.cost.usd_per_month
    return "other nodes" if old is None or new is None else f"other nodes, {new - old:+,.2f} USD/month"


def _lines(found: Comparison) -> Iterator[str]:
    yield paint(f"{found.before.problem}: predicted against measured", BOLD)
    yield "  predicted within 90% error bars, measured within 95% intervals"
    yield from _level_lines(found)
    yield ""
    if not found.promises:
        yield "No own row answers for the nodes of the plan: whether its promise holds is not known."
    for promise in found.promises:
        yield from _promise_lines(promise)
    yield ""
    yield paint(f"Solved again with these rows: {_change(found)}", BOLD)
    for name, plan in (("before", found.before), ("after", found.after)):
        yield from wrap(_plan_line(name, plan), "    ", "  ")


def _plan_json(plan: Plan) -> dict[str, object]:
    return {"status": plan.status, "usd_per_month": plan.cost.usd_per_month,
            "nodes": [{"offer_id": node.offer_id, "count": node.count} for node in plan.nodes]}


def _json(found: Comparison) -> str:
    return json_report.dumps({
        "schema_version": 1, "problem": found.before.problem, "levels": [_row(level) for level in found.levels],
        "promises": [asdict(promise) for promise in found.promises], "before": _plan_json(found.before),
        "after": _plan_json(found.after), "change": _change(found)})


def _cells(level: ComparedLevel) -> dict[str, object]:
    return {name: "" if value is None else value for name, value in _row(level).items()}


def _markdown(found: Comparison) -> str:
    head = ("service", "GPUs", "in flight", "predicted TPOT ms", "measured TPOT ms", "verdict", "predicted TTFT ms",
            "measured TTFT ms", "verdict")
    rows = [(level.service_id, f"{level.gpu_count} x {level.gpu_id}", level.concurrency,
             f"{level.predicted_tpot.value:.4g}", f"{level.measured_tpot.value:.4g}",
             _verdict(level.predicted_tpot, level.measured_tpot), f"{level.predicted_ttft.value:.4g}",
             "-" if level.measured_ttft is None else f"{level.measured_ttft.value:.4g}",
             _verdict(level.predicted_ttft, level.measured_ttft) or "-") for level in found.levels]
    plans = [_plan_line(name, plan) for name, plan in (("before", found.before), ("after", found.after))]
    promises = [f"- {line.strip()}" for promise in found.promises for line in _promise_lines(promise)]
    parts = [*markdown_table(head, rows), "", *promises, "", f"Solved again: {_change(found)}", "",
             *(f"- {plan}" for plan in plans)]
    return "\n".join(parts) + "\n"


COMPARE_REPORTS: dict[str, Callable[[Comparison], str]] = {
    "text": lambda found: "\n".join(_lines(found)) + "\n", "json": _json,
    "csv": lambda found: rows_as_csv(COLUMNS, [_cells(level) for level in found.levels]), "markdown": _markdown,
}
"""By the name that --format takes."""
