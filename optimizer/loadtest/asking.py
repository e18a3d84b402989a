"""One request over a connection: sent, received to its end, and turned into its record."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import Any

import httptools

from optimizer.loadtest.answers import NO_RECORD, PATHS, Answer, body_of, said_of_status
from optimizer.loadtest.loop import alone
from optimizer.loadtest.wire import CONNECT_S, Connection, Steps, StreamError, Target, said_of

KEY_VARIABLE = "GPUMIX_API_KEY"

MOST_PAGE_BYTES = 2**20
"""Of the list of models that an endpoint serves, or of its metrics."""

MOST_ANSWER_BYTES = 64 * 2**20
"""Of one streamed answer: some 300 bytes a token, so room for 200,000 tokens."""

MOST_DETAIL_BYTES = 2000
"""Of an error page, of which a message shows the beginning."""

BROKEN = (StreamError, OSError, httptools.HttpParserError)
"""What one request may end in; anything else is a fault of this program. TLS faults and timeouts are OSErrors."""


@dataclass
class Response:
    """What has come of one response; the names of the methods are those that httptools calls."""

    start_s: float
    """When its request was sent, by the clock of time.perf_counter; before a connection was opened for it."""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    """Pieces of the body with their times."""
    whole: bool = False
    error: str | None = None
    """What broke it, None where nothing did so far."""
    now_s: float = 0.0
    """When its last piece came."""
    late_ms: float | None = None
    """By how much its pieces were read after they had come, on average."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self.pieces.append((self.now_s, data))

    def on_message_complete(self) -> None:
        """Note the end of the response."""
        self.whole = True

    @property
    def ends_by_closing(self) -> bool:
        """Whether only the end of the connection ends it (HTTP/1.0, or HTTP/1.1 without a length)."""
        return "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")

    @property
    def body(self) -> bytes:
        """Everything that came."""
        return b"".join(data for _, data in self.pieces)


def request_bytes(target: Target, method: str, path: str, body: bytes = b"") -> bytes:
    """Write a request; the key comes from the environment and is written nowhere else."""
    key = os.environ.get(KEY_VARIABLE)
    lines = [
        f"{method} {target.path}{path} HTTP/1.1", f"Host: {target.name}",
        "User-Agent: gpumix-loadtest", "Accept: */*", "Accept-Encoding: identity",
        *([f"Authorization: Bearer {key}"] if key else []),
        *(["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []), "", ""]
    return "\r\n".join(lines).encode() + body


def prompt_bytes(target: Target, job: dict[str, Any], prompt: str, osl_tokens: int) -> bytes:
    """Write the request that asks for the answer to a prompt."""
    body = body_of(job["endpoint"], job["model"], prompt, osl_tokens, job["form"])
    return request_bytes(target, "POST", PATHS[job["endpoint"]], json.dumps(body).encode())


def exchange(connection: Connection, data: bytes, timeout_s: float, most_bytes: int = MOST_ANSWER_BYTES) -> Steps:
    """Send one request and return its response, broken or whole.

    A kept connection that the server closed before any answer is opened again, once.

    Args:
        timeout_s: for the whole response, however it drips.
        most_bytes: a response that is longer is broken.
    """
    connection.late_s.clear()
    response = Response(time.perf_counter())
    try:
        kept = connection.sock is not None
        try:
            yield from _send_and_receive(connection, response, data, timeout_s, most_bytes)
        except ConnectionError:
            if not kept or response.status:
                raise
        if kept and not response.status:
            connection.close()
            response = Response(time.perf_counter())
            yield from _send_and_receive(connection, response, data, timeout_s, most_bytes)
        if not response.status:
            response.error = "the endpoint is down: no connection"
    except BROKEN as error:
        connection.close()
        response.error = said_of(error)
    late = connection.late_s
    response.late_ms = 1000 * sum(late) / len(late) if late else None
    return response


def _send_and_receive(
    connection: Connection, response: Response, data: bytes, timeout_s: float, most_bytes: int
) -> Steps:
    if connection.sock is None:
        connection.deadline = response.start_s + min(CONNECT_S, timeout_s)
        yield from connection.open()
    connection.deadline = time.perf_counter() + timeout_s
    yield from connection.send(data)
    parser, received = httptools.HttpResponseParser(response), 0
    while not response.whole:
        data, response.now_s = yield from connection.receive()
        if not data:
            connection.close()
            response.whole = bool(response.status) and response.ends_by_closing
            return
        parser.feed_data(data)
        response.status = parser.get_status_code()
        received += len(data)
        if response.status >= 300 and received > MOST_DETAIL_BYTES:
            connection.close()
            return
        if received > most_bytes:
            raise StreamError("the answer is longer than any that can be measured")
    if not parser.should_keep_alive():
        connection.close()


def _measured(response: Response) -> dict[str, Any]:
    """Read what a streamed answer has measured.

    Raises:
        StreamError: it is no answer that can be measured.
    """
    if response.error is not None:
        raise StreamError(response.error)
    if response.status != 200:
        said = response.body[:160].decode("utf-8", "replace")
        detail = "" if response.status in (401, 403, 429) else f": {said!r}"
        raise StreamError(said_of_status(response.status, KEY_VARIABLE in os.environ) + detail)
    answer = Answer()
    answer.take_pieces(response.pieces)
    if not response.whole:
        raise StreamError("the stream was cut before its end")
    if not answer.finished and not response.body.lstrip().startswith(b"data:"):
        raise StreamError("the answer comes whole, not as a stream")
    return answer.record(response.start_s)


def record_of(response: Response) -> dict[str, Any]:
    """Turn a response into the record of its request."""
    try:
        found, end = _measured(response), response.now_s
    except StreamError as error:
        found, end = {**NO_RECORD, "err": str(error)}, max(response.now_s, response.start_s)
    return {"t0": response.start_s, "end": end, **found, "late_ms": response.late_ms}


def fetched(connection: Connection, path: str, timeout_s: float = CONNECT_S) -> Response | None:
    """Ask for a page by itself; None where there is none."""
    asked = request_bytes(connection.target, "GET", path)
    found: Response = alone(exchange(connection, asked, timeout_s, MOST_PAGE_BYTES))
    return found if found.error is None and found.whole and found.status == 200 else None
