"""A trace in figures, and the lines of a problem file that it makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.load.trace import Handled
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, YELLOW, paint, table, wrap
from optimizer.reports.wording import counted
from optimizer.traffic.profile import TraceClass, TraceProfile

SHARE_PARTS = 10**6
CLASS_HEAD = ("input tokens", "output tokens", "share", "requests", "input p95", "output p95")
BAR = 40
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


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


def _careful(what: str, handled: Handled) -> Iterator[str]:
    if handled.rows:
        more = " ..." if handled.rows > len(handled.lines) else ""
        yield f"{counted(handled.rows, 'row')} {what} (line {', '.join(map(str, handled.lines))}{more})"


def _notes(found: TraceProfile) -> Iterator[str]:
    yield from _careful("with no tokens in or out, left out", found.zero_tokens)
    yield from _careful("earlier than the one before, put in order", found.out_of_order)
    if found.same_time_requests:
        yield f"{counted(found.same_time_requests, 'request')} at the same instant as the one before, all counted"
    yield from (f"no request for {gap.seconds / 3600:.1f} h after {gap.after} (line {gap.line}), counted as quiet"
                for gap in found.gaps)
    if found.lengths_rounded_to_digits is not None:
        yield f"lengths are rounded up to {found.lengths_rounded_to_digits} digits: more than a million are distinct"
    if found.time_unit is not None and not found.time_unit_is_told:
        yield (f"times are numbers read as {UNIT_NAMES[found.time_unit]} ({found.time_unit_from}): the trace lasts "
               f"{found.span_s:,.6g} s; --time-unit says otherwise")
    elif found.time_unit is not None:
        yield f"times are numbers in {UNIT_NAMES[found.time_unit]}: {found.time_unit_from}"
    if not found.dated:
        yield "times count from the start of the trace: hours are hours since then"


def _headline(found: TraceProfile) -> str:
    return f"{found.file}: {counted(found.requests, 'request')} from {found.start} to {found.end}"


def _rates(found: TraceProfile) -> str:
    levels = ", ".join(f"{name} {rate:.3f}" for name, rate in found.percentile_rps.items())
    return (f"requests/s: mean {found.mean_rps:.3f}, busiest {found.window_s:g} s {found.peak_rps:.3f} from "
            f"{found.peak_at}; windows of {found.window_s:g} s: {levels}")


def _class_rows(found: TraceProfile) -> list[tuple[str, ...]]:
    return [
        (f"{one.isl_tokens}", f"{one.osl_tokens}", f"{one.share_fraction:.1%}", f"{one.requests}",
         f"{one.isl_p95_tokens}", f"{one.osl_p95_tokens}") for one in found.classes
    ]


def _hour_rows(found: TraceProfile) -> list[tuple[str, ...]]:
    top = max((hour.requests_per_s for hour in found.hours), default=1.0) or 1.0
    return [(f"{one.hour:02d}", f"{one.requests_per_s:.3f}", "#" * round(BAR * one.requests_per_s / top))
            for one in found.hours]


def _text(found: TraceProfile, level: str) -> str:
    lines = [paint(_headline(found), BOLD)]
    for note in _notes(found):
        lines += [paint(line, YELLOW) for line in wrap(note, "  ", "! ")]
    lines += wrap(_rates(found), "  ")
    lines += ["", paint("Classes: cut where lengths (logarithms) spread most, at the mean; figures are means", BOLD)]
    lines += table([CLASS_HEAD, *_class_rows(found)], tuple(range(6)))
    zone = found.timezone if found.dated else "since the start"
    lines += ["", paint(f"Hours ({zone}), requests/s", BOLD), *table(_hour_rows(found), (1,))]
    lines += ["", paint("For a service of a problem file", BOLD)]
    return "\n".join(lines) + "\n" + snippet(found, level)


def _markdown(found: TraceProfile, level: str) -> str:
    lines = [f"**{_headline(found)}**", "", *(f"- {note}" for note in _notes(found)), f"- {_rates(found)}", ""]
    lines += [*markdown_table(CLASS_HEAD, list(_class_rows(found))), ""]
    lines += [*markdown_table(("hour", "requests/s"), [row[:2] for row in _hour_rows(found)]), ""]
    return "\n".join([*lines, "```yaml", snippet(found, level) + "```"]) + "\n"


def _json(found: TraceProfile, level: str) -> str:
    return json_report.dumps({**asdict(found), "demand_level": level, "problem_lines": snippet(found, level)})


def _csv(found: TraceProfile, _: str) -> str:
    columns = ("isl_tokens", "osl_tokens", "share_fraction", "requests", "isl_p95_tokens", "osl_p95_tokens")
    return rows_as_csv(columns, [asdict(one) for one in found.classes])


TRACE_REPORTS: dict[str, Callable[[TraceProfile, str], str]] = {
    "text": _text, "json": _json, "csv": _csv, "markdown": _markdown,
}
"""By the name that --format takes."""
