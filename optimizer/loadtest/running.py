"""`gpumix loadtest run`: level by level, in processes of their own; raw records are kept, figures come from them."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from optimizer.errors import Fault, InputError
from optimizer.loadtest.attempt import Attempt, Say, attempt
from optimizer.loadtest.distortion import LIMIT, Distortion, distortion_of
from optimizer.loadtest.level import CACHED_UNSEEN, Latency
from optimizer.loadtest.probing import Probed, probe
from optimizer.loadtest.prompts import new_salt
from optimizer.loadtest.records import VERSION, RunFigures, figures_of
from optimizer.loadtest.statistics import over_runs
from optimizer.loadtest.wire import STAMPED, StreamError, Target, target_of

MOST_RUNS = 3
"""A level whose first runs differ is run once more; then the spread between runs is its interval."""

SHORT_FRACTION = 0.99
"""Answers below this share of the tokens asked ended early."""

SEVERAL = 1.25
"""An endpoint that puts more tokens than this into an event does not stream them one by one."""

LENGTH_OFF = 0.10
"""Prompts farther from the length asked than this answer another question."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is put under load, and with what."""

    url: str
    endpoint: str
    model: str
    isl_tokens: int
    osl_tokens: int
    timeout_s: float = 300.0
    workers: int | None = None
    """Processes that make the load; None: as many as it takes, up to one for each core."""
    cacert: str | None = None
    """File of authorities that the endpoint's certificate may be signed by."""
    prefix_cached: float = 0.0
    """Share of every prompt that is the same, for the engine's prefix cache to answer."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which levels, how exactly, and how long at most."""

    users: tuple[int, ...]
    until: float = 0.05
    runs: int = 2
    time_limit_s: float = 600.0


@dataclass(frozen=True, slots=True)
class LevelResult:
    """What one level came to."""

    users: int
    runs: tuple[RunFigures, ...]
    stopped_by: str

    @property
    def tpot(self) -> Latency:
        """TPOT over the runs."""
        return over_runs([run.tpot for run in self.runs])

    @property
    def ttft(self) -> Latency:
        """TTFT over the runs."""
        return over_runs([run.ttft for run in self.runs])

    @property
    def e2e(self) -> Latency:
        """Whole responses over the runs."""
        return over_runs([run.e2e for run in self.runs])

    @property
    def output_tokens_per_s(self) -> float:
        """Mean throughput of the runs."""
        return sum(run.output_tokens_per_s for run in self.runs) / len(self.runs)


@dataclass
class RunResult:
    """What a whole run came to."""

    levels: list[LevelResult] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    interrupted: bool = False


def check_installed() -> None:
    """Hold that the parser of responses can be imported, without importing it.

    Raises:
        InputError: it cannot.
    """
    if importlib.util.find_spec("httptools") is None:
        raise InputError([Fault("loadtest run", "", "no httptools", "pip install 'gpumix[loadtest]' first")])


def endpoint_url(text: str) -> str:
    """Return the address of an endpoint without its path's end.

    Raises:
        InputError: it is no http address, or holds a password.

    >>> endpoint_url("http://localhost:8000/v1/")
    'http://localhost:8000'
    """
    parts = urlsplit(text)
    allowed = "http://HOST:PORT, without user and password: the key comes from GPUMIX_API_KEY"
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        shown = "an address with user and password" if "@" in parts.netloc else repr(text)
        raise InputError([Fault("options", "--url", shown, allowed)])
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"


def troubles(
    job: dict[str, Any], found: Attempt, figures: RunFigures, moved: Distortion
) -> tuple[str | None, list[str]]:
    """Say why a run of a level is dropped (None: it stands), and what else its reader must know."""
    notes = [f"{count} x {error}" for error, count in figures.errors]
    if found.fault is not None:
        return found.fault, []
    if found.clock_jump_s is not None:
        return f"the clock of this machine jumped by {found.clock_jump_s:+.1f} s", notes
    if found.stopped_by == "failures":
        return f"too many requests failed: {', '.join(notes or _all_errors(found)) or 'during the warm-up'}", []
    if found.stopped_by == "client":
        return CLIENT_BEHIND, []
    if figures.requests < 2 or found.window is None:
        return f"only {figures.requests} requests were measured within the time limit", notes
    if figures.osl_tokens < SHORT_FRACTION * job["osl_tokens"]:
        notes.append(f"answers ended early: {figures.osl_tokens:.1f} of {job['osl_tokens']} tokens on average")
    if moved.fraction > LIMIT:
        notes.append(f"this client moves what it measures by {moved.fraction:.0%} (it reads {moved.lag_ms:.1f} ms late)"
                     ": its rows are trusted less; take a machine with more or quieter cores")
    hits, allowed = found.cached_fraction, hits_allowed(job)
    if hits is not None and hits > allowed:
        notes.append(f"{hits:.0%} of the input tokens came from the engine's prefix cache: TTFT is that of shorter"
                     " prompts (--prefix-cached FRACTION measures a cache on purpose)")
    if found.stopped_by == "time":
        notes.append("the time limit came before the interval was tight enough")
    return None, notes


CLIENT_BEHIND = "this client fell behind"
"""Why a run is dropped that is run again with more processes."""


def hits_allowed(job: dict[str, Any]) -> float:
    """Return the share of the input that may come from a cache: the endpoint's own words around every prompt, and what
    was asked for.
    """
    own: float = job["template_tokens"] / job["isl_tokens"]
    return max(CACHED_UNSEEN, own) + float(job["prefix_cached"])


def _all_errors(found: Attempt) -> list[str]:
    errors = [request.error for request in found.requests if request.error is not None]
    return [f"{errors.count(error)} x {error}" for error in dict.fromkeys(errors)]


HARMLESS = ("the time limit came",)
"""What is told of a level and still is no failed check."""


def _probed(endpoint: Endpoint, target: Target, salt: str) -> Probed:
    """Find out what the endpoint takes.

    Raises:
        InputError: it does not answer as it must.
    """
    try:
        return probe(target, {**asdict(endpoint), "salt": salt})
    except StreamError as error:
        raise InputError([Fault(endpoint.url, "", str(error), "an endpoint that streams an answer")]) from None


def _reached(endpoint: Endpoint) -> Target:
    try:
        return target_of(endpoint.url, endpoint.cacert)
    except StreamError as error:
        raise InputError([Fault(endpoint.url, "", str(error), "an endpoint that streams an answer")]) from None


def _remarks(endpoint: Endpoint, known: Probed) -> list[str]:
    """Say what the probe showed that weighs on every level."""
    said = []
    off = None if known.input_tokens is None else abs(known.input_tokens / endpoint.isl_tokens - 1)
    if off is None:
        said.append("the endpoint counts no tokens: a word is taken as one token, and so is a chunk")
    elif off > LENGTH_OFF:
        said.append(f"prompts have {known.input_tokens:.0f} tokens, {endpoint.isl_tokens} were asked")
    if known.all_at_once:
        said.append("all tokens of an answer come in one event: TTFT and TPOT cannot be measured, only whole responses"
                    " and throughput")
    elif known.tokens_per_event > SEVERAL:
        said.append(f"about {known.tokens_per_event:.1f} tokens come in one event: TTFT is that of the first event,"
                    " TPOT the time from the first event to the last over all tokens but one")
    return said


def run_levels(
    endpoint: Endpoint, schedule: Schedule, set_up: dict[str, Any], records: Path, say: Say, today: str | None = None
) -> RunResult:
    """Put an endpoint under load, level by level, and keep the raw records.

    Ctrl-C ends the level that runs; finished ones are kept.

    Raises:
        InputError: the endpoint does not answer, or the records cannot be written.
    """
    target, salt = _reached(endpoint), new_salt()
    known = _probed(endpoint, target, salt)
    result = RunResult(trouble=_remarks(endpoint, known))
    job = {**asdict(endpoint), **asdict(known), "salt": salt, "time_limit_s": schedule.time_limit_s,
           "until": schedule.until}
    if "ignore_eos" not in known.form["more"]:
        say("this endpoint does not take ignore_eos: answers may end early")
    head = {
        "gpumix_loadtest": VERSION, "day": today or datetime.now(UTC).date().isoformat(), "model": known.model,
        "endpoint": endpoint.endpoint, "isl_tokens": endpoint.isl_tokens, "osl_tokens": endpoint.osl_tokens,
        "salt": salt, "prefix_cached": endpoint.prefix_cached, "template_tokens": known.template_tokens,
        "tokens_per_event": round(known.tokens_per_event, 3), "until": schedule.until, "stamped": STAMPED,
        "set_up": {key: value for key, value in set_up.items() if value is not None}}
    try:
        with records.open("x", encoding="utf-8") as out:
            out.write(json.dumps(head) + "\n")
            _run_all(job, target, schedule, out, say, result)
    except FileExistsError:
        raise InputError([Fault("--records", str(records), "a file that exists", "a new file")]) from None
    except OSError as error:
        raise InputError([Fault("--records", str(records), error.strerror or str(error), "a place to write")]) from None
    except KeyboardInterrupt:
        result.interrupted = True
    return result


def _run_all(
    job: dict[str, Any], target: Target, schedule: Schedule, out: IO[str], say: Say, result: RunResult
) -> None:
    """Run every level, until one meets what every other would meet too."""
    workers, cores = job["workers"] or 1, os.cpu_count() or 1
    for users in schedule.users:
        runs: list[RunFigures] = []
        stopped, attempts = "", 0
        while len(runs) < runs_wanted(runs, schedule):
            attempts += 1
            own = {**job, "users": users, "run": attempts}
            grows = job["workers"] is None and workers < min(cores, users)
            found = attempt(own, target, workers, grows, out, say)
            dropped = _finish(own, found, out, say, result, runs)
            if dropped == CLIENT_BEHIND:
                workers = min(2 * workers, cores, users)
                say(f"{users} users: this client fell behind: again with {workers} processes")
                continue
            if dropped is not None:
                break
            stopped = found.stopped_by
        if runs:
            result.levels.append(LevelResult(users, tuple(runs), stopped))
        if found.fault:
            return


def _finish(
    job: dict[str, Any], found: Attempt, out: IO[str], say: Say, result: RunResult, runs: list[RunFigures]
) -> str | None:
    """Close one run: write its last line, tell what must be told, keep its figures; say why it is dropped."""
    users, window = job["users"], found.window
    figures = figures_of(users, found.requests, window)
    moved = distortion_of(found.requests, users, STAMPED, window)
    dropped, notes = troubles(job, found, figures, moved)
    line = {
        "finished_level": users, "run": job["run"], "window": window, "stopped_by": found.stopped_by,
        "workers": found.workers, "client_lag_ms": round(moved.lag_ms, 4),
        "distortion_fraction": round(moved.fraction, 5), "cached_fraction": found.cached_fraction,
        "cpu_fraction": round(max((end["cpu_fraction"] for end in found.ends), default=0.0), 3),
        **({"dropped": dropped} if dropped else {})}
    out.write(json.dumps(line) + "\n")
    out.flush()
    place = f"{users} users, run {job['run']}"
    result.trouble += [f"{place}: {note}" for note in notes if not note.startswith(HARMLESS)]
    for note in notes:
        say(f"{place}: {note}")
    if dropped is None:
        runs.append(figures)
    elif dropped != CLIENT_BEHIND:
        result.trouble.append(f"{place}: dropped: {dropped}")
    return dropped


def runs_wanted(runs: list[RunFigures], schedule: Schedule) -> int:
    """Return how many runs a level needs: those asked, and one more when they differ by more than the interval."""
    means = [run.tpot.mean for run in runs if run.tpot.mean]
    differ = len(means) > 1 and max(means) / min(means) - 1 > schedule.until
    return max(schedule.runs, MOST_RUNS) if differ else schedule.runs
