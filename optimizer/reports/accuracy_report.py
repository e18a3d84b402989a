"""How far predicted speeds are from measured ones: tables, rows, and a picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from optimizer.accuracy.against import AgainstRows, Totals
from optimizer.accuracy.speed import Accuracy, LeftOutTotals
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.errors import Fault, InputError
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint, table, wrap
from optimizer.reports.wording import counted

KIND_WORDS = {
    "interior": "one inner level out", "edge": "one end level out", "curve": "one curve out",
    "configuration": "one configuration out", "combination": "model, GPU and engine out", "gpu": "one GPU out",
    "model": "one model out", "engine": "one engine out", "laboratory": "one laboratory out",
}
AGAINST_HEAD = ("by", "rows of", "rows", "median", "mean", "p90", "bias", "held by the 90% interval", "log-width")
LEFT_OUT_HEAD = ("left out", "rows of", "rows", "median", "mean", "p90", "bias", "held", "log-width", "TTFT median",
                 "within 2x")


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f}%"


def _total_row(total: Totals) -> tuple[str, ...]:
    return (total.by, total.group, f"{total.rows:,}", _percent(total.median_error_fraction),
            _percent(total.mean_error_fraction), _percent(total.p90_error_fraction), _percent(total.bias_fraction),
            _percent(total.coverage_fraction), f"{total.mean_log_width:.2f}")


def _against_text(found: AgainstRows) -> str:
    lines = [paint(f"speed: {counted(len(found.rows), 'row')} of {found.file}", BOLD)]
    lines += table([AGAINST_HEAD, *(_total_row(total) for total in found.totals)], tuple(range(2, len(AGAINST_HEAD))))
    lines += wrap("errors of the TPOT; bias above 0: predicted slower; log-width: mean of ln(high / low)", "    ", "  ")
    if found.ignored:
        lines += wrap(f"columns of no use here, ignored: {', '.join(found.ignored)}", "    ", "  ")
    if found.refused:
        lines += ["", paint(f"Not compared: {counted(len(found.refused), 'row')}", BOLD)]
        lines += [f"  line {one.line}: {one.reason}" for one in found.refused]
    return "\n".join(lines) + "\n"


def _against_rows(found: AgainstRows) -> list[dict[str, object]]:
    return [asdict(row) | {"interval": [row.low, row.high], "error_fraction": row.error_fraction, "inside": row.inside}
            for row in found.rows]


def _against_json(found: AgainstRows) -> str:
    overall = next(iter(found.totals), None)
    return json_report.dumps({
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
    })


def _against_csv(found: AgainstRows) -> str:
    rows = [{name: value for name, value in row.items() if name != "interval"} for row in _against_rows(found)]
    return rows_as_csv(tuple(rows[0]) if rows else ("line",), rows)


def _against_markdown(found: AgainstRows) -> str:
    lines = [f"**{counted(len(found.rows), 'row')}** of {found.file}\n"]
    lines += markdown_table(AGAINST_HEAD, [_total_row(total) for total in found.totals])
    lines += ["", *(f"- line {one.line}: {one.reason}" for one in found.refused)]
    return "\n".join(lines) + "\n"


AGAINST_REPORTS: dict[str, Callable[[AgainstRows], str]] = {
    "text": _against_text, "json": _against_json, "csv": _against_csv, "markdown": _against_markdown}
"""By the name that --format takes."""


def _left_out_row(total: LeftOutTotals) -> tuple[str, ...]:
    return (KIND_WORDS[total.kind], total.group, f"{total.rows:,}", _percent(total.median_error_fraction),
            _percent(total.mean_error_fraction), _percent(total.p90_error_fraction), _percent(total.bias_fraction),
            _percent(total.coverage_fraction), f"{total.mean_log_width:.2f}",
            _percent(total.ttft_median_error_fraction), _percent(total.ttft_within_twice_fraction))


def _left_out_text(found: Accuracy) -> str:
    lines = [paint("speed: the shipped rows, left out of the fit and of the catalog before they are asked for", BOLD)]
    rows = [LEFT_OUT_HEAD, *(_left_out_row(total) for total in found.totals)]
    lines += table(rows, tuple(range(2, len(LEFT_OUT_HEAD))))
    lines += wrap("errors of the TPOT; held: rows inside their 90% interval, that of a laboratory left out found on "
                  "the others; log-width: mean of ln(high / low); TTFT up to 32 in flight", "    ", "  ")
    return "\n".join(lines) + "\n"


def _left_out_json(found: Accuracy) -> str:
    return json_report.dumps({"totals": [asdict(total) for total in found.totals]})


def _left_out_csv(found: Accuracy) -> str:
    rows = [asdict(total) for total in found.totals]
    return rows_as_csv(tuple(rows[0]) if rows else ("kind",), rows)


def _left_out_markdown(found: Accuracy) -> str:
    return "\n".join(markdown_table(LEFT_OUT_HEAD, [_left_out_row(total) for total in found.totals])) + "\n"


ACCURACY_REPORTS: dict[str, Callable[[Accuracy], str]] = {
    "text": _left_out_text, "json": _left_out_json, "csv": _left_out_csv, "markdown": _left_out_markdown}
"""By the name that --format takes."""


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
