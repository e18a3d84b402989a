"""The accuracy page: how far speeds are off, how often their intervals hold, and what was refused, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from optimizer.accuracy.speed import Accuracy, LeftOutTotals
from optimizer.load import Catalog
from optimizer.messages import Message
from optimizer.reports.markdown import table as markdown_table
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.samples import LARGEST_FOOTPRINT, sample_of

HEAD = ("rows of", "rows", "median", "mean", "p90", "bias", "held", "log-width")
PLAIN = ("all", "dense", "mixture of experts")
"""Groups shown for every way of leaving rows out."""

REASONS = {
    "ceiling": "saturation: it caps what estimates promise",
    "check": "its TPOT, lengths, precision or requests in flight are not stated, or it is of a burst",
    "speculative": "speculative decoding: kept apart, no plan rests on it",
    "disaggregated": "prefill and decode on nodes apart: kept, no plan rests on it",
}


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}%"


def _row(name: str, total: LeftOutTotals) -> tuple[str, ...]:
    return (name, f"{total.rows:,}", _percent(total.median_error_fraction), _percent(total.mean_error_fraction),
            _percent(total.p90_error_fraction), _percent(total.bias_fraction), _percent(total.coverage_fraction),
            f"{total.mean_log_width:.2f}")


def _table(rows: Iterable[tuple[str, LeftOutTotals]]) -> list[str]:
    return list(markdown_table(HEAD, [_row(name, total) for name, total in rows]))


def refusal_of(catalog: Catalog, point: ThroughputPoint) -> str | None:
    """Say why the estimate does not rest on a row, None where it does."""
    if sample_of(catalog, point) is not None:
        return None
    if point.use in REASONS:
        return REASONS[point.use]
    if point.gpu_count > LARGEST_FOOTPRINT:
        return f"a replica of more than {LARGEST_FOOTPRINT} GPUs crosses nodes"
    return "its requests mostly wait: first tokens take over 60% of the time" if point.waits else "a fact is missing"


def _refused(catalog: Catalog) -> list[str]:
    counted: Counter[tuple[str, str]] = Counter()
    for point in catalog.points:
        reason = refusal_of(catalog, point)
        if reason is not None:
            counted[reason, point.source_id] += 1
    reasons = Counter(reason for reason, _ in counted.elements())
    lines = []
    for reason, rows in reasons.most_common():
        sources = ", ".join(f"{source} {count:,}" for (why, source), count in counted.most_common() if why == reason)
        lines.append((reason, f"{rows:,}", sources))
    return list(markdown_table(("why the estimate does not rest on them", "rows", "sources"), lines))


def _bars(catalog: Catalog) -> list[str]:
    errors = catalog.calibration.tpot_errors if catalog.calibration else {}
    head = ("gap", "rows", "median", "p90", "faster by", "slower by", "laboratories")
    return list(markdown_table(head, [
        (gap, f"{one.rows:,}", _percent(one.median_error_fraction), _percent(one.p90_error_fraction),
         _percent(one.bar[0]), _percent(one.bar[1]), str(one.laboratories)) for gap, one in errors.items()]))


def of_the_catalog(catalog: Catalog) -> tuple[str, ...]:
    """Write the parts of the page that a catalog says without leaving a row out: what holds a page to its rows."""
    calibration = catalog.calibration
    fitted, digest = (calibration.rows_fitted, calibration.points_sha256[:16]) if calibration else (0, "none")
    return (
        f"Written by `gpumix catalog accuracy --report`: {fitted:,} measured rows (digest {digest}), each left out of "
        "the fit and of the catalog before it was asked for.",
        "\n".join(_bars(catalog)), "\n".join(_refused(catalog)))


def accuracy_page(catalog: Catalog, found: Accuracy) -> str:
    """Write the page; the same catalog gives the same bytes."""
    head, bars, refused = of_the_catalog(catalog)
    of_laboratories = [total for total in found.totals if total.kind == "laboratory"]
    plain = [(Message("why.service", service=Message(f"accuracy.kind-{total.kind}"), reason=total.group), total)
             for total in found.totals
             if total.group in PLAIN and total.kind != "laboratory"]
    others = [(total.group, total) for total in of_laboratories]
    lines = [
        "# How accurate the speeds are", "", head, "",
        "Errors are of the TPOT, predicted over measured. Bias above 0: predicted slower than measured. Held: rows "
        "inside their 90% interval. Log-width: mean of ln(high / low).", "",
        "## The bars that plans print", "",
        "Nine in ten rows of a laboratory never seen lie between x / (1 + faster) and x (1 + slower); the errors "
        "beside them are of rows of which others of the same laboratory stayed.", "", bars, "",
        "## A laboratory never seen", "",
        "All rows of a laboratory leave together; their intervals are found on the other laboratories alone.", "",
        *_table(others), "",
        "## Other rows of the same laboratories stay", "",
        *_table(plain), "",
        "## What is refused", "", refused, "",
    ]
    return "\n".join(lines)
