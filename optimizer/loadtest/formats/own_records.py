"""Raw records of `gpumix loadtest run`, and of scripts that write a line a request in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import FoundLevel, Stated
from optimizer.loadtest.records import VERSION, Request, RunFigures, figures_of, request_of
from optimizer.loadtest.statistics import over_runs

TOOL = "gpumix loadtest run"

SIGNS = {"level", "t0", "end", "ttft_ms", "tpot_ms", "n_out"}


def recognises(document: Document) -> bool:
    """Say whether the lines are records, with or without the head of a run."""
    lines = document.objects
    return bool(lines) and ("gpumix_loadtest" in lines[0] or all(line.keys() >= SIGNS for line in lines))


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every finished level; runs of one level are joined."""
    head: dict[str, Any] = document.objects[0] if "gpumix_loadtest" in document.objects[0] else {}
    if head and head["gpumix_loadtest"] != VERSION:
        found = f"version {head['gpumix_loadtest']!r}"
        faults.append(Fault(document.label, "line 1.gpumix_loadtest", found, f"version {VERSION}"))
        return []
    runs: dict[int, list[RunFigures]] = {}
    for users, figures in _runs(document, bool(head), faults):
        runs.setdefault(users, []).append(figures)
    facts = Facts(head, document.label, "line 1", faults)
    stated, short = _stated(facts), facts.number("osl_tokens")
    return [_joined(users, runs[users], stated, bool(head), short) for users in sorted(runs)]


def _runs(document: Document, headed: bool, faults: list[Fault]) -> Iterator[tuple[int, RunFigures]]:
    """Yield (users, figures) of every run of a level that came to its end."""
    requests: dict[tuple[int, int], list[Request]] = {}
    ends: dict[tuple[int, int], tuple[float, float] | None] = {}
    for place, line in zip(document.places(), document.objects, strict=True):
        key = (line.get("level") or line.get("finished_level") or 0, line.get("run", 1))
        if not all(isinstance(part, int) for part in key) or ("gpumix_loadtest" not in line and key[0] < 1):
            faults.append(Fault(document.label, f"{place}.level", repr(key[0])[:40], "a number of users from 1"))
        elif "finished_level" in line:
            window = line.get("window")
            if isinstance(window, list) and len(window) == 2 and not line.get("dropped"):
                ends[key] = (window[0], window[1])
        elif "level" in line and (request := request_of(line, place, document.label, faults)) is not None:
            requests.setdefault(key, []).append(request)
    for key, found in requests.items():
        if key in ends or not headed:
            yield key[0], figures_of(key[0], found, ends.get(key))


def _stated(facts: Facts) -> Stated:
    """Read the set-up that the head of a run states."""
    return Stated(
        model=facts.text("set_up.model") or facts.text("model"), engine=facts.text("set_up.engine"),
        engine_version=facts.text("set_up.engine_version"), gpu=facts.text("set_up.gpu"),
        gpu_count=facts.count("set_up.gpu_count"), tp_size=facts.count("set_up.tp_size"),
        layout=facts.text("set_up.layout"), precision=facts.text("set_up.precision"), day=facts.text("day"))


def _joined(users: int, runs: list[RunFigures], stated: Stated, headed: bool, asked: float | None) -> FoundLevel:
    """Join the runs of one level."""
    count = len(runs)
    prompts = [run.isl_tokens for run in runs if run.isl_tokens is not None]
    osl = sum(run.osl_tokens for run in runs) / count
    said = ["TPOT leaves the first token out"]
    if count > 1:
        said.append(f"mean of {count} runs; the interval holds the spread between them")
    if not headed:
        said.append("no head: every record is taken as measured, throughput up to the last start")
    if asked and osl < 0.99 * asked:
        said.append(f"answers ended early: {osl:.1f} of {asked:.0f} tokens on average")
    return FoundLevel(
        tool=TOOL, place=f"level {users}", arrival="closed", users=users,
        isl_tokens=sum(prompts) / len(prompts) if prompts else None, osl_tokens=osl,
        ttft=over_runs([run.ttft for run in runs]), tpot=over_runs([run.tpot for run in runs]),
        output_tokens_per_s=sum(run.output_tokens_per_s for run in runs) / count,
        requests_per_s=sum(run.requests_per_s for run in runs) / count,
        completed=sum(run.requests for run in runs), failed=sum(run.failed for run in runs),
        stated=stated, conversions=tuple(said))
