"""llama-bench: JSON, lines of JSON, CSV or the table it prints; one sequence, prompt and generation timed apart.

https://github.com/ggml-org/llama.cpp/tree/master/tools/llama-bench: a test is `pp` (a prompt of n_prompt tokens), `tg`
(n_gen tokens), or both in one time, which tells neither; n_depth tokens stand in the cache before.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "llama-bench"

SIGNS = {"n_prompt", "n_gen", "avg_ts"}

PLACE = ("model_filename", "model_type", "backends", "gpu_info", "n_gpu_layers", "n_threads", "n_depth", "type_k")
"""What tests of one set-up share."""

TEST = re.compile(r"(pp|tg)(\d+)(?: @ d(\d+))?")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _table(text: str) -> list[dict[str, Any]]:
    """Read the printed table under the keys of the JSON."""
    rows: list[dict[str, Any]] = []
    head: list[str] = []
    for line in text.splitlines():
        cells = _cells(line) if line.strip().startswith("|") else []
        if {"test", "t/s"} <= set(cells):
            head = cells
        elif head and len(cells) == len(head) and (test := TEST.fullmatch(cells[head.index("test")])):
            named = dict(zip(head, cells, strict=True))
            speed = named["t/s"].split()[0] if named["t/s"] else ""
            rows.append({"model_type": named.get("model"), "backends": named.get("backend"), "avg_ts": _figure(speed),
                         "n_prompt": int(test[2]) if test[1] == "pp" else 0,
                         "n_gen": int(test[2]) if test[1] == "tg" else 0, "n_depth": int(test[3] or 0)})
    return rows


def _figure(cell: str) -> Any:
    """Read a cell as a number; other text stays and is a fault where a number is needed."""
    try:
        return float(cell)
    except ValueError:
        return cell


def _tests(document: Document) -> list[dict[str, Any]]:
    if document.objects:
        return list(document.objects)
    if document.whole is not None:
        return []
    if document.text.lstrip("\ufeff\r\n ").startswith("build_commit,"):
        rows = csv.DictReader(io.StringIO(document.text.lstrip("\ufeff\r\n ")))
        return [{key: _figure(cell or "") for key, cell in row.items() if key is not None} for row in rows]
    return _table(document.text)


def recognises(document: Document) -> bool:
    """Say whether every test is one of llama-bench."""
    tests = _tests(document)
    return bool(tests) and all(test.keys() >= SIGNS for test in tests)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every test of generation, each with every prompt of the same set-up."""
    levels = []
    tests = [Facts(test, document.label, f"test {number}", faults)
             for number, test in enumerate(_tests(document), 1)]
    prompts = [test for test in tests if test.number("n_prompt") and not test.number("n_gen")]
    for test in tests:
        if test.number("n_gen") and not test.number("n_prompt"):
            same = [one for one in prompts if _place(one) == _place(test)]
            levels += [_level(test, prompt) for prompt in same] or [_level(test, None)]
    return levels


def _place(test: Facts) -> tuple[str, ...]:
    return tuple(repr(test.raw(name)) for name in PLACE)


def _level(test: Facts, prompt: Facts | None) -> FoundLevel:
    """Join a test of generation and one of a prompt: one request alone."""
    speed, tokens = test.number("avg_ts", required=True), test.number("n_gen")
    isl = prompt.number("n_prompt") if prompt is not None else test.number("n_depth") or None
    prefill = prompt.number("avg_ts") if prompt is not None else None
    said = ["one sequence without a server: TPOT is 1 / generated tokens/s"]
    if prompt is not None:
        said.append("TTFT is the time of the prompt's test")
    build = test.count("build_number")
    return FoundLevel(
        tool=TOOL, place=test.place + (f" with {prompt.place}" if prompt is not None else ""), arrival="batch",
        users=1, isl_tokens=isl, osl_tokens=tokens,
        ttft=Latency(1000 * isl / prefill) if prefill and isl else Latency(),
        tpot=Latency(1000 / speed) if speed else Latency(),
        stated=Stated(engine="llama.cpp", engine_version=None if build is None else f"b{build}",
                      gpu=test.text("gpu_info"), day=(test.text("test_time") or "")[:10] or None),
        conversions=tuple(said))
