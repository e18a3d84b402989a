"""Bodies without an end are cut; what they say so far is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from optimizer.loadtest import capped
from optimizer.loadtest.answers import StreamError
from optimizer.loadtest.capped import beginning_of, lines_of


class Sent:
    """A response whose body comes in these parts."""

    def __init__(self, *parts: bytes, forever: bytes = b"") -> None:
        self.parts, self.forever, self.taken = parts, forever, 0

    def iter_content(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the parts."""
        for part in chain(self.parts, repeat(self.forever) if self.forever else ()):
            self.taken += 1
            yield part


def soon() -> float:
    return time.perf_counter() + 60


def test_lines_are_put_together_from_parts() -> None:
    assert list(lines_of(Sent(b"a\r\nb", b"c\n\nd"), soon())) == [b"a", b"bc", b"", b"d"]
    assert list(lines_of(Sent(), soon())) == []


def test_a_stream_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capped, "MOST_ANSWER_BYTES", 1000)
    endless = Sent(forever=b"data: {}\n")
    with pytest.raises(StreamError, match="longer than any"):
        list(lines_of(endless, soon()))
    assert endless.taken == 112  # 9 bytes each: the first beyond 1,000


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capped, "MOST_LINE_BYTES", 100)
    with pytest.raises(StreamError, match="longer than any"):
        list(lines_of(Sent(forever=b"x" * 50), soon()))


def test_a_stream_that_drips_ends_in_time() -> None:
    with pytest.raises(StreamError, match="within the time limit"):
        list(lines_of(Sent(forever=b"data: {}\n"), time.perf_counter()))


def test_the_beginning_of_a_page() -> None:
    assert beginning_of(Sent(b"abc", b"def"), 100, soon()) == b"abcdef"
    endless = Sent(forever=b"x" * 50)
    assert (beginning_of(endless, 120, soon()), endless.taken) == (b"x" * 120, 3)
    assert beginning_of(Sent(forever=b"x"), 100, time.perf_counter()) == b"x"
