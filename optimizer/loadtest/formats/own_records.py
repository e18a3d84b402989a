"""Raw records of `gpumix loadtest run`, and of scripts that write a line a request in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.distortion import LIMIT
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import CACHED_UNSEEN, FoundLevel, Stated
from optimizer.loadtest.records import VERSION, Request, RunFigures, figures_of, request_of
from optimizer.loadtest.statistics import over_runs

TOOL = "gpumix loadtest run"

SIGNS = {"level", "t0", "end", "ttft_ms", "tpot_ms", "n_out"}


def recognises(document: Document) -> bool:
    """Say whether the lines are records, with or without the head of a run."""
    lines = document.objects
    return bool(lines) and ("gpumix_loadtest" in lines[0] or all(line.keys() >= SIGNS for line in lines))


@dataclass
class _Runs:
    """The runs of one level that came to their end."""

    figures: list[RunFigures] = field(default_factory=list)
    ends: list[Facts] = field(default_factory=list)
    """The last line of each, where there is one."""


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every finished level; runs of one level are joined."""
    head: dict[str, Any] = document.objects[0] if "gpumix_loadtest" in document.objects[0] else {}
    if head and head["gpumix_loadtest"] != VERSION:
        found = f"version {head['gpumix_loadtest']!r}"
        faults.append(Fault(document.label, "line 1.gpumix_loadtest", found, f"version {VERSION}"))
        return []
    levels: dict[int, _Runs] = {}
    for users, figures, end in _finished(document, bool(head), faults):
        level = levels.setdefault(users, _Runs())
        level.figures.append(figures)
        level.ends += [end] if end is not None else []
    facts = Facts(head, document.label, "line 1", faults)
    return [_joined(users, levels[users], facts) for users in sorted(levels)]


def _finished(
    document: Document, headed: bool, faults: list[Fault]
) -> Iterator[tuple[int, RunFigures, Facts | None]]:
    """Yield (users, figures, last line) of every run of a level that came to its end and was not dropped."""
    requests: dict[tuple[int, int], list[Request]] = {}
    ends: dict[tuple[int, int], Facts] = {}
    for place, line in zip(document.places(), document.objects, strict=True):
        key = (line.get("level") or line.get("finished_level") or 0, line.get("run", 1))
        if not all(isinstance(part, int) for part in key) or ("gpumix_loadtest" not in line and key[0] < 1):
            faults.append(Fault(document.label, f"{place}.level", repr(key[0])[:40], "a number of users from 1"))
        elif "finished_level" in line:
            if isinstance(line.get("window"), list) and len(line["window"]) == 2 and not line.get("dropped"):
                ends[key] = Facts(line, document.label, place, faults)
        elif "level" in line and (request := request_of(line, place, document.label, faults)) is not None:
            requests.setdefault(key, []).append(request)
    for key, found in requests.items():
        if key in ends:
            start, end = ends[key].data["window"]
            yield key[0], figures_of(key[0], found, (start, end)), ends[key]
        elif not headed:
            yield key[0], figures_of(key[0], found), None


def distortion_of(end: Facts, figures: RunFigures, workers: float | None) -> float:
    """Return by which share the client moved the figures of a run.

    Records of version 0.1 state only the lag of one process: it is held against TTFT and TPOT whole, and where other
    processes made the load theirs is unknown, so that the row is at least doubted.
    """
    stated = end.number("distortion_fraction")
    if stated is not None:
        return stated
    lag = end.number("client_lag_ms") or 0.0
    shares = [lag / found.mean for found in (figures.ttft, figures.tpot) if found.mean]
    return max([*shares, UNKNOWN if (workers or 1) > 1 else 0.0])


UNKNOWN = 0.05
"""Stands for a distortion that nobody measured: doubted, not refused."""


def _stated(facts: Facts) -> Stated:
    """Read the set-up that the head of a run states."""
    return Stated(
        model=facts.text("set_up.model") or facts.text("model"), engine=facts.text("set_up.engine"),
        engine_version=facts.text("set_up.engine_version"), gpu=facts.text("set_up.gpu"),
        gpu_count=facts.count("set_up.gpu_count"), tp_size=facts.count("set_up.tp_size"),
        layout=facts.text("set_up.layout"), precision=facts.text("set_up.precision"), day=facts.text("day"))


def _joined(users: int, level: _Runs, head: Facts) -> FoundLevel:
    """Join the runs of one level."""
    runs, count, asked = level.figures, len(level.figures), head.number("osl_tokens")
    prompts = [run.isl_tokens for run in runs if run.isl_tokens is not None]
    osl = sum(run.osl_tokens for run in runs) / count
    said = ["TPOT leaves the first token out"]
    if count > 1:
        said.append(f"mean of {count} runs; the interval holds the spread between them")
    if not head.data:
        said.append("no head: every record is taken as measured, throughput up to the last start")
    if asked and osl < 0.99 * asked:
        said.append(f"answers ended early: {osl:.1f} of {asked:.0f} tokens on average")
    moved = max((distortion_of(end, run, head.number("workers"))
                 for end, run in zip(level.ends, runs, strict=False)), default=0.0)
    cached = [found for end in level.ends if (found := end.number("cached_fraction")) is not None]
    template = (head.number("template_tokens") or 0.0) / (head.number("isl_tokens") or 1.0)
    return FoundLevel(
        tool=TOOL, place=f"level {users}", arrival="closed", users=users,
        isl_tokens=sum(prompts) / len(prompts) if prompts else None, osl_tokens=osl,
        ttft=over_runs([run.ttft for run in runs]), tpot=over_runs([run.tpot for run in runs]),
        output_tokens_per_s=sum(run.output_tokens_per_s for run in runs) / count,
        requests_per_s=sum(run.requests_per_s for run in runs) / count,
        completed=sum(run.requests for run in runs), failed=sum(run.failed for run in runs),
        distortion_fraction=moved, cached_fraction=max(cached, default=None),
        cached_allowed_fraction=max(CACHED_UNSEEN, template),
        prefix_cached_fraction=head.number("prefix_cached") or 0.0,
        doubts=tuple(_doubts(moved, head.number("tokens_per_event") or 1.0, osl)),
        stated=_stated(head), conversions=tuple(said))


def _doubts(moved: float, tokens_per_event: float, osl_tokens: float) -> Iterator[str]:
    """Yield why a level is trusted less."""
    if moved > LIMIT:
        yield f"its client moved the figures by some {moved:.0%}"
    missing = (tokens_per_event - 1) / max(1.0, osl_tokens - 1)
    if missing > LIMIT:
        yield (f"{tokens_per_event:.1f} tokens come in one event: TTFT is that of the first event, and TPOT up to"
               f" {missing:.0%} too low")
