"""The process that makes the load: Locust patches sockets when imported, so that it never lives in the command's own.

`python -m optimizer.loadtest.locust_child JOB.json [WORKER_PORT]`; events go to standard output, one JSON a line.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import gevent
import locust  # before requests: it patches sockets
import requests
from locust.env import Environment
from locust.exception import StopUser

from optimizer.loadtest.answers import FATAL, PATHS, Answer, StreamError, body_of, prompt_of, said_of_status
from optimizer.loadtest.capped import MOST_DETAIL_BYTES, MOST_LIST_BYTES, beginning_of, lines_of
from optimizer.loadtest.control import Control, Limits

KEY_VARIABLE = "GPUMIX_API_KEY"

REST_AFTER_ERROR_S = 0.1
"""Users that fail at once would else ask thousands of times a second."""

LAG_STEP_S = 0.01
"""How often this process looks whether it keeps up."""

PROGRESS_S = 0.5


def tell(**event: Any) -> None:
    """Send one event to the command."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Stamped(requests.adapters.HTTPAdapter):
    """Notes when a request leaves: what this process does before is no wait of a user."""

    sent_s = 0.0

    def send(self, *given: Any, **named: Any) -> Any:
        """Send a request."""
        self.sent_s = time.perf_counter()
        return super().send(*given, **named)


def stamped(session: Any) -> Stamped:
    """Return the part of a session that sends, made to note when."""
    found = session.adapters.get("http://")
    if not isinstance(found, Stamped):
        found = Stamped()
        for scheme in ("http://", "https://"):
            session.mount(scheme, found)
    return found


def headers() -> dict[str, str]:
    """Return the headers of a request; the key comes from the environment and is written nowhere."""
    key = os.environ.get(KEY_VARIABLE)
    return {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})}


def post(session: Any, job: dict[str, Any], body: dict[str, Any], **more: Any) -> Any:
    """Send one request: to the endpoint given, through no proxy, following nothing."""
    session.trust_env = False
    path = PATHS[job["endpoint"]]
    limits = (min(10.0, job["timeout_s"]), job["timeout_s"])
    url = job["url"] + path
    sent = {**headers(), **({"Connection": "close"} if job.get("fresh") else {})}
    return session.post(url, json=body, headers=sent, stream=True, timeout=limits, allow_redirects=False, **more)


def opened(session: Any, job: dict[str, Any], body: dict[str, Any], **more: Any) -> Any:
    """Send one request and return its response; None when the connection was closed before any answer.

    Servers that close a connection right after an answer lose the next request that is sent over it; from then on each
    request opens its own (`fresh`).
    """
    try:
        response = post(session, job, body, **more)
        if getattr(response, "error", None) is not None:  # Locust hands back what requests would have raised
            raise response.error
        return response
    except requests.exceptions.ConnectionError as error:
        aborted = "Connection aborted" in str(error) or "reset" in str(error).lower()
        if aborted:
            return None
        raise


def answer_of(response: Any, has_key: bool, until_s: float) -> Answer:
    """Read a stream to its end, which must come before `until_s` of `time.perf_counter()`.

    Raises:
        StreamError: it is no answer that can be measured.
    """
    if response.status_code != 200:
        page = beginning_of(response, MOST_DETAIL_BYTES, until_s).decode("utf-8", "replace")
        detail = "" if response.status_code in (401, 403, 429) else f": {page[:160]!r}"
        raise StreamError(said_of_status(response.status_code, has_key) + detail)
    if not getattr(response.raw, "chunked", True):
        raise StreamError("the answer comes whole, not as a stream")
    answer = Answer()
    for line in lines_of(response, until_s):
        answer.take(line, time.perf_counter())
    return answer


def said_of(error: Exception) -> str:
    """Say in a few words what went wrong with a request."""
    if isinstance(error, StreamError):
        return str(error)
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return "no answer within the time limit"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the stream was cut before its end"
    if isinstance(error, requests.exceptions.ConnectionError):
        text = str(error)
        refused = "refused" in text or "Name or service" in text or "resolve" in text or "unreachable" in text
        if "timed out" in text:
            return "no answer within the time limit"
        return "the endpoint is down: no connection" if refused else "the stream was cut before its end"
    return f"{type(error).__name__}: {str(error)[:80]}"


def request(session: Any, job: dict[str, Any], prompt: str, **more: Any) -> dict[str, Any]:
    """Send one request and return its record."""
    body = body_of(job["endpoint"], job["model"], prompt, job["osl_tokens"], job["extras"])
    door, start = stamped(session), time.perf_counter()
    try:
        response = opened(session, job, body, **more)
        if response is None:  # the server had closed the kept connection: nothing was sent
            job["fresh"] = True
            response = opened(session, job, body, **more)
        start = door.sent_s
        if response is None:
            raise StreamError("the endpoint is down: no connection")
        with closing(response):
            until_s = start + job["timeout_s"]
            found = answer_of(response, KEY_VARIABLE in os.environ, until_s).record(start)
    except (StreamError, requests.exceptions.RequestException) as error:
        found = {"ttft_ms": None, "tpot_ms": None, "e2e_ms": None, "n_out": 0, "chunks": 0, "n_in": None, "srv": None,
                 "err": said_of(error)}
    return {"t0": start, "end": time.perf_counter(), **found}


class StreamUser(locust.HttpUser):
    """A user who sends the next request when the last one has ended."""

    abstract = False
    job: dict[str, Any]
    phase: Callable[[], str]
    """Returns the phase that the level is in."""
    started: Callable[[str], None]
    ended: Callable[[str, dict[str, Any]], None]
    numbers: Iterator[int]

    @locust.task
    def ask(self) -> None:
        """Send one request and note what came."""
        part = type(self).phase()
        if part == "over":
            raise StopUser
        number = next(type(self).numbers)
        job = self.job
        prompt = prompt_of(job["words"], f"{job['seed']}-{job['users']}-{job['run']}-{job['worker']}-{number}")
        type(self).started(part)
        found = request(self.client, job, prompt, name="gpumix")
        type(self).ended(part, {"level": job["users"], "run": job["run"], **found, "part": part})
        if found["err"] is not None:
            gevent.sleep(REST_AFTER_ERROR_S)


class Lag:
    """How late this process is: a client that cannot keep up measures itself."""

    def __init__(self) -> None:
        self.late_s: list[float] = []

    def watch(self) -> None:
        """Sleep in short steps and note by how much each is overslept."""
        while True:
            before = time.perf_counter()
            gevent.sleep(LAG_STEP_S)
            self.late_s.append(max(0.0, time.perf_counter() - before - LAG_STEP_S))

    def mean_ms(self) -> float:
        """Return the mean lateness."""
        return 1000 * sum(self.late_s) / len(self.late_s) if self.late_s else 0.0


class Level:
    """One level: counts, tells the command, and ends."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job, self.control, self.lag = job, Control(Limits(**job["limits"])), Lag()
        self.starts: list[float] = []
        self.fatal: str | None = None
        self.told = 0.0

    def started(self, part: str) -> None:
        """Note the start of a request."""
        self.control.start(part)

    def ended(self, part: str, record: dict[str, Any]) -> None:
        """Note the end of a request and pass its record on."""
        tell(request=record)
        if part == "measured":
            self.starts.append(record["t0"])
        error = record["err"]
        down = error is not None and error.startswith("the endpoint is down") and not self.control.tpots_ms
        if error is not None and (down or error.startswith(FATAL)):
            self.fatal, self.control.phase = error, "over"
        self.control.finish(part, record["tpot_ms"])
        if time.perf_counter() - self.told > PROGRESS_S:
            self.told = time.perf_counter()
            control = self.control
            tell(progress={"phase": control.phase, "measured": len(control.tpots_ms), "least": control.limits.least,
                           "most": control.limits.most, "error_fraction": control.error_fraction(),
                           "tpot_ms": sum(control.tpots_ms) / len(control.tpots_ms) if control.tpots_ms else None})

    def broken(self, exception: Exception, **_: Any) -> None:
        """End a level in which this program itself fails."""
        self.fatal, self.control.phase = f"{type(exception).__name__}: {exception}", "over"

    def wait(self) -> None:
        """Wait for the end of the level."""
        deadline = time.perf_counter() + self.job["time_limit_s"]
        while self.control.phase != "over":
            if time.perf_counter() > deadline:
                self.control.time_is_up()
            gevent.sleep(0.01)

    def end(self, wall_s: float, steady_s: float) -> dict[str, Any]:
        """Return what the command needs to close the level."""
        window = [min(self.starts), max(self.starts)] if self.starts else None
        return {"window": window, "wall_s": wall_s, "steady_s": steady_s, "stopped_by": self.control.stopped_by,
                "client_lag_ms": self.lag.mean_ms(), "fatal": self.fatal}


def run_level(job: dict[str, Any]) -> None:
    """Run one level with all users in this process, or in workers of it."""
    level = Level(job)
    environment = Environment(user_classes=[StreamUser], host=job["url"], stop_timeout=0)
    StreamUser.job, StreamUser.numbers = job, count()
    StreamUser.phase = staticmethod(lambda: level.control.phase)
    StreamUser.started, StreamUser.ended = staticmethod(level.started), staticmethod(level.ended)
    environment.events.user_error.add_listener(level.broken)
    watching = gevent.spawn(level.lag.watch)
    wall, steady = time.time(), time.perf_counter()
    runner, workers = (master_of(environment, level) if job["workers"] > 1 else (environment.create_local_runner(), []))
    runner.start(job["users"], spawn_rate=job["users"])
    level.wait()
    end = level.end(time.time() - wall, time.perf_counter() - steady)
    watching.kill()
    runner.quit()
    for worker in workers:
        worker.terminate()
        worker.wait()
    tell(end=end)


def master_of(environment: Any, level: Level) -> tuple[Any, list[subprocess.Popen[bytes]]]:
    """Start the workers and the runner that deals the users out to them."""
    job = level.job
    runner = environment.create_master_runner("127.0.0.1", job["port"])
    runner.register_message("started", lambda msg, **_: level.started(msg.data))
    runner.register_message("ended", lambda msg, **_: level.ended(msg.data[0], msg.data[1]))
    command = [sys.executable, "-m", "optimizer.loadtest.locust_child", sys.argv[1]]
    workers = [subprocess.Popen([*command, str(number)]) for number in range(job["workers"])]
    deadline = time.perf_counter() + 60
    while len(runner.clients.ready) < job["workers"] and time.perf_counter() < deadline:
        gevent.sleep(0.05)
    if len(runner.clients.ready) < job["workers"]:
        level.fatal, level.control.phase = "the workers did not come up within 60 s", "over"

    def pass_phase_on() -> None:
        said = ""
        while True:
            if level.control.phase != said:
                said = level.control.phase
                runner.send_message("phase", said)
            gevent.sleep(0.005)

    gevent.spawn(pass_phase_on)
    return runner, workers


def run_worker(job: dict[str, Any], number: str) -> None:
    """Run a share of the users, and pass on what they do."""
    job["worker"] = number
    environment = Environment(user_classes=[StreamUser], host=job["url"], stop_timeout=0)
    phase = ["warm-up"]
    StreamUser.job, StreamUser.numbers = job, count()
    StreamUser.phase = staticmethod(lambda: phase[0])
    runner = environment.create_worker_runner("127.0.0.1", job["port"])
    StreamUser.started = staticmethod(lambda part: runner.send_message("started", part))
    StreamUser.ended = staticmethod(lambda part, record: runner.send_message("ended", [part, record]))
    runner.register_message("phase", lambda msg, **_: phase.__setitem__(0, msg.data))
    runner.greenlet.join()


def probe(job: dict[str, Any]) -> None:
    """Find out what the endpoint takes, and how many words make a prompt of the length asked.

    Tokens = a + b x words: two requests of different length give a and b; three more show what came of it, and correct
    it.
    """
    session = requests.Session()
    job = {**job, "model": job["model"] or served_model(session, job), "osl_tokens": 2}
    everything = [{"ignore_eos": True, "stream_options": {"include_usage": True}},
                  {"stream_options": {"include_usage": True}}, {"ignore_eos": True}, {}]
    counts: list[tuple[int, int | None]] = []
    for extras in everything:
        job["extras"] = extras
        words = max(2, job["isl_tokens"] // 2)
        found = request(session, job, prompt_of(words, f"{job['seed']}-probe"))
        if found["err"] is None or not found["err"].startswith(("HTTP 400", "HTTP 422")):
            break
    if found["err"] is not None and not found["err"].startswith("fewer than two"):
        tell(fatal=found["err"])
        return
    counts.append((words, found["n_in"]))
    if found["n_in"]:
        words = job["isl_tokens"]
        counts.append((words, request(session, job, prompt_of(words, f"{job['seed']}-probe-2"))["n_in"]))
    words = words_for(job["isl_tokens"], counts)
    seeds = [f"{job['seed']}-probe-{number}" for number in (3, 4, 5)]
    seen = [count for seed in seeds if (count := request(session, job, prompt_of(words, seed))["n_in"])]
    mean = sum(seen) / len(seen) if seen else None
    corrected = words if mean is None else max(1, round(words * job["isl_tokens"] / mean))
    tell(probe={"model": job["model"], "extras": job["extras"], "words": corrected,
                "input_tokens": None if mean is None else mean * corrected / words})


def served_model(session: Any, job: dict[str, Any]) -> str:
    """Ask the endpoint for the first model that it serves; an empty name where it does not say."""
    session.trust_env = False
    try:
        address = f"{job['url']}/v1/models"
        with session.get(address, headers=headers(), timeout=10, allow_redirects=False, stream=True) as response:
            text = beginning_of(response, MOST_LIST_BYTES, time.perf_counter() + 10)
        return str(json.loads(text)["data"][0]["id"])
    except (requests.exceptions.RequestException, ValueError, KeyError, IndexError, TypeError):
        return ""


def words_for(tokens: int, counts: list[tuple[int, int | None]]) -> int:
    """Return how many words make a prompt of so many tokens: along the line through the counts, else one a token."""
    known = [(words, count) for words, count in counts if count]
    if len(known) < 2 or known[0][0] == known[1][0] or known[0][1] == known[1][1]:
        return tokens
    (first, few), (second, many) = known[0], known[1]
    slope = (many - few) / (second - first)
    return max(1, round(first + (tokens - few) / slope))


def main() -> None:
    """Do the job of the file named first."""
    logging.disable(logging.CRITICAL)
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if len(sys.argv) > 2:
        run_worker(job, sys.argv[2])
    elif job["mode"] == "probe":
        probe(job)
    else:
        run_level(job)


if __name__ == "__main__":
    main()
