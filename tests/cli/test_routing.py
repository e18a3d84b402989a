"""Routed classes at the command line: what is shown, what is refused, and the classes of a trace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_text_and_markdown_say_where_classes_go(run: Run) -> None:
    text = run("solve", "--details", "documents-by-length").out
    assert "24,000 + 512 tokens: all of them" in text
    assert re.search(r"512 \+ 256 tokens: [0-9.]+% of them", text)
    assert max(map(len, re.sub(r"https?://\S+", "", text).splitlines())) <= 80
    assert "24,000 + 512 tokens: all of them" in run("solve", "documents-by-length", "--format", "markdown").out


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("services.0.routing=by_length",), "services.0.routing: found 'by_length'; allowed: 'mixed' or 'by_class'"),
        (("limits.max_utilisation_fraction=0",), "limits.max_utilisation_fraction: found 0"),
        (("limits.max_utilisation_fraction=1.1",), "limits.max_utilisation_fraction: found 1.1"),
        (("limits.survive.nodes=6",), "limits.survive.nodes: found 6 beside routing: by_class; allowed: at most 5"),
        (("limits.spot_share_fraction=0.5",), "limits.spot_share_fraction: found 0.5 beside routing: by_class"),
        (("services.0.workload.1.isl_tokens=512", "services.0.workload.1.osl_tokens=256"),
         "classes of the same lengths"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(run: Run, overrides: tuple[str, ...], words: str) -> None:
    result = run("solve", "documents-by-length", *(part for one in overrides for part in ("--set", one)))
    assert result.code == 2
    assert words in result.err


def test_explain_follows_classes_that_are_routed_apart(run: Run) -> None:
    result = run("explain", "documents-by-length")
    assert (result.code, result.err) == (0, "")
    assert "services.0.slo.ttft_ms" in result.out or "services.0.slo.grade" in result.out


def test_classes_of_a_trace_can_be_routed(run: Run, tmp_path: Path) -> None:
    """The lines that `demand from-trace` prints, in a problem with routing: by_class, make a plan."""
    rows = [(second, 300 if second % 4 else 9000, 200 if second % 4 else 400) for second in range(1, 1201)]
    trace = tmp_path / "trace.csv"
    trace.write_text("timestamp,input_tokens,output_tokens\n" + "".join(f"{t},{i},{o}\n" for t, i, o in rows))
    text = run("demand", "from-trace", str(trace), "--classes", "3").out
    lines = [line.removeprefix("  ") for line in text[text.index("      workload:"):].splitlines()]
    part = lines[: next(i for i, line in enumerate(lines) if "demand:" in line) + 1]
    problem = tmp_path / "from-trace.yaml"
    problem.write_text("\n".join([
        "schema_version: 1", "name: from-trace", "services:", "  - service_id: chat",
        "    model: llama-3.1-8b-instruct",
        "    routing: by_class", "    slo: {grade: C, ttft_ms: 4000}", *part, ""]))
    result = run("solve", "--details", str(problem))
    assert result.code == 0, result.err
    assert "9,000 + 400 tokens" in result.out


def test_without_a_plan_it_says_what_must_give(run: Run) -> None:
    result = run("solve", "--details", "documents-by-length", "--set", "limits.max_utilisation_fraction=0.5",
                 "--set", "limits.budget={amount: 12000}")
    told = " ".join(result.out.split())
    assert result.code == 1
    assert re.search(r"limits.max_utilisation_fraction: 0.5 -> 0\.[0-9]+: a plan for", told)
    assert "limits.budget: 12,000.00 USD a month -> " in told


def test_a_cap_on_spot_nodes_may_be_what_must_give(run: Run) -> None:
    result = run("solve", "--details", "helpdesk-llama3-8b", "--set", "limits.kinds=[spot]",
                 "--set", "limits.spot_share_fraction=0.5")
    assert result.code == 1
    assert "-> no cap: a plan for" in " ".join(result.out.split())
