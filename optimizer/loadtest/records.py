"""Raw records of requests, one JSON a line, and the figures of a level that follow from them.

A line is the head of a run (`gpumix_loadtest`), a request (`level`), or the end of a level (`finished_level`). Times
are seconds of a clock that never goes back, latencies milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import Fault
from optimizer.load.faults import shown
from optimizer.loadtest.document import quantity
from optimizer.loadtest.level import Latency
from optimizer.loadtest.statistics import summary

VERSION = 1
"""Of this layout; the head states it."""

CLOCK_TOLERANCE_S = 1.0
"""The clock on the wall may run apart from the steady one by this within a level (a time server's corrections)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a level."""

    start_s: float
    end_s: float
    ttft_ms: float | None
    tpot_ms: float | None
    output_tokens: int
    input_tokens: int | None
    error: str | None
    part: str = "measured"
    """`warm-up`, `measured` or `drain`."""
    chunks: int = 0
    """Events of the stream that held text."""
    first_chunks: int = 1
    """How many of them were read at once with the first."""
    late_ms: float = 0.0
    """By how much this client read a piece of the answer after it had come, on average."""
    cached_tokens: int | None = None
    """Input tokens that the server took from a cache, None where it does not say."""
    worker: int = 0
    """Which process of the client sent it."""

    @property
    def usable(self) -> bool:
        """Whether it has no error; without latencies it tells of whole responses only."""
        return self.error is None

    def tokens_in(self, window: tuple[float, float]) -> float:
        """Return the output tokens that came within a window: the first alone, the others evenly up to the last."""
        if self.error is not None:
            return 0.0
        if self.ttft_ms is None:
            return float(self.output_tokens) if window[0] <= self.end_s < window[1] else 0.0
        first = self.start_s + self.ttft_ms / 1000
        count = 1.0 if window[0] <= first < window[1] else 0.0
        rest = (self.output_tokens - 1) * (self.tpot_ms or 0.0) / 1000
        if rest > 0:
            inside = min(first + rest, window[1]) - max(first, window[0])
            count += max(0.0, inside / rest) * (self.output_tokens - 1)
        return count


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The figures of one run of a level."""

    users: int
    requests: int
    failed: int
    isl_tokens: float | None
    osl_tokens: float
    ttft: Latency
    tpot: Latency
    output_tokens_per_s: float
    requests_per_s: float
    e2e: Latency = field(default_factory=Latency)
    """Whole responses."""
    errors: tuple[tuple[str, int], ...] = ()
    """Errors with their counts, the most frequent first."""


def request_of(line: Mapping[str, Any], place: str, label: str, faults: list[Fault]) -> Request | None:
    """Read the line of a request; what is wrong with it is noted."""
    error = line.get("err")
    start, end, tokens = (quantity(line.get(key)) for key in ("t0", "end", "n_out"))
    wrong = [(key, line.get(key)) for key, value in (("t0", start), ("end", end), ("n_out", tokens)) if value is None]
    ttft, tpot = quantity(line.get("ttft_ms")), quantity(line.get("tpot_ms"))
    if error is None and not _came_at_once(line):
        wrong += [(key, line.get(key)) for key, value in (("ttft_ms", ttft), ("tpot_ms", tpot)) if value is None]
    faults.extend(Fault(label, f"{place}.{key}", shown(found), "a number of 0 or more") for key, found in wrong)
    if wrong or start is None or end is None:
        return None
    if end < start:
        faults.append(Fault(label, f"{place}.end", shown(end), f"at least t0 = {start:g}: its clock went back"))
        return None
    return Request(
        start, end, ttft, tpot, round(tokens or 0), _whole(line, "n_in"), None if error is None else str(error),
        part=str(line.get("part", "measured")), chunks=_whole(line, "chunks") or 0,
        first_chunks=_whole(line, "first_chunks") or 1, late_ms=quantity(line.get("late_ms")) or 0.0,
        cached_tokens=_whole(line, "cached"), worker=_whole(line, "worker") or 0)


def _came_at_once(line: Mapping[str, Any]) -> bool:
    """Say whether all tokens of an answer came in one event: there is neither a TTFT nor a TPOT to look for."""
    return line.get("chunks") == 1 and line.get("ttft_ms") is None and line.get("tpot_ms") is None


def _whole(line: Mapping[str, Any], key: str) -> int | None:
    found = quantity(line.get(key))
    return None if found is None else round(found)


def window_of(requests: Iterable[Request]) -> tuple[float, float]:
    """Return the time in which all users were busy: from the first measured start to the last."""
    starts = [request.start_s for request in requests if request.part == "measured"]
    return min(starts), max(starts)


def figures_of(users: int, requests: list[Request], window: tuple[float, float] | None = None) -> RunFigures:
    """Compute the figures of one run of a level from its requests.

    Latencies and lengths are those of the measured requests that succeeded; throughput counts every token within the
    window, whichever request it belongs to.
    """
    measured = sorted((r for r in requests if r.part == "measured"), key=lambda r: r.start_s)
    good = [request for request in measured if request.usable]
    start, end = window or (window_of(measured) if measured else (0.0, 0.0))
    seconds = end - start
    prompts = [request.input_tokens for request in good if request.input_tokens]
    errors: dict[str, int] = {}
    for request in measured:
        if request.error is not None:
            errors[request.error] = errors.get(request.error, 0) + 1
    tokens = sum(request.tokens_in((start, end)) for request in requests)
    osl = sum(request.output_tokens for request in good) / len(good) if good else 0.0
    return RunFigures(
        users=users, requests=len(good), failed=len(measured) - len(good),
        isl_tokens=sum(prompts) / len(prompts) if prompts else None, osl_tokens=osl,
        ttft=summary([r.ttft_ms for r in good if r.ttft_ms is not None]),
        tpot=summary([r.tpot_ms for r in good if r.tpot_ms is not None]),
        output_tokens_per_s=tokens / seconds if seconds > 0 else 0.0,
        requests_per_s=tokens / seconds / osl if seconds > 0 and osl else 0.0,
        e2e=summary([1000 * (r.end_s - r.start_s) for r in good]),
        errors=tuple(sorted(errors.items(), key=lambda item: (-item[1], item[0]))))


def clock_jump_s(wall_s: float, steady_s: float) -> float | None:
    """Return by how much the clock on the wall ran apart from the steady one within a level, None for next to nothing.

    >>> clock_jump_s(10.2, 10.0), clock_jump_s(3610.0, 10.0)
    (None, 3600.0)
    """
    apart = wall_s - steady_s
    return apart if abs(apart) > CLOCK_TOLERANCE_S else None
