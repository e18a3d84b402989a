"""`gpumix demand from-trace` in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    rows = [f"2026-01-01 00:00:{second:02d},{100 if second % 2 else 2000},50" for second in range(60)]
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_text_shows_classes_hours_and_the_lines_of_a_problem(run: Run, trace: Path) -> None:
    found = run("demand", "from-trace", trace, "--timezone", "Asia/Tokyo")
    assert (found.code, found.err) == (0, "")
    assert "60 requests from 2026-01-01T00:00:00+09:00" in " ".join(found.out.split())
    assert "- {isl_tokens: 100, osl_tokens: 50, share_fraction: 0.500000}" in found.out
    assert "demand: {peak_rps: 1.000000}  # busiest of 60 s windows" in found.out
    assert "Hours (Asia/Tokyo)" in found.out


def test_other_formats(run: Run, trace: Path) -> None:
    data = json.loads(run("demand", "from-trace", trace, "--format", "json", "--level", "p99").out)
    assert (data["requests"], data["peak_rps"], data["demand_level"]) == (60, 1.0, "p99")
    assert [one["isl_tokens"] for one in data["classes"]] == [100, 2000]
    rows = list(csv.DictReader(io.StringIO(run("demand", "from-trace", trace, "--format", "csv").out)))
    assert [row["share_fraction"] for row in rows] == ["0.5", "0.5"]
    assert "```\n" in run("demand", "from-trace", trace, "--format", "markdown").out


def test_faults_are_lines(run: Run, trace: Path) -> None:
    trace.write_text(trace.read_text(encoding="utf-8") + "noon,5,7\n2026-01-01,x,7\n", encoding="utf-8")
    found = run("demand", "from-trace", trace)
    assert found.code == 2
    assert "line 62, time: found 'noon'" in found.err
    assert "line 63, input tokens: found 'x'" in found.err
    assert run("demand", "from-trace", trace, "--window", "0").code == 2
