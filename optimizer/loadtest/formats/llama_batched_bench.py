"""llama-batched-bench: lines of JSON, or the table it prints.

https://github.com/ggml-org/llama.cpp/tree/master/tools/batched-bench: a synthetic batch without a server.
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "llama-batched-bench"

COLUMNS = {"PP": "pp", "TG": "tg", "B": "pl", "T_PP s": "t_pp", "T_TG s": "t_tg", "S_TG t/s": "speed_tg", "T s": "t"}

SIGNS = {"pp", "tg", "pl", "t_pp", "t_tg"}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _table(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """Read the printed table: rows under a head that names PP, TG and B."""
    rows: list[tuple[str, dict[str, Any]]] = []
    head: list[str] = []
    shared = "is_pp_shared = 1" in document.text
    for number, line in enumerate(document.text.splitlines(), 1):
        if not line.strip().startswith("|"):
            continue
        cells = _cells(line)
        if set(COLUMNS) <= set(cells):
            head = cells
        elif head and len(cells) == len(head) and not set(cells[0]) <= set("-: "):
            named = {COLUMNS[name]: _figure(cell) for name, cell in zip(head, cells, strict=True) if name in COLUMNS}
            rows.append((f"line {number}", {**named, "is_pp_shared": int(shared)}))
    return rows


def _figure(cell: str) -> Any:
    """Read a cell as a number; other text stays and is a fault where a number is needed."""
    try:
        return float(cell)
    except ValueError:
        return cell


def _runs(document: Document) -> list[tuple[str, dict[str, Any]]]:
    if document.objects:
        return list(zip(document.places(), document.objects, strict=True))
    return _table(document) if document.whole is None else []


def recognises(document: Document) -> bool:
    """Say whether every row is one of a batched bench."""
    runs = _runs(document)
    return bool(runs) and all(run.keys() >= SIGNS for _, run in runs)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every row."""
    return [_level(Facts(run, document.label, place, faults)) for place, run in _runs(document)]


def _level(facts: Facts) -> FoundLevel:
    prefill, decode = facts.number("t_pp", required=True), facts.number("t_tg", required=True)
    batch, tokens = facts.number("pl", required=True), facts.number("tg", required=True)
    whole = facts.number("t") or (prefill or 0.0) + (decode or 0.0)
    said = ["TPOT is decode time / tokens: synthetic batches in step, no server, no prompts between"]
    if facts.raw("is_pp_shared"):
        said.append("one prompt was shared by the batch: its prefill time is no TTFT")
    else:
        said.append("TTFT is the prefill of the whole batch: an upper bound")
    shared = bool(facts.raw("is_pp_shared"))
    return FoundLevel(
        tool=TOOL, place=facts.place, arrival="batch", users=batch,
        isl_tokens=facts.number("pp", required=True), osl_tokens=tokens,
        ttft=Latency() if shared or prefill is None else Latency(1000 * prefill),
        tpot=Latency(1000 * decode / tokens) if decode is not None and tokens else Latency(),
        output_tokens_per_s=batch * tokens / whole if batch and tokens and whole else None,
        stated=Stated(engine="llama.cpp"), conversions=tuple(said),
    )
