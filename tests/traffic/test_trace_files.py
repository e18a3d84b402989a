"""Traces as people have them: forms, compression, whose columns, units told and asked for, memory that stays."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load.trace import Columns, Trace, read_trace, source
from optimizer.traffic import profile as profiles
from optimizer.traffic.profile import profile
from tests.cli.conftest import Run, no_settings, run

__all__ = ["no_settings", "run"]

MOONCAKE = "".join(json.dumps({"timestamp": 3000 * (i // 2), "input_length": 2000 + 37 * (i // 2),
                               "output_length": 100 + i % 7, "hash_ids": [i, i + 1]}) + "\n" for i in range(400))
"""Two requests every three seconds, in milliseconds: 400 over 597 s."""

LITELLM = [{"request_id": f"r{i}", "startTime": f"2026-01-01T00:00:{i:02d}.5+00:00", "prompt_tokens": 100 + i,
            "completion_tokens": 50, "metadata": {"user": 'a " quote'}} for i in range(30)]

COMPLETIONS = [{"id": "x", "created": 1767225600 + 2 * i, "model": "m",
                "usage": {"prompt_tokens": 100 + i, "completion_tokens": 50, "total_tokens": 150 + i}}
               for i in range(30)]

SPANS = [{"name": "llm_request", "startTimeUnixNano": 1767225600 * 10**9 + i * 10**9,
          "attributes": {"gen_ai.usage.prompt_tokens": 100 + i, "gen_ai.usage.completion_tokens": 50}}
         for i in range(30)]


def lines_of(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


def as_csv(text: str) -> str:
    records = [json.loads(row) for row in text.splitlines()]
    names = [name for name in records[0] if name != "hash_ids"]
    return ",".join(names) + "\n" + "".join(",".join(str(one[name]) for name in names) + "\n" for one in records)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Trace]:
    def make(content: str | bytes, name: str = "trace", **columns: Any) -> Trace:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_trace(tmp_path / name, Columns(**columns))

    return make


@pytest.mark.parametrize("form", [lambda text: text, as_csv], ids=["lines", "csv"])
@pytest.mark.parametrize("squeeze", [
    str.encode, lambda text: gzip.compress(text.encode()), lambda text: bz2.compress(text.encode()),
    lambda text: lzma.compress(text.encode()), lambda text: zstd(text.encode()),
], ids=["plain", "gzip", "bzip2", "xz", "zstd"])
def test_mooncake_in_every_form_is_in_milliseconds(
    read: Callable[..., Trace], form: Callable[[str], str], squeeze: Callable[[str], bytes]
) -> None:
    """400 requests in 597 s, two every 3 s: 0.670 a second, and 40 in the busiest minute."""
    found = profile(read(squeeze(form(MOONCAKE))))
    assert (found.requests, found.span_s, found.peak_rps) == (400, 597.0, 40 / 60)
    assert found.mean_rps == pytest.approx(400 / 597)
    assert (found.time_unit, found.time_unit_from) == ("ms", "the columns are those of Mooncake")


def zstd(data: bytes) -> bytes:
    pa = pytest.importorskip("pyarrow")
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue())


@pytest.mark.parametrize(("records", "step_s", "start"), [
    (LITELLM, 1, 1767225600.5), (COMPLETIONS, 2, 1767225600.0), (SPANS, 1, 1767225600.0),
], ids=["litellm", "openai", "vllm spans"])
def test_logs_of_servers_are_known(
    read: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch, records: list[dict[str, Any]], step_s: int,
    start: float
) -> None:
    for by_arrow in (True, False):
        if not by_arrow:
            monkeypatch.setattr(source, "_by_arrow", lambda *_: None)
        found = read(lines_of(records))
        assert found.seconds.tolist() == [start + step_s * i for i in range(30)]
        assert found.input_tokens.tolist() == [100 + i for i in range(30)]
        assert set(found.output_tokens.tolist()) == {50}
        assert found.lines.tolist() == list(range(1, 31))


def test_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    times = [datetime(2026, 1, 1, 0, 0, i, tzinfo=UTC) for i in range(30)]
    usage = [{"prompt_tokens": 100 + i, "completion_tokens": 50} for i in range(30)]
    pq.write_table(pa.table({"timestamp": times, "usage": usage, "other": ["x"] * 30}), tmp_path / "t.parquet")
    found = read_trace(tmp_path / "t.parquet", Columns())
    assert found.seconds.tolist() == [1767225600.0 + i for i in range(30)]
    assert found.input_tokens.tolist() == [100 + i for i in range(30)]
    (tmp_path / "t.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match="no Parquet file"):
        read_trace(tmp_path / "t.parquet", Columns())


@pytest.mark.parametrize(("head", "unit", "sure"), [
    ("arrival_time_ms,input_tokens,output_tokens", "ms", True), ("time_ns,isl,osl", "ns", True),
    ("arrived_at,num_prefill_tokens,num_decode_tokens", "s", True),
    ("Timestamp,Request tokens,Response tokens", "s", True),
    ("chat_id,timestamp,input_length,output_length", "s", True),
    ("timestamp,input_length,output_length", "ms", True), ("time,input_tokens,output_tokens", "s", False),
])
def test_a_unit_is_told_by_names(read: Callable[..., Trace], head: str, unit: str, sure: bool) -> None:
    row = ("7," if head.startswith("chat_id") else "") + "{},5,7\n"
    found = read(head + "\n" + row.format(0) + row.format(6000)).unit
    assert found is not None
    assert (found.name, found.sure) == (unit, sure)


def test_a_unit_that_nothing_tells_is_shown_or_asked_for(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,input_tokens,output_tokens\n0,5,7\n60000,5,7\n")
    said = " ".join(run("demand", "from-trace", path).out.split())
    assert "times are numbers read as seconds (no name tells the unit): the trace lasts 60,000 s" in said
    path.write_text("time,input_tokens,output_tokens\n0,5,7\n597000,5,7\n")
    result = run("demand", "from-trace", path)
    assert (result.code, result.out) == (2, "")
    assert "found whole numbers that would last 6.9 days as seconds, 9.9 minutes as milliseconds" in result.err
    assert "600.0" not in run("demand", "from-trace", path, "--time-unit", "ms").err
    told = json.loads(run("demand", "from-trace", path, "--time-unit", "ms", "--format", "json").out)
    assert (told["span_s"], told["time_unit"], told["time_unit_from"]) == (597.0, "ms", "as --time-unit says")


def test_columns_are_mapped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"when": 1767225600, "n": {"in": 5, "out": 7}}\n')
    unknown = run("demand", "from-trace", path)
    assert unknown.err.count("no known") == 3
    assert "--map time=NAME, NAME one of when, n.in, n.out" in unknown.err
    known = run("demand", "from-trace", path, "--map", "time=when", "--map", "input=n.in", "--map", "output=n.out",
                "--format", "json")
    assert json.loads(known.out)["requests"] == 1
    for wrong in ("when", "kind=n", "time="):
        assert run("demand", "from-trace", path, "--map", wrong).code == 2
    twice = run("demand", "from-trace", path, "--map", "time=when", "--time-column", "when")
    assert "time a second time" in twice.err


@pytest.mark.parametrize(("text", "said"), [
    ("start_time,num_model_requests,input_tokens,output_tokens\n1767225600,5,1,1\n", "sum several requests up"),
    ('{"created": 1, "usage": {"prompt_tokens": 1}}\n', "no known output column"),
    ('{"time": 1, "input": 5, "output": 7}\n{"time": 2\n', "line 2: found '{\"time\": 2'"),
    ('{"time": 1, "input": 5, "output": 7}\n{"time": 2, "input": [], "output": 7}\n', "line 2, input tokens"),
    ('{"time": 1, "input": 5, "output": 7}\n{"time": "x", "input": 5, "output": 7}\n', "line 2, time: found 'x'"),
    ('{"time": 1, "input": 5, "output": 7}\n[]\n', "line 2: found '\\[\\]'"),
    ("{\n", "line 1: found text that JSON cannot read"),
    (f"time,input,output\n1,{'9' * 400},7\n", "line 2, input tokens: found 9999"),
    (f'{{"time": 1, "input": {"9" * 400}, "output": 7}}\n', "line 1, input tokens: found"),
    (f'{{"time": {"9" * 400}, "input": 1, "output": 7}}\n', "line 1, time: found"),
    ("time,input,output\n1,5,\udcff\n".encode("utf-8", "surrogateescape"), "line 2: found the byte 0xff"),
    (gzip.compress(b"time,input,output\n" + b"1,5,7\n" * 999)[:-20], "compressed data that cannot be read"),
    (b"\x1f\x8b nothing", "compressed data that cannot be read"),
], ids=["sums", "no output", "cut line", "list as tokens", "word as time", "list as row", "no JSON", "digits in csv",
        "digits in json", "digits of time", "encoding", "cut gzip", "no gzip"])
def test_what_is_no_trace_is_refused(read: Callable[..., Trace], text: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(text)


def test_a_row_without_end_is_refused(read: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(source, "LONGEST_ROW_BYTES", 5000)
    with pytest.raises(InputError, match="a row of more than 5,000 bytes, or a quote that is never closed"):
        read(gzip.compress(b"time,input,output\n" + b"0" * 100_000))
    with pytest.raises(InputError, match="a quote that is never closed"):
        read('time,input,output\n"1,5,7\n' + "1,5,7\n" * 5000)


@pytest.mark.parametrize("size", [64, 100, 1000])
def test_blocks_change_nothing(read: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Rows with line breaks in cells, out of order, with empty lines at the end, in blocks of a few rows."""
    rows = [f'{(i * 7) % 100},"a\n""b"" {i}",{i + 1},{2 * i}\n' for i in range(100)]
    text = "time,prompt,input,output\n" + "".join(rows) + "\n\n"
    whole = read(text)
    monkeypatch.setattr(source, "BLOCK_BYTES", size)
    monkeypatch.setattr("optimizer.load.trace.reading.CHUNK", 7)
    parts = read(text)
    for name in ("seconds", "input_tokens", "output_tokens", "lines"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
    assert (parts.out_of_order, parts.zero_tokens, parts.rows) == (whole.out_of_order, whole.zero_tokens, whole.rows)
    assert profile(parts) == profile(whole)


def test_very_many_lengths_are_rounded_up_and_said(
    read: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "time,input,output\n" + "".join(f"{i}.5,{1000 + i},{5000 + i}\n" for i in range(200))
    exact = profile(read(text))
    monkeypatch.setattr(profiles, "MOST_PAIRS", 50)
    rounded = profile(read(text))
    assert (exact.lengths_rounded_to_digits, rounded.lengths_rounded_to_digits) == (None, 3)
    assert rounded.largest_context_tokens == exact.largest_context_tokens == 6398
    assert sum(one.requests for one in rounded.classes) == 200
    assert rounded.classes[-1].isl_p95_tokens >= exact.classes[-1].isl_p95_tokens


READ = """
import resource, sys
from pathlib import Path
from optimizer.load.trace import Columns, read_trace
from optimizer.traffic.profile import profile
assert profile(read_trace(Path(sys.argv[1]), Columns())).requests == int(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """One and four million rows: the same memory within a tenth, at hundreds of thousands of rows a second."""
    used = []
    for rows in (1_000_000, 4_000_000):
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("timestamp,input_tokens,output_tokens\n")
            file.writelines(f"{1767225600 + i / 16},{i % 503 + 1},{i % 97 + 1}\n" for i in range(rows))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", READ, str(path), str(rows)], capture_output=True, text=True,
                              check=True)
        spent = min(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        assert rows / spent > 250_000  # 500,000 on a quiet core
        used.append(int(done.stdout))
        path.unlink()
    assert used[1] < 1.1 * used[0]
