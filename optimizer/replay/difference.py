"""What changed between two plans: cost, nodes, prices, settings, evidence, services, assumptions, warnings, inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.plan.hours import timetable_of
from optimizer.schema.plan import Deployment, Plan

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that differs; None where a plan has none of it."""

    subject: str
    """What it is a figure of: an offer, a deployment, a service; empty for the plan as a whole."""
    figure: str
    old: Value
    new: Value

    @property
    def change_percent(self) -> float | None:
        """How much larger a number is; None for anything else."""
        numbers = [self.old, self.new]
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers) or not self.old:
            return None
        return 100 * (float(self.new) / float(self.old) - 1)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Section:
    """The changes of one kind."""

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Difference:
    """What changed between two plans."""

    old: str
    new: str
    """Names of the files."""
    sections: tuple[Section, ...]
    """Those with a change."""

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return not self.sections


COST = ("usd_per_month", "usd_per_hour", "local_per_month", "usd_per_million_output_tokens", "budget_usd_per_month")
PRICE = ("usd_per_hour_each", "usd_per_month_low_each", "usd_per_month_high_each", "price_evidence", "price_as_of",
         "source_url", "from_overlay")
SETTING = ("engine_id", "precision", "tp_size", "gpu_count", "replicas", "nodes", "concurrency_per_replica",
           "concurrency_at_peak", "capacity_per_node", "load_fraction")
SPEED = ("tokens_per_s_per_user", "ttft_ms", "evidence", "error_fraction", "source_url")
SERVICE = ("model_id", "kind", "target_tokens_per_s", "ttft_limit_ms", "e2e_limit_ms", "tokens_per_s_per_user", "grade",
           "peak_concurrency", "planned_concurrency", "capacity_concurrency", "peak_rps", "capacity_rps",
           "gpu_hours_per_day", "mean_utilisation_fraction", "peak_utilisation_fraction")
ASSUMED = ("demand", "headroom_fraction")
FX = ("currency", "fx_rate_per_usd", "fx_as_of")
INPUTS = ("problem_sha256", "catalog_sha256", "gpumix_version", "ortools_version")


def difference(old: Plan, new: Plan, old_name: str, new_name: str) -> Difference:
    """Compare two plans, of the same problem or not."""
    sections = (
        ("outcome", _outcome(old, new)),
        ("cost", _cost(old, new)),
        ("nodes", _counts(old, new)),
        ("hours", _by_the_hour(old, new)),
        ("prices", _of_each(_price(old), _price(new), PRICE, PRICE[:1])),
        ("settings", _of_each(_by_place(old), _by_place(new), SETTING, SETTING[:7])),
        ("evidence", _of_each(_by_place(old), _by_place(new), SPEED, SPEED[:4])),
        ("services", (*_presence(_by_service(old), _by_service(new), "service"),
                      *_of_each(_by_service(old), _by_service(new), SERVICE))),
        ("assumptions", (*_fields("", old.cost, new.cost, FX), *_of_each(_by_service(old), _by_service(new), ASSUMED))),
        ("what the cost depends on most", _decisive(old, new)),
        ("warnings", _texts("warning", old.warnings, new.warnings)),
        ("reasons", _texts("reason", old.reasons, new.reasons)),
        ("inputs", (*_fields("", old.inputs, new.inputs, INPUTS), *_overlays(old, new))),
    )
    found = ((name, tuple(changes)) for name, changes in sections)
    return Difference(old_name, new_name, tuple(Section(name, changes) for name, changes in found if changes))


def _changed(subject: str, figure: str, old: Value, new: Value) -> Iterator[Change]:
    if old != new:
        yield Change(subject, figure, old, new)


def _fields(subject: str, old: Any, new: Any, names: Sequence[str]) -> Iterator[Change]:
    for name in names:
        yield from _changed(subject, name, getattr(old, name), getattr(new, name))


def _of_each(
    old: dict[str, Any], new: dict[str, Any], names: Sequence[str], alone: Sequence[str] = ()
) -> Iterator[Change]:
    """Yield what differs of each subject that both plans have, and the figures in `alone` of the others."""
    for subject in dict.fromkeys((*old, *new)):
        if subject in old and subject in new:
            yield from _fields(subject, old[subject], new[subject], names)
        else:
            for name in alone:
                values = [getattr(plan[subject], name) if subject in plan else None for plan in (old, new)]
                yield from _changed(subject, name, values[0], values[1])


def _presence(old: dict[str, Any], new: dict[str, Any], figure: str) -> Iterator[Change]:
    """Yield the subjects that only one of the plans has."""
    for subject in (*old, *(name for name in new if name not in old)):
        if (subject in old) != (subject in new):
            yield Change(subject, figure, "there" if subject in old else None, "there" if subject in new else None)


def _by_offer(plan: Plan) -> dict[str, Any]:
    return {node.offer_id: node for node in plan.nodes}


@dataclass(frozen=True, slots=True)
class _Price:
    """What one node of an offer costs, and where that comes from."""

    usd_per_hour_each: float
    usd_per_month_low_each: float
    usd_per_month_high_each: float
    price_evidence: str
    price_as_of: str
    source_url: str
    from_overlay: bool


def _price(plan: Plan) -> dict[str, Any]:
    return {
        node.offer_id: _Price(
            node.usd_per_hour_each, round(node.usd_per_month_low / node.count, 6),
            round(node.usd_per_month_high / node.count, 6), node.price_evidence, node.price_as_of, node.source_url,
            node.from_overlay)
        for node in plan.nodes}


def _by_service(plan: Plan) -> dict[str, Any]:
    return {service.service_id: service for service in plan.services}


def _by_place(plan: Plan) -> dict[str, Any]:
    """Return deployments by service and offer, and by engine where one of these has several."""
    places: dict[str, list[Deployment]] = {}
    for one in plan.deployments:
        places.setdefault(f"{one.service_id} on {one.offer_id}", []).append(one)
    found: dict[str, Any] = {}
    for place, several in places.items():
        for one in several:
            found[place if len(several) == 1 else f"{place}, {one.engine_id} {one.precision} {one.tp_size}"] = one
    return found


def _outcome(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _fields("", old, new, ("problem", "status", "bound_usd_per_month", "gap_fraction"))
    yield from _changed("", "timetable", _hours(old), _hours(new))


def _by_the_hour(old: Plan, new: Plan) -> Iterator[Change]:
    """Yield what differs of plans hour by hour: standing nodes, hours rented, and what both cost."""
    tables = [timetable_of(plan) for plan in (old, new)]
    if not any(tables):
        return
    for name in ("standing_usd_per_month", "hourly_usd_per_month"):
        values = [None if table is None else getattr(table, name) for table in tables]
        yield from _changed("", name, values[0], values[1])
    standing = [{} if table is None else table.standing for table in tables]
    for name in dict.fromkeys((*standing[0], *standing[1])):
        yield from _changed(name, "standing", standing[0].get(name), standing[1].get(name))
    yield from _of_each(_by_offer(old), _by_offer(new), ("node_hours_per_month",), ("node_hours_per_month",))


def _hours(plan: Plan) -> str | None:
    table = timetable_of(plan)
    return None if table is None else f"{table.hours} hours, {len(table.slots)} slots"


def _cost(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _fields("", old.cost, new.cost, COST)
    before, after = old.cost.breakdown, new.cost.breakdown
    for line in dict.fromkeys((*before, *after)):
        yield from _changed(f"of it {line}", "usd_per_month", before.get(line), after.get(line))


def _counts(old: Plan, new: Plan) -> Iterator[Change]:
    before, after = _by_offer(old), _by_offer(new)
    for name in dict.fromkeys((*before, *after)):
        counts = [None if name not in nodes else nodes[name].count for nodes in (before, after)]
        yield from _changed(name, "count", counts[0], counts[1])


def _decisive(old: Plan, new: Plan) -> Iterator[Change]:
    before, after = ({one.figure: one for one in plan.depends_on} for plan in (old, new))
    for name in dict.fromkeys((*before, *after)):
        values = [figures[name].value if name in figures else None for figures in (before, after)]
        yield from _changed(name, "value", values[0], values[1])
        if name in before and name in after:
            yield from _fields(name, before[name], after[name], ("usd_per_month_at_bad_end",))


def _texts(figure: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    before, after = tuple(old), tuple(new)
    yield from (Change("", figure, text, None) for text in before if text not in after)
    yield from (Change("", figure, None, text) for text in after if text not in before)


def _overlays(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _changed("", "overlays", ", ".join(old.inputs.overlays) or None, ", ".join(new.inputs.overlays) or None)
