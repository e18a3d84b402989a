"""Compare left-out speeds with what aiconfigurator predicted for the same rows.

python -m tests.benchmarks.aiconfigurator PREDICTIONS.csv

The file has the columns meas_tpot and pred_tpot (ms) and oom; rows are joined by the measured TPOT, dense models only.
aiconfigurator was tuned on these rows; here each is left out before it is asked for.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from optimizer.load import load_catalog
from optimizer.throughput.fit import fit
from optimizer.throughput.left_out import leave_out
from optimizer.throughput.samples import samples

KINDS = ("interior", "curve", "configuration", "combination", "gpu")


def predictions(path: Path) -> dict[float, float]:
    """Return measured TPOT -> predicted TPOT."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["pred_tpot"] and row["oom"] != "True"]
    return {round(float(row["meas_tpot"]), 4): float(row["pred_tpot"]) for row in rows}


def said(errors: Iterable[float]) -> str:
    """Write median and mean of absolute errors."""
    sizes = np.abs(list(errors))
    return f"median {np.median(sizes):6.1%}  mean {np.mean(sizes):6.1%}"


def main(path: Path) -> None:
    """Print a table by kind of gap and engine."""
    theirs, catalog = predictions(path), load_catalog()
    rows = samples(catalog)
    _, starts = fit(rows)
    for kind in KINDS:
        found = [(row, theirs[key]) for row in leave_out(catalog, kind, rows, starts)
                 if (key := round(row.sample.tpot_ms, 4)) in theirs and not row.sample.question.model.experts]
        for engine in ("", *sorted({row.sample.point.engine_id for row, _ in found})):
            chosen = [(row, other) for row, other in found if engine in ("", row.sample.point.engine_id)]
            ours = said(row.tpot_error for row, _ in chosen)
            other = said(other / row.sample.tpot_ms - 1 for row, other in chosen)
            print(f"{kind:14}{engine or 'all':14}{len(chosen):6}  gpumix {ours}  aiconfigurator {other}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
