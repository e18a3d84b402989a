"""Rows left out: the estimate is fitted without them, the catalog loses them, then it is asked for them.

What is asked is the very path that answers users' questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace

from optimizer.load import Catalog
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.curve import Gap, Question
from optimizer.throughput.fit import COLD, Starts, fit
from optimizer.throughput.samples import Sample, curve_key, dates_in, samples
from optimizer.throughput.sources import speed_curve

CURVE_FOLDS, LEVEL_FOLDS, COMBINATION_FOLDS, MODEL_FOLDS = 8, 5, 12, 16
"""Curves, levels, combinations and models leave in so many turns, each with others of other configurations, curves or
models."""


@dataclass(frozen=True)
class LeftOut:
    """One row that the estimate never saw, and what it said."""

    kind: str
    sample: Sample
    tpot_ms: float
    ttft_ms: float
    gap: Gap

    @property
    def tpot_error(self) -> float:
        """Relative error of the TPOT, positive where the estimate is slower."""
        return self.tpot_ms / self.sample.tpot_ms - 1

    @property
    def ttft_error(self) -> float | None:
        """Relative error of the TTFT, None where it may not be fitted."""
        actual = self.sample.ttft_ms
        return None if actual is None else self.ttft_ms / actual - 1


Fold = list[Sample]


def grouped(rows: Iterable[Sample], key: Callable[[Sample], Hashable]) -> list[Fold]:
    """Group rows by a key, in order of first appearance."""
    groups: dict[Hashable, Fold] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return list(groups.values())


def configuration_of(row: Sample) -> Hashable:
    """Return the replica that a row was measured on."""
    return row.question.model.runs_like, row.traits["configuration"]


def one_of_each(groups: list[list[Fold]], turns: int) -> list[Fold]:
    """Deal the parts of groups out over turns, so that each group loses as few as can be at a time."""
    folds: list[Fold] = [[] for _ in range(turns)]
    for offset, parts in enumerate(groups):
        for index, part in enumerate(parts):
            folds[(offset + index) % turns].extend(part)
    return [fold for fold in folds if fold]


def curve_folds(rows: list[Sample]) -> list[Fold]:
    """Leave curves out whose configuration has others."""
    by_configuration = [grouped(group, lambda row: curve_key(row.point)) for group in grouped(rows, configuration_of)]
    return one_of_each([curves for curves in by_configuration if len(curves) > 1], CURVE_FOLDS)


def level_folds(rows: list[Sample], inner: bool) -> list[Fold]:
    """Leave single levels out: inner ones, or the first and the last, of curves of three and more."""
    found = []
    for curve in grouped(rows, lambda row: curve_key(row.point)):
        levels = sorted(grouped(curve, lambda row: row.concurrency), key=lambda level: level[0].concurrency)
        if len(levels) > 2:
            found.append(levels[1:-1] if inner else [levels[0], levels[-1]])
    if inner:
        return one_of_each(found, LEVEL_FOLDS)
    return [[row for curve in found for row in curve[end]] for end in (0, 1)]


def configuration_folds(rows: list[Sample]) -> list[Fold]:
    """Leave configurations out whose model, GPU and engine have others."""
    by_machine = [grouped(group, configuration_of) for group in grouped(rows, combination_of)]
    return one_of_each([configurations for configurations in by_machine if len(configurations) > 1], CURVE_FOLDS)


def combination_folds(rows: list[Sample]) -> list[Fold]:
    """Leave combinations of model, GPU and engine out, one of each model at a time."""
    return one_of_each([grouped(group, combination_of) for group in grouped(rows, model_of)], COMBINATION_FOLDS)


def model_of(row: Sample) -> Hashable:
    """Return the group of models of one weights shape."""
    return row.question.model.runs_like


def combination_of(row: Sample) -> Hashable:
    """Return model, GPU and engine."""
    return row.question.model.runs_like, row.point.gpu_id, row.point.engine_id


KINDS: dict[str, Callable[[list[Sample]], list[Fold]]] = {
    "interior": lambda rows: level_folds(rows, inner=True),
    "edge": lambda rows: level_folds(rows, inner=False),
    "curve": curve_folds,
    "configuration": configuration_folds,
    "combination": combination_folds,
    "gpu": lambda rows: grouped(rows, lambda row: row.point.gpu_id),
    "model": lambda rows: one_of_each([[fold] for fold in grouped(rows, model_of)], MODEL_FOLDS),
    "engine": lambda rows: grouped(rows, lambda row: row.point.engine_id),
    "laboratory": lambda rows: grouped(rows, lambda row: row.traits["laboratory"]),
}
"""Kind of gap -> what leaves together."""


def without(catalog: Catalog, lost: Iterable[ThroughputPoint]) -> Catalog:
    """Return a catalog without some rows."""
    gone = {id(point) for point in lost}
    return replace(catalog, points=tuple(point for point in catalog.points if id(point) not in gone))


def asked_by(kind: str, question: Question) -> Question:
    """Return a row's question: of a laboratory that is known, or as a stranger's where its laboratory left out."""
    return replace(question, laboratory="") if kind == "laboratory" else question


def ask(catalog: Catalog, kind: str, rows: Iterable[Sample]) -> Iterator[LeftOut]:
    """Ask a catalog for rows."""
    for group in grouped(rows, lambda row: (configuration_of(row), curve_key(row.point))):
        curve = speed_curve(catalog, asked_by(kind, group[0].question))
        if curve is not None:
            for row in group:
                at = row.concurrency
                yield LeftOut(kind, row, curve.tpot_ms(at), curve.ttft_ms(at), curve.gap(at))


def leave_out(catalog: Catalog, kind: str, rows: list[Sample], starts: Starts = COLD) -> list[LeftOut]:
    """Leave rows out by one kind of gap, and return what was said about each."""
    found: list[LeftOut] = []
    releases, deployed = dates_in(catalog)
    for fold in KINDS[kind](rows):
        gone = {id(row) for row in fold}
        kept = [row for row in rows if id(row) not in gone]
        calibration = fit(kept, starts)[0].model_copy(update={"releases": releases, "deployed": deployed})
        rest = replace(without(catalog, (row.point for row in fold)), calibration=calibration)
        found += ask(rest, kind, fold)
    return found


def leave_out_all(catalog: Catalog, kinds: Iterable[str] = tuple(KINDS)) -> dict[str, list[LeftOut]]:
    """Leave the rows of a catalog out by each kind of gap."""
    rows = samples(catalog)
    starts = fit(rows)[1]
    return {kind: leave_out(catalog, kind, rows, starts) for kind in kinds}
