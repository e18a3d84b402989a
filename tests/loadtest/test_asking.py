"""One request over one connection, against a socket that answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from optimizer.loadtest import answers
from optimizer.loadtest.asking import Response, exchange, record_of
from optimizer.loadtest.loop import alone
from optimizer.loadtest.wire import Connection, Target, target_of

Answering = Callable[[socket.socket, int], None]
"""Answers one request on a connection; the number counts the requests of all connections."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = (b'data: {"choices": [{"text": "a"}]}\n\n',
         b'data: {"choices": [{"text": "b", "finish_reason": "length"}]}\n\n')


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def good(sock: socket.socket, _: int) -> None:
    sock.sendall(HEAD + b"".join(map(chunk, LINES)) + b"0\r\n\r\n")


@pytest.fixture
def serve() -> Iterator[Callable[[Answering], Target]]:
    """How to start a server whose every request is answered by a function."""
    listening = socket.create_server(("127.0.0.1", 0))
    asked = count(1)

    def talk(sock: socket.socket, answer: Answering) -> None:
        with sock:
            try:
                while sock.recv(65536):
                    answer(sock, next(asked))
            except OSError:
                pass

    def listen(answer: Answering) -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(sock, answer), daemon=True).start()

    def start(answer: Answering) -> Target:
        threading.Thread(target=listen, args=(answer,), daemon=True).start()
        return target_of(f"http://127.0.0.1:{listening.getsockname()[1]}", None)

    yield start
    listening.close()


def asked(target: Target, times: int = 1, timeout_s: float = 10.0) -> list[Response]:
    connection = Connection(target)
    found = [alone(exchange(connection, b"POST / HTTP/1.1\r\n\r\n", timeout_s)) for _ in range(times)]
    connection.close()
    return found


def test_a_connection_is_kept_and_opened_again_where_the_server_closed_it(
    serve: Callable[[Answering], Target],
) -> None:
    def closing(sock: socket.socket, number: int) -> None:
        good(sock, number)
        if number == 2:
            sock.shutdown(socket.SHUT_RDWR)

    records = [record_of(response) for response in asked(serve(closing), times=4)]
    assert [record["err"] for record in records] == [None] * 4
    assert all(record["n_out"] == 2 for record in records)


def endless(head: bytes, part: bytes) -> Answering:
    def answer(sock: socket.socket, _: int) -> None:
        sock.sendall(head)
        while True:
            sock.sendall(part)

    return answer


@pytest.mark.parametrize("part", [chunk(b"data: {}\n" * 100), chunk(b"x" * 1000)])
def test_answers_and_lines_without_end_are_cut(
    serve: Callable[[Answering], Target], monkeypatch: pytest.MonkeyPatch, part: bytes,
) -> None:
    monkeypatch.setattr(answers, "MOST_LINE_BYTES", 2_000)
    connection = Connection(serve(endless(HEAD, part)))
    response = alone(exchange(connection, b"POST / HTTP/1.1\r\n\r\n", 10.0, 10_000))
    assert record_of(response)["err"] == "the answer is longer than any that can be measured"


def test_a_line_that_never_ends_is_cut_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_LINE_BYTES", 2_000)
    response = Response(0.0, status=200, whole=True, pieces=[(1.0, b"x" * 500)] * 5)
    assert record_of(response)["err"] == "the answer is longer than any that can be measured"


def test_an_error_page_is_read_up_to_its_beginning(serve: Callable[[Answering], Target]) -> None:
    head = b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\n"
    (response,) = asked(serve(endless(head, chunk(b"broken " * 100))))
    assert record_of(response)["err"].startswith("HTTP 500 from the server: 'broken broken")


def test_an_answer_that_drips_ends_in_time(serve: Callable[[Answering], Target]) -> None:
    def dripping(sock: socket.socket, _: int) -> None:
        sock.sendall(HEAD)
        while True:
            sock.sendall(chunk(LINES[0]))
            threading.Event().wait(0.05)

    (response,) = asked(serve(dripping), timeout_s=0.4)
    assert record_of(response)["err"] == "no answer within the time limit"


@pytest.mark.parametrize("answer", [
    lambda sock, _: sock.sendall(b"SSH-2.0-x\r\n"), lambda sock, _: sock.shutdown(socket.SHUT_RDWR)])
def test_what_is_no_http_is_one_line(serve: Callable[[Answering], Target], answer: Answering) -> None:
    (response,) = asked(serve(answer))
    assert response.error is not None
    assert "\n" not in record_of(response)["err"]
