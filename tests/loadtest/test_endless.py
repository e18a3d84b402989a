"""A response without end is cut by its size, whatever its status and lines."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from optimizer.loadtest import asking
from tests.cli.conftest import Run, no_settings, run

__all__ = ["no_settings", "run"]


class Endless(socketserver.StreamRequestHandler):
    """Answers every request with chunks that never end."""

    status, chunk = 200, b""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                         % self.status)
        try:
            while True:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(self.chunk), self.chunk))
        except OSError:
            pass


@pytest.fixture(params=[(200, b"x" * 65536),
                        (200, b'data: {"choices":[{"text":"a"}]}\n\n' * 2000), (500, b"x" * 65536)],
                ids=["a line", "lines", "an error page"])
def endless(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve it, and return its address."""
    status, chunk = request.param
    handler = type("Handler", (Endless,), {"status": status, "chunk": chunk})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_response_without_end_is_cut(
    run: Run, endless: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An error page is told by its first words, which are all that is read of it."""
    assert asking.MOST_ANSWER_BYTES == 64 * 2**20
    result = run("loadtest", "run", "--url", endless, "--served-model", "m", "--users", "1", "--isl", "8", "--osl", "8",
                 "--runs", "1", "--timeout", "20", "--records", tmp_path_factory.mktemp("endless") / "r.jsonl")
    assert (result.code, result.out) == (2, "")
    is_page = request.node.callspec.id == "an error page"
    assert ("found HTTP 500 from the server" if is_page else "the answer is longer than any that can be measured"
            ) in result.err
