"""A trace in figures, and the lines of a problem file that it makes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

from optimizer.documents.cells import Number, Share
from optimizer.documents.document import Document, Records, Verbatim, document, paragraph, section, table, warnings
from optimizer.load.trace import Handled
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.traffic.profile import TraceClass, TraceProfile

SHARE_PARTS = 10**6
BAR = 40


def shares_of(classes: tuple[TraceClass, ...]) -> list[float]:
    """Round shares to millionths that add up to 1 exactly, none of them 0; the largest takes the difference."""
    parts = [max(1, round(one.share_fraction * SHARE_PARTS)) for one in classes]
    parts[parts.index(max(parts))] += SHARE_PARTS - sum(parts)
    return [part / SHARE_PARTS for part in parts]


def snippet(found: TraceProfile, level: str) -> str:
    """Return the lines of a service: workload, context, demand.

    Args:
        found: the trace.
        level: `peak`, or a percentile such as `p99`.
    """
    rate = found.peak_rps if level == "peak" else found.percentile_rps[level]
    shown = math.ceil(rate * 1e6) / 1e6
    lines = ["    workload:"]
    for one, share in zip(found.classes, shares_of(found.classes), strict=True):
        lines.append(
            f"      - {{isl_tokens: {one.isl_tokens}, osl_tokens: {one.osl_tokens}, share_fraction: {share:.6f}}}")
    said = "busiest" if level == "peak" else level
    lines += [
        f"    context_tokens: {found.largest_context_tokens}",
        f"    demand: {{peak_rps: {shown:.6f}}}  # {said} of {found.window_s:g} s windows, mean {found.mean_rps:.3f}",
    ]
    return "\n".join(lines) + "\n"


def _careful(what: str, handled: Handled) -> Iterator[Message]:
    if handled.rows:
        ident = f"{what}-more" if handled.rows > len(handled.lines) else what
        yield Message(ident, n=handled.rows, lines=handled.lines)


def _notes(found: TraceProfile) -> Iterator[Message]:
    yield from _careful("trace.no-tokens", found.zero_tokens)
    yield from _careful("trace.out-of-order", found.out_of_order)
    if found.same_time_requests:
        yield Message("trace.same-time", n=found.same_time_requests)
    yield from (Message("trace.gap", hours=gap.seconds / 3600, after=gap.after, line=gap.line) for gap in found.gaps)
    if found.lengths_rounded_to_digits is not None:
        yield Message("trace.rounded", digits=found.lengths_rounded_to_digits)
    if found.time_unit is not None:
        unit = Message(f"trace.unit-{found.time_unit}")
        yield Message("trace.times" if found.time_unit_is_told else "trace.times-guessed", unit=unit,
                      source=found.time_unit_from, seconds=found.span_s)
    if not found.dated:
        yield Message("trace.undated")


def _hours(found: TraceProfile) -> list[tuple[str, Number, str]]:
    top = max((hour.requests_per_s for hour in found.hours), default=1.0) or 1.0
    return [(f"{one.hour:02d}", Number(one.requests_per_s, ".3f"), "#" * round(BAR * one.requests_per_s / top))
            for one in found.hours]


def trace_document(found: TraceProfile, level: str) -> Document:
    """Put a trace into a document; its rows are the classes.

    Args:
        found: the trace.
        level: `peak`, or a percentile such as `p99`: the rate that becomes the demand.
    """
    columns = ("isl_tokens", "osl_tokens", "share_fraction", "requests", "isl_p95_tokens", "osl_p95_tokens")
    rates = Message("trace.rates", mean=found.mean_rps, window=found.window_s, peak=found.peak_rps, at=found.peak_at,
                    levels=tuple(f"{name} {rate:.3f}" for name, rate in found.percentile_rps.items()))
    rows = [(Number(one.isl_tokens, ""), Number(one.osl_tokens, ""), Share(one.share_fraction, 1),
             Number(one.requests, ""), Number(one.isl_p95_tokens, ""), Number(one.osl_p95_tokens, ""))
            for one in found.classes]
    zone = Message("trace.hours", zone=found.timezone) if found.dated else Message("trace.hours-since")
    return document(
        Message("trace.title", file=found.file, n=found.requests, start=found.start, end=found.end),
        [section("rates", "", warnings(_notes(found)), paragraph(rates)),
         section("classes", Message("trace.classes"), paragraph(Message("trace.classes-note")), table(
             heads("isl", "osl", "share", "requests", "isl-p95", "osl-p95"), rows)),
         section("hours", zone, table(heads("hour", "rps", ""), _hours(found))),
         section("lines", Message("trace.lines"), Verbatim(snippet(found, level).rstrip("\n")))],
        records=Records(columns, tuple(asdict(one) for one in found.classes)),
        data=lambda: {**asdict(found), "demand_level": level, "problem_lines": snippet(found, level)})
