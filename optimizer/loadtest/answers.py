"""One streamed answer of an OpenAI-compatible endpoint: what to ask, and what its lines say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from optimizer.loadtest.wire import StreamError

MOST_LINE_BYTES = 4 * 2**20
"""Of one line of a stream, which carries a token or a few."""

PATHS = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}

LENGTHS = {"completions": ("max_tokens",), "chat": ("max_tokens", "max_completion_tokens")}
"""How the number of output tokens is asked for: endpoints of reasoning models know the second word only."""

EXTRAS: tuple[dict[str, Any], ...] = (
    {"ignore_eos": True, "stream_options": {"include_usage": True}}, {"stream_options": {"include_usage": True}},
    {"ignore_eos": True}, {},
)
"""What makes answers as long as asked, and counted; strict endpoints refuse words that they do not know."""


def forms_of(endpoint: str) -> list[dict[str, Any]]:
    """List the forms of a request, the most exact first: an endpoint that refuses one may take a later one.

    >>> len(forms_of("completions")), len(forms_of("chat"))
    (8, 16)
    """
    temperatures: tuple[dict[str, Any], ...] = ({"temperature": 0}, {})
    return [{"length": length, "more": {**temperature, **extras}}
            for temperature, length, extras in product(temperatures, LENGTHS[endpoint], EXTRAS)]


def body_of(endpoint: str, model: str, prompt: str, osl_tokens: int, form: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request that asks for exactly so many tokens, as far as the endpoint takes that."""
    asked: dict[str, Any] = {"model": model, form["length"]: osl_tokens, "stream": True, **form["more"]}
    if endpoint == "chat":
        return {**asked, "messages": [{"role": "user", "content": prompt}]}
    return {**asked, "prompt": prompt}


def text_of(choice: dict[str, Any]) -> str:
    """Return the text of a chunk, reasoning included: a user sees that too."""
    if "text" in choice:
        return str(choice["text"] or "")
    delta = choice.get("delta") or {}
    parts = (delta.get("content"), delta.get("reasoning_content"), delta.get("reasoning"))
    return "".join(str(part) for part in parts if part)


@dataclass
class Answer:
    """What a stream has said so far; times are those at which its lines came, in seconds."""

    first_s: float | None = None
    last_s: float = 0.0
    chunks: int = 0
    """Events that held text."""
    first_chunks: int = 0
    """How many of them came at the time of the first."""
    finished: bool = False
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] | None = None

    def take(self, line: bytes, now_s: float) -> None:
        """Take one line of the stream.

        Raises:
            StreamError: the line is no JSON, or says that the server failed.
        """
        if not line.startswith(b"data:"):
            return
        payload = line[5:].strip()
        if payload == b"[DONE]":
            self.finished = True
            return
        try:
            event = json.loads(payload)
        except ValueError:
            raise StreamError("garbage in the stream: a line that is no JSON") from None
        if not isinstance(event, dict):
            raise StreamError("garbage in the stream: JSON that is no mapping")
        if event.get("error"):
            raise StreamError(f"an error in the stream: {str(event['error'])[:80]}")
        self.usage = event.get("usage") or self.usage
        self.timings = event.get("timings") or self.timings
        for choice in event.get("choices") or []:
            if text_of(choice):
                self.first_s = now_s if self.first_s is None else self.first_s
                self.last_s = now_s
                self.chunks += 1
                self.first_chunks += now_s == self.first_s
            self.finished = self.finished or bool(choice.get("finish_reason"))

    def take_pieces(self, pieces: list[tuple[float, bytes]]) -> None:
        """Take all pieces of a body with their times; a line belongs to the piece that ends it.

        Raises:
            StreamError: as `take`.
        """
        rest = b""
        for came, data in pieces:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.take(line, came)
            if len(rest) > MOST_LINE_BYTES:
                raise StreamError("the answer is longer than any that can be measured")
        if rest and pieces:
            self.take(rest, pieces[-1][0])

    @property
    def output_tokens(self) -> int:
        """Tokens as the server counts them; chunks only where it says nothing: a chunk may hold several."""
        return int(self.usage.get("completion_tokens") or self.chunks)

    @property
    def cached_tokens(self) -> int | None:
        """Prompt tokens that the server took from a cache, None where it does not say."""
        details = self.usage.get("prompt_tokens_details") or {}
        found = details.get("cached_tokens")
        found = (self.timings or {}).get("cache_n") if found is None else found
        return found if isinstance(found, int) else None

    def record(self, start_s: float) -> dict[str, Any]:
        """Return the record of an answer that has come to its end; without a TPOT where all its tokens came at once.

        Raises:
            StreamError: it has not, or holds fewer than two tokens.
        """
        if not self.finished:
            raise StreamError("the stream was cut before its end")
        if self.first_s is None or self.output_tokens < 2:
            raise StreamError("fewer than two tokens in the answer")
        spread = self.chunks > 1
        return {
            "ttft_ms": 1000 * (self.first_s - start_s) if spread else None,
            "tpot_ms": 1000 * (self.last_s - self.first_s) / (self.output_tokens - 1) if spread else None,
            "e2e_ms": 1000 * (self.last_s - start_s), "n_out": self.output_tokens, "chunks": self.chunks,
            "first_chunks": self.first_chunks, "n_in": self.usage.get("prompt_tokens"), "cached": self.cached_tokens,
            "srv": self.timings, "err": None,
        }


NO_RECORD: dict[str, Any] = {
    "ttft_ms": None, "tpot_ms": None, "e2e_ms": None, "n_out": 0, "chunks": 0, "first_chunks": 0, "n_in": None,
    "cached": None, "srv": None}
"""What a request that failed has measured."""


def said_of_status(status: int, has_key: bool) -> str:
    """Say what a status other than 200 means.

    >>> said_of_status(401, False)
    'HTTP 401: the endpoint wants a key: set GPUMIX_API_KEY'
    """
    if status in (401, 403):
        return f"HTTP {status}: the endpoint " + (
            "refuses the key of GPUMIX_API_KEY" if has_key else "wants a key: set GPUMIX_API_KEY")
    if status == 429:
        return "HTTP 429: the endpoint limits the rate: this would measure its limiter"
    if status == 404:
        return "HTTP 404: no such path or model: check --url, --endpoint and --served-model"
    if 300 <= status < 400:
        return f"HTTP {status}: the endpoint points elsewhere; no request follows"
    return f"HTTP {status} from the server"


FATAL = ("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 429", "HTTP 3", "the endpoint's certificate", "TLS failed")
"""What every further request would meet too."""
