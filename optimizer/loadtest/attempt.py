"""One run of one level: the processes are followed, counted and told when to go on; every record is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from optimizer.errors import Fault
from optimizer.loadtest.answers import FATAL
from optimizer.loadtest.control import Control, limits_of
from optimizer.loadtest.crew import Crew
from optimizer.loadtest.distortion import LIMIT, distortion_of
from optimizer.loadtest.probing import cache_counts_of
from optimizer.loadtest.records import Request, clock_jump_s, request_of, window_of
from optimizer.loadtest.wire import STAMPED, Target

Say = Callable[[str], None]
"""Where progress and trouble are told, a line each."""

PROGRESS_S = 0.5


@dataclass
class Attempt:
    """One run of one level."""

    workers: int = 1
    requests: list[Request] = field(default_factory=list)
    stopped_by: str = ""
    ends: list[dict[str, Any]] = field(default_factory=list)
    """What each process said of itself."""
    fault: str | None = None
    """Why there is no measurement."""
    cached_fraction: float | None = None
    """Share of the input tokens that the engine took from its prefix cache, None where nobody says."""

    @property
    def window(self) -> tuple[float, float] | None:
        """The time in which all users were busy, None where nothing was measured."""
        return window_of(self.requests) if any(one.part == "measured" for one in self.requests) else None

    @property
    def clock_jump_s(self) -> float | None:
        """By how much a clock of the machine was set while it ran, None for next to nothing."""
        jumps = [clock_jump_s(end["wall_s"], end["steady_s"]) for end in self.ends]
        return next((jump for jump in jumps if jump is not None), None)


class Conductor:
    """Follows one run of one level: counts, keeps records, and says when to go on."""

    def __init__(self, job: dict[str, Any], found: Attempt, out: IO[str], say: Say, grows: bool) -> None:
        self.job, self.found, self.out, self.say, self.grows = job, found, out, say, grows
        self.control = Control(limits_of(job["users"], job["until"]))
        self.faults: list[Fault] = []
        self.told = 0.0

    def follow(self, crew: Crew) -> None:
        """Follow the run to its end."""
        deadline = time.perf_counter() + self.job["time_limit_s"]
        while self.control.phase != "over":
            before = self.control.phase
            event = crew.next_event(min(PROGRESS_S, deadline - time.perf_counter()))
            if "started" in event:
                self.control.start(event["started"])
            elif "request" in event:
                self._take(event["request"])
            elif "fatal" in event or "gone" in event:
                self._stop(event.get("fatal") or crew.last_words())
            if time.perf_counter() > deadline:
                self.control.time_is_up()
            if before == "warm-up" and self.control.phase == "measured" and self.grows and self._is_overrun():
                self.control.phase, self.control.stopped_by = "over", "client"
            if self.control.phase != before:
                crew.say(self.control.phase)
        self.found.stopped_by = self.control.stopped_by

    def _stop(self, fault: str) -> None:
        self.found.fault, self.control.phase = fault, "over"

    def _is_overrun(self) -> bool:
        return distortion_of(self.found.requests, self.job["users"], STAMPED).fraction > LIMIT

    def _take(self, record: dict[str, Any]) -> None:
        self.out.write(json.dumps(record) + "\n")
        request = request_of(record, "", "records", self.faults)
        self.found.requests += [request] if request is not None else []
        error = record["err"]
        down = error is not None and error.startswith("the endpoint is down") and not self.control.tpots_ms
        if error is not None and (down or error.startswith(FATAL)):
            self._stop(error)
        self.control.finish(record["part"], record["e2e_ms"] if record["tpot_ms"] is None else record["tpot_ms"])
        if time.perf_counter() - self.told > PROGRESS_S:
            self.told = time.perf_counter()
            self.say(self._progress())

    def _progress(self) -> str:
        """Write how far the run is."""
        control = self.control
        width, tpots = control.error_fraction(), control.tpots_ms
        what = "whole response" if self.job["all_at_once"] else "TPOT"
        figures = f", {what} {sum(tpots) / len(tpots):.4g} ms" if tpots else ""
        figures += "" if width is None else f" +-{width:.1%}"
        of = f"{len(tpots)} of {control.limits.least} requests"
        done = control.phase if control.phase == "warm-up" else of
        return f"{self.job['users']} users, run {self.job['run']}: {done}{figures}"


def attempt(job: dict[str, Any], target: Target, workers: int, grows: bool, out: IO[str], say: Say) -> Attempt:
    """Run one level once; every record is written as it comes.

    Args:
        grows: whether to stop after the warm-up when the client cannot keep up: more processes may.
    """
    found, before = Attempt(workers), cache_counts_of(target)
    crew = Crew(job, workers)
    try:
        Conductor(job, found, out, say, grows).follow(crew)
        found.ends = crew.ends()
    finally:
        crew.close()
    found.cached_fraction = cached_fraction(found.requests, before, cache_counts_of(target))
    return found


def cached_fraction(
    requests: list[Request], before: tuple[float, float] | None, after: tuple[float, float] | None
) -> float | None:
    """Return the share of input tokens that came from a prefix cache: as answers say it, else the engine's counters.

    >>> cached_fraction([], (10.0, 100.0), (25.0, 200.0))
    0.15
    """
    said = [(one.cached_tokens, one.input_tokens) for one in requests
            if one.part == "measured" and one.cached_tokens is not None and one.input_tokens]
    if said:
        return sum(cached or 0 for cached, _ in said) / sum(tokens or 0 for _, tokens in said)
    if before is None or after is None or after[1] <= before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])
