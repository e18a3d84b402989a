"""How far predicted speeds are from measured ones, as documents and a picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from optimizer.accuracy.against import AgainstRows, Totals
from optimizer.accuracy.speed import Accuracy, LeftOutTotals
from optimizer.documents.cells import Number, Share
from optimizer.documents.document import Document, Piece, Records, bullets, document, paragraph, section, table
from optimizer.errors import Fault, InputError
from optimizer.messages import Message
from optimizer.reports.heads import heads

FIGURES = ("rows", "median", "mean", "p90", "bias", "held", "log-width")


def _figures(total: Totals | LeftOutTotals) -> tuple[Piece | None, ...]:
    return (Number(total.rows), *(Share(value, 1) for value in (
        total.median_error_fraction, total.mean_error_fraction, total.p90_error_fraction, total.bias_fraction,
        total.coverage_fraction)), Number(total.mean_log_width, ".2f"))


def against_document(found: AgainstRows) -> Document:
    """Put own rows against predictions into a document; its rows are theirs."""
    rows = [{name: value for name, value in row.items() if name != "interval"} for row in _against_rows(found)]
    ignored = [paragraph(Message("accuracy.ignored", columns=tuple(found.ignored)))] if found.ignored else []
    return document(
        Message("accuracy.against", n=len(found.rows), file=found.file),
        [section("totals", "", table(heads("by", "rows-of", *FIGURES), [
            (total.by, total.group, *_figures(total)) for total in found.totals]),
            paragraph(Message("accuracy.against-note")), *ignored),
         section("refused", Message("accuracy.refused", n=len(found.refused)), bullets(
             Message("accuracy.line", line=one.line, reason=one.reason) for one in found.refused))],
        records=Records(tuple(rows[0]) if rows else ("line",), tuple(rows)), data=lambda: _against_data(found))


def _against_rows(found: AgainstRows) -> list[dict[str, object]]:
    return [asdict(row) | {"interval": [row.low, row.high], "error_fraction": row.error_fraction, "inside": row.inside}
            for row in found.rows]


def _against_data(found: AgainstRows) -> dict[str, object]:
    overall = next(iter(found.totals), None)
    return {
        "file": found.file,
        "rows": _against_rows(found),
        "refused": [asdict(one) for one in found.refused],
        "ignored_columns": list(found.ignored),
        "totals": {
            "rows": len(found.rows),
            "median_error_fraction": overall.median_error_fraction if overall else None,
            "p90_error_fraction": overall.p90_error_fraction if overall else None,
            "coverage_fraction": overall.coverage_fraction if overall else None,
            "groups": [asdict(total) for total in found.totals],
        },
    }


def accuracy_document(found: Accuracy) -> Document:
    """Put the shipped rows, each left out before it is asked for, into a document."""
    rows = [asdict(total) for total in found.totals]
    return document(
        Message("accuracy.left-out"),
        [section("totals", "", table(
            heads("left-out", "rows-of", *FIGURES, "ttft-median", "within-twice"),
            [(Message(f"accuracy.kind-{total.kind}"), total.group, *_figures(total),
              Share(total.ttft_median_error_fraction, 1), Share(total.ttft_within_twice_fraction, 1))
             for total in found.totals]), paragraph(Message("accuracy.left-out-note")))],
        records=Records(tuple(rows[0]) if rows else ("kind",), tuple(rows)), data=lambda: {"totals": rows})


def check_plot(path: Path) -> None:
    """Check, before anything is worked out, that a picture can be drawn and written.

    Raises:
        InputError: its name does not end in .png, its folder is missing, or matplotlib is.
    """
    faults = []
    if path.suffix.lower() != ".png":
        faults.append(Fault("options", "--plot", str(path), "a name that ends in .png"))
    if not path.absolute().parent.is_dir():
        faults.append(Fault("options", "--plot", str(path), "a folder that exists"))
    if importlib.util.find_spec("matplotlib") is None:
        allowed = "what pip install 'gpumix[charts]' adds"
        faults.append(Fault("options", "--plot", "no matplotlib to draw with", allowed))
    if faults:
        raise InputError(faults)


Pairs = Iterable[tuple[str, float, float]]
"""Gap, measured and predicted milliseconds."""


def pairs_of(found: Accuracy | AgainstRows) -> Pairs:
    """List what was measured and what was predicted."""
    if isinstance(found, AgainstRows):
        return [(row.gap, row.measured, row.predicted) for row in found.rows]
    return [(row.kind, row.sample.tpot_ms, row.tpot_ms) for row in found.rows]


def plot(pairs: Pairs, path: Path) -> None:
    """Draw predicted against measured TPOT, both logarithmic, a colour for each kind of gap."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 8), layout="constrained")
    axes = figure.subplots()
    groups: dict[str, list[tuple[float, float]]] = {}
    for gap, measured, predicted in pairs:
        groups.setdefault(gap, []).append((measured, predicted))
    for gap, found in groups.items():
        axes.scatter([x for x, _ in found], [y for _, y in found], s=5, alpha=0.5, label=f"{gap} ({len(found):,})")
    ends = [value for found in groups.values() for pair in found for value in pair] or [1.0, 10.0]
    line = [min(ends), max(ends)]
    axes.plot(line, line, color="black", linewidth=1)
    for factor in (0.5, 2.0):
        axes.plot(line, [factor * end for end in line], color="black", linewidth=0.5, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="measured TPOT, ms", ylabel="predicted TPOT, ms")
    if groups:
        axes.legend(title="not measured", loc="upper left")
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")
