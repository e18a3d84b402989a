"""One streamed answer of an OpenAI-compatible endpoint: what to ask, and what its lines say."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

WORDS = (
    "the", "and", "for", "you", "that", "with", "this", "have", "from", "they", "will", "one", "all", "would", "there",
    "their", "what", "out", "about", "who", "get", "which", "when", "make", "can", "like", "time", "just", "him",
    "know", "take", "people", "into", "year", "your", "good", "some", "could", "them", "see", "other", "than", "then",
    "now", "look", "only", "come", "its", "over", "think", "also", "back", "after", "use", "two", "how", "our", "work",
    "first", "well", "way", "even", "new", "want",
)
"""Short common English words: about one token each in any tokeniser."""

PATHS = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}


class StreamError(Exception):
    """An answer that is no measurement; its text is short and the same for the same kind, so that it can be counted."""


def prompt_of(words: int, seed: str) -> str:
    """Return a prompt of so many words, another for each seed, so that no cache of prefixes answers.

    >>> prompt_of(3, "1"), prompt_of(3, "1") == prompt_of(3, "2")
    ('even even with', False)
    """
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) for _ in range(max(1, words)))


def body_of(endpoint: str, model: str, prompt: str, osl_tokens: int, extras: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request that asks for exactly so many tokens, as far as the engine takes that."""
    asked: dict[str, Any] = {"model": model, "max_tokens": osl_tokens, "temperature": 0, "stream": True, **extras}
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
            self.finished = self.finished or bool(choice.get("finish_reason"))

    @property
    def output_tokens(self) -> int:
        """Tokens as the server counts them; chunks only where it says nothing: a chunk may hold several."""
        return int(self.usage.get("completion_tokens") or self.chunks)

    def record(self, start_s: float) -> dict[str, Any]:
        """Return the record of an answer that has come to its end.

        Raises:
            StreamError: it has not, or holds fewer than two tokens.
        """
        if not self.finished:
            raise StreamError("the stream was cut before its end")
        if self.first_s is None or self.output_tokens < 2 or self.chunks < 2:
            raise StreamError("fewer than two tokens in the answer")
        return {
            "ttft_ms": 1000 * (self.first_s - start_s),
            "tpot_ms": 1000 * (self.last_s - self.first_s) / (self.output_tokens - 1),
            "e2e_ms": 1000 * (self.last_s - start_s), "n_out": self.output_tokens, "chunks": self.chunks,
            "n_in": self.usage.get("prompt_tokens"), "srv": self.timings, "err": None,
        }


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


FATAL = ("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 429", "HTTP 3")
"""What every further request would meet too."""
