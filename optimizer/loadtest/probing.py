"""What an endpoint takes and how it answers, found out by a few requests before the first level."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.loadtest.answers import forms_of
from optimizer.loadtest.asking import Response, exchange, fetched, prompt_bytes, record_of
from optimizer.loadtest.loop import alone
from optimizer.loadtest.prompts import prompt_of
from optimizer.loadtest.wire import CONNECT_S, Connection, StreamError, Target

PROBE_TOKENS = 16
"""Output tokens of a probe: enough to see whether they come one by one."""

FEW, MORE = 16, 8
"""First probes are this part of the words asked: even where a word is five tokens, they fit the context."""

SLACK_FRACTION = 0.03
"""By how much a prompt may come out longer than its like: three times the spread of random words."""

REFUSED = ("HTTP 400", "HTTP 422")
"""What an endpoint answers that does not know a word of the request."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out."""

    model: str
    form: dict[str, Any]
    """The words of a request that the endpoint takes."""
    words: int
    """Words of a prompt of the length asked."""
    input_tokens: float | None
    """Tokens of such a prompt as the endpoint counts them, None where it does not count."""
    template_tokens: int
    """Tokens that the endpoint puts around every prompt."""
    tokens_per_event: float
    """Output tokens in one event of the stream."""
    all_at_once: bool
    """Whether all tokens of an answer come in one event."""


def served_models(connection: Connection, timeout_s: float) -> list[dict[str, Any]]:
    """Ask the endpoint for the models that it serves; none where it does not say."""
    found = fetched(connection, "/v1/models", min(CONNECT_S, timeout_s))
    try:
        return [one for one in json.loads(found.body)["data"] if isinstance(one["id"], str)] if found else []
    except (ValueError, KeyError, TypeError):
        return []


def room_of(models: Sequence[dict[str, Any]], name: str, osl_tokens: int) -> int | None:
    """Return how many tokens a prompt may have beside its answer, None where the endpoint does not say.

    vLLM and SGLang state `max_model_len` beside each model.

    >>> room_of([{"id": "m", "max_model_len": 72}], "m", 8), room_of([{"id": "m"}], "m", 8)
    (64, None)
    """
    stated = next((one.get("max_model_len") for one in models if one["id"] == name), None)
    return stated - osl_tokens if isinstance(stated, int) and stated > osl_tokens + 1 else None


def aimed_at(asked: int, room: int | None) -> int:
    """Return the tokens that prompts are made for: fewer than asked where longer ones of them would be refused.

    Prompts of as many words differ by some tokens. An engine whose context is what the plan asks, and no more, refuses
    those that come out longer; what the prompts really have is counted and recorded.

    >>> aimed_at(1000, None), aimed_at(1000, 5000), aimed_at(1000, 1000)
    (1000, 1000, 970)
    """
    slack = max(2, round(SLACK_FRACTION * asked))
    return asked if room is None or asked + slack <= room else max(1, room - slack)


def line_through(counts: Sequence[tuple[int, int | None]]) -> tuple[float, float] | None:
    """Return (tokens of no words, tokens a word) of the line through two counts of (words, tokens); None for none.

    >>> line_through([(10, 27), (20, 47)]), line_through([(10, 27), (10, 27)]), line_through([(10, None), (20, 47)])
    ((7.0, 2.0), None, None)
    """
    known = [(words, count) for words, count in counts if count]
    if len(known) < 2 or known[0][0] == known[1][0] or known[0][1] == known[1][1]:
        return None
    (first, few), (second, many) = known[0], known[1]
    slope = (many - few) / (second - first)
    return few - slope * first, slope


class _Prober:
    """Sends the requests of a probe, one after another."""

    def __init__(self, target: Target, job: dict[str, Any]) -> None:
        self.connection = Connection(target)
        models = served_models(self.connection, job["timeout_s"])
        self.job = {**job, "model": job["model"] or next((one["id"] for one in models), "")}
        self.aim = aimed_at(job["isl_tokens"], room_of(models, self.job["model"], job["osl_tokens"]))
        self.sent = 0

    def ask(self, words: int, form: dict[str, Any]) -> dict[str, Any]:
        """Send one request of so many words and return its record."""
        self.sent += 1
        prompt = prompt_of(words, f"{self.job['salt']}-probe-{self.sent}")
        tokens = min(PROBE_TOKENS, self.job["osl_tokens"])
        data = prompt_bytes(self.connection.target, {**self.job, "form": form}, prompt, tokens)
        return record_of(alone(exchange(self.connection, data, self.job["timeout_s"])))

    def form(self, words: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the first form of a request that the endpoint takes, and the record of that request.

        Raises:
            StreamError: it takes none, or its answer is no stream.
        """
        found: dict[str, Any] = {}
        for form in forms_of(self.job["endpoint"]):
            found = self.ask(words, form)
            if found["err"] is None or not found["err"].startswith(REFUSED):
                break
        if found["err"] is not None and not found["err"].startswith("fewer than two"):
            raise StreamError(found["err"])
        return form, found


def probe(target: Target, job: dict[str, Any]) -> Probed:
    """Find out what the endpoint takes, and how many words make a prompt of the length asked.

    Tokens = a + b x words: two requests of different length give a and b; three more show what came of it, and correct
    it.

    Raises:
        StreamError: the endpoint does not answer as it must.
    """
    prober, asked = _Prober(target, job), job["isl_tokens"]
    few = max(2, asked // FEW)
    form, first = prober.form(few)
    counts = [(few, first["n_in"])]
    if first["n_in"]:
        more = max(few + 2, asked // MORE)
        counts.append((more, prober.ask(more, form)["n_in"]))
    line = line_through(counts)
    words = max(1, round((prober.aim - line[0]) / line[1])) if line else asked
    records = [prober.ask(words, form) for _ in range(3)]
    prober.connection.close()
    seen = [record["n_in"] for record in records if record["n_in"]]
    mean = sum(seen) / len(seen) if seen else None
    corrected = words if mean is None else max(1, round(words * prober.aim / mean))
    good = [record for record in (first, *records) if record["chunks"]]
    events = sum(record["chunks"] for record in good)
    return Probed(prober.job["model"], form, corrected, None if mean is None else mean * corrected / words,
                  max(0, round(line[0])) if line else 0,
                  sum(record["n_out"] for record in good) / events if events else 1.0,
                  all_at_once=bool(good) and events == len(good))


CACHE_COUNTERS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("vllm:prefix_cache_hits", "vllm:external_prefix_cache_hits"), "vllm:prefix_cache_queries"),
    (("sglang:cached_tokens",), "sglang:prompt_tokens"),
)
"""Counters of prompt tokens found in the prefix cache, and of those looked for, by engine.

https://docs.vllm.ai/en/latest/usage/metrics.html ; https://docs.sglang.ai/references/production_metrics.html
"""


def cache_counts(text: str) -> tuple[float, float] | None:
    """Return (tokens found in the prefix cache, tokens looked for) of a page of metrics, None where it has none.

    >>> cache_counts('vllm:prefix_cache_hits_total{engine="0"} 16.0\\nvllm:prefix_cache_queries_total{engine="0"} 64.0')
    (16.0, 64.0)
    """
    sums: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.replace("{", " ").partition(" ")
        try:
            sums[name.removesuffix("_total")] = sums.get(name.removesuffix("_total"), 0.0) + float(value.split()[-1])
        except (ValueError, IndexError):
            continue
    for hits, queries in CACHE_COUNTERS:
        if queries in sums:
            return sum(sums.get(name, 0.0) for name in hits), sums[queries]
    return None


def cache_counts_of(target: Target) -> tuple[float, float] | None:
    """Read the counters of the endpoint's own page of metrics, None where it shows none."""
    connection = Connection(target)
    found: Response | None = fetched(connection, "/metrics")
    connection.close()
    return None if found is None else cache_counts(found.body.decode("utf-8", "replace"))
