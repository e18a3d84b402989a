"""Bodies of HTTP responses, read up to a size and a moment: an endpoint under test may send without end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from optimizer.loadtest.answers import StreamError

MOST_DETAIL_BYTES = 2000
"""Of an error page, of which a message shows the beginning."""

MOST_LIST_BYTES = 2**20
"""Of the list of models that an endpoint serves."""

MOST_ANSWER_BYTES = 64 * 2**20
"""Of one streamed answer: some 300 bytes a token, so room for 200,000 tokens."""

MOST_LINE_BYTES = 4 * 2**20
"""Of one line of a stream, which carries a token or a few."""

_STEP_BYTES = 64 * 2**10


def beginning_of(response: Any, most: int, until_s: float) -> bytes:
    """Return at most so many bytes of a body, read until `time.perf_counter()` says so.

    Raises:
        requests.exceptions.RequestException: the connection fails.
    """
    found = b""
    for chunk in response.iter_content(chunk_size=min(most, _STEP_BYTES)):
        found += chunk
        if len(found) >= most or time.perf_counter() > until_s:
            break
    return found[:most]


def lines_of(response: Any, until_s: float) -> Iterator[bytes]:
    """Yield the lines of a stream as they come.

    Raises:
        StreamError: the stream, or a line of it, is too long, or goes on after `until_s` of `time.perf_counter()`.
        requests.exceptions.RequestException: the connection fails.
    """
    rest, total = b"", 0
    for chunk in response.iter_content(chunk_size=None):
        total += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)
        if total > MOST_ANSWER_BYTES or len(rest) > MOST_LINE_BYTES:
            raise StreamError("the answer is longer than any that can be measured")
        if time.perf_counter() > until_s:
            raise StreamError("no end of the answer within the time limit")
    if rest:
        yield rest
