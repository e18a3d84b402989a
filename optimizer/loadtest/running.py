"""`gpumix loadtest run`: level by level, each in a process of its own; raw records are kept, figures come from them."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from optimizer.errors import Fault, InputError
from optimizer.loadtest.control import limits_of
from optimizer.loadtest.level import Latency
from optimizer.loadtest.records import VERSION, Request, RunFigures, clock_jump_s, figures_of, request_of
from optimizer.loadtest.statistics import over_runs

Say = Callable[[str], None]
"""Where progress and trouble are told, a line each."""

MOST_RUNS = 3
"""A level whose first runs differ is run once more; then the spread between runs is its interval."""

SHORT_FRACTION = 0.99
"""Answers below this share of the tokens asked ended early."""

LAG_FRACTION = 0.02
"""A client later than this share of the TPOT, on average, measures itself."""

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
    seed: int = 1
    timeout_s: float = 300.0
    workers: int = 1


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
    """Hold that Locust can be imported, without importing it.

    Raises:
        InputError: it cannot.
    """
    if importlib.util.find_spec("locust") is None:
        raise InputError([Fault("loadtest run", "", "no Locust", "pip install 'gpumix[loadtest]' first")])


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


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class _Child:
    """The process that makes the load."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="gpumix-loadtest-")
        place = Path(self.folder.name) / "job.json"
        place.write_text(json.dumps(job), encoding="utf-8")
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self.errors = (Path(self.folder.name) / "errors.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "optimizer.loadtest.locust_child", str(place)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors, text=True, encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path}, start_new_session=True)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what the process tells, until it ends."""
        for line in self.process.stdout or ():
            if line.startswith("{"):
                yield json.loads(line)

    def last_words(self) -> str:
        """Return the last line that it wrote about an error of its own."""
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else "the load process ended without a word"

    def close(self) -> None:
        """End the process and its workers."""
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, 15)
            except (OSError, AttributeError):
                self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.errors.close()
        self.folder.cleanup()


def _probe(endpoint: Endpoint) -> dict[str, Any]:
    """Find out what the endpoint takes.

    Raises:
        InputError: it does not answer as it must.
    """
    child = _Child({**asdict(endpoint), "mode": "probe", "extras": {}})
    try:
        for event in child.events():
            if "probe" in event:
                return dict(event["probe"])
            if "fatal" in event:
                raise InputError([Fault(endpoint.url, "", str(event["fatal"]), "an endpoint that streams an answer")])
        raise InputError([Fault(endpoint.url, "", child.last_words(), "an endpoint that streams an answer")])
    finally:
        child.close()


@dataclass
class Attempt:
    """One run of one level."""

    requests: list[Request] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None


def _attempt(job: dict[str, Any], out: IO[str], say: Say) -> Attempt:
    """Run one level once; every record is written as it comes."""
    child, found = _Child(job), Attempt()
    faults: list[Fault] = []
    try:
        for event in child.events():
            if "request" in event:
                out.write(json.dumps(event["request"]) + "\n")
                request = request_of(event["request"], "", "records", faults)
                found.requests += [request] if request is not None else []
            elif "progress" in event:
                say(_progress(job, event["progress"]))
            elif "end" in event:
                found.end = event["end"]
        if not found.end:
            found.fault = child.last_words()
        return found
    finally:
        child.close()


def _progress(job: dict[str, Any], progress: dict[str, Any]) -> str:
    """Write how far a level is."""
    width, tpot = progress["error_fraction"], progress["tpot_ms"]
    figures = "" if tpot is None else f", TPOT {tpot:.4g} ms" + ("" if width is None else f" +-{width:.1%}")
    of = f"{progress['measured']} of {progress['least']} requests"
    done = progress["phase"] if progress["phase"] == "warm-up" else of
    return f"{job['users']} users, run {job['run']}: {done}{figures}"


def troubles(job: dict[str, Any], found: Attempt, figures: RunFigures) -> tuple[str | None, list[str]]:
    """Say why a run of a level is dropped (None: it stands), and what else its reader must know."""
    notes = [f"{count} x {error}" for error, count in figures.errors]
    jump = clock_jump_s(found.end.get("wall_s", 0.0), found.end.get("steady_s", 0.0))
    if found.fault is not None:
        return found.fault, []
    if found.end.get("fatal"):
        return str(found.end["fatal"]), []
    if jump is not None:
        return f"the clock of this machine jumped by {jump:+.1f} s", notes
    if found.end["stopped_by"] == "failures":
        return f"too many requests failed: {', '.join(notes or _all_errors(found)) or 'during the warm-up'}", []
    if figures.requests < 2 or found.end["window"] is None:
        return f"only {figures.requests} requests were measured within the time limit", notes
    if figures.osl_tokens < SHORT_FRACTION * job["osl_tokens"]:
        notes.append(f"answers ended early: {figures.osl_tokens:.1f} of {job['osl_tokens']} tokens on average")
    lag = found.end.get("client_lag_ms", 0.0)
    if figures.tpot.mean and lag > LAG_FRACTION * figures.tpot.mean:
        notes.append(f"this client falls behind by {lag:.1f} ms: try --workers, or a quieter machine")
    if found.end["stopped_by"] == "time":
        notes.append("the time limit came before the interval was tight enough")
    return None, notes


def _all_errors(found: Attempt) -> list[str]:
    errors = [request.error for request in found.requests if request.error is not None]
    return [f"{errors.count(error)} x {error}" for error in dict.fromkeys(errors)]


HARMLESS = ("this client falls behind", "the time limit came")
"""What is told of a level and still is no failed check."""


def run_levels(
    endpoint: Endpoint, schedule: Schedule, set_up: dict[str, Any], records: Path, say: Say, today: str | None = None
) -> RunResult:
    """Put an endpoint under load, level by level, and keep the raw records.

    Ctrl-C ends the level that runs; finished ones are kept.

    Raises:
        InputError: the endpoint does not answer, or the records cannot be written.
    """
    known = _probe(endpoint)
    result = RunResult()
    off = known["input_tokens"] and abs(known["input_tokens"] / endpoint.isl_tokens - 1)
    if off is None:
        result.trouble.append("the endpoint counts no tokens: a word is taken as one token, and so is a chunk")
    elif off > LENGTH_OFF:
        result.trouble.append(f"prompts have {known['input_tokens']:.0f} tokens, {endpoint.isl_tokens} were asked")
    job = {**asdict(endpoint), **known, "mode": "level", "worker": 0, "time_limit_s": schedule.time_limit_s}
    if "ignore_eos" not in known["extras"]:
        say("this endpoint does not take ignore_eos: answers may end early")
    head = {
        "gpumix_loadtest": VERSION, "day": today or datetime.now(UTC).date().isoformat(), "model": known["model"],
        "endpoint": endpoint.endpoint, "isl_tokens": endpoint.isl_tokens, "osl_tokens": endpoint.osl_tokens,
        "seed": endpoint.seed, "until": schedule.until, "workers": endpoint.workers,
        "set_up": {key: value for key, value in set_up.items() if value is not None}}
    try:
        with records.open("x", encoding="utf-8") as out:
            out.write(json.dumps(head) + "\n")
            _run_all(job, schedule, out, say, result)
    except FileExistsError:
        raise InputError([Fault("--records", str(records), "a file that exists", "a new file")]) from None
    except KeyboardInterrupt:
        result.interrupted = True
    return result


def _run_all(job: dict[str, Any], schedule: Schedule, out: IO[str], say: Say, result: RunResult) -> None:
    """Run every level, until one meets what every other would meet too."""
    for users in schedule.users:
        runs: list[RunFigures] = []
        stopped = ""
        while len(runs) < runs_wanted(runs, schedule):
            limits = asdict(limits_of(users, schedule.until))
            own = {**job, "users": users, "run": len(runs) + 1, "limits": limits, "port": _free_port()}
            found = _attempt(own, out, say)
            figures = figures_of(users, found.requests, tuple(found.end["window"]) if found.end.get("window") else None)
            dropped, notes = troubles(own, found, figures)
            end = {key: found.end.get(key) for key in ("window", "wall_s", "steady_s", "stopped_by", "client_lag_ms")}
            line = {"finished_level": users, "run": own["run"], **end, **({"dropped": dropped} if dropped else {})}
            out.write(json.dumps(line) + "\n")
            out.flush()
            place = f"{users} users, run {own['run']}"
            result.trouble += [f"{place}: {note}" for note in notes if not note.startswith(HARMLESS)]
            for note in notes:
                say(f"{place}: {note}")
            if dropped is not None:
                result.trouble.append(f"{place}: dropped: {dropped}")
                break
            runs.append(figures)
            stopped = found.end["stopped_by"]
        if runs:
            result.levels.append(LevelResult(users, tuple(runs), stopped))
        if found.end.get("fatal") or found.fault:
            return


def runs_wanted(runs: list[RunFigures], schedule: Schedule) -> int:
    """Return how many runs a level needs: those asked, and one more when they differ by more than the interval."""
    means = [run.tpot.mean for run in runs if run.tpot.mean]
    differ = len(means) > 1 and max(means) / min(means) - 1 > schedule.until
    return max(schedule.runs, MOST_RUNS) if differ else schedule.runs
