"""Why this plan and no other: for the terminal, as Markdown, CSV and JSON; all from the same sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.explain import Explanation
from optimizer.explain.doctor import Diagnosis
from optimizer.explain.entering import GpuVerdict
from optimizer.explain.stability import Stability
from optimizer.reports import json_report
from optimizer.reports.markdown import cell
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint, table, wrap
from optimizer.reports.wording import STATUS, mix_of, money

COLUMNS = (
    "gpu_id", "verdict", "reason", "offer_id", "gpu_count", "usd_per_hour", "enters_at_usd_per_hour",
    "capacity_per_node", "enters_at_capacity", "speed_factor",
)
"""Added to, never renamed."""


@dataclass(frozen=True)
class Section:
    """One heading with a table, or sentences, or both."""

    title: str
    notes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    details: tuple[str, ...] = ()
    """A line below each row, empty for none."""


def _alternatives(explanation: Explanation) -> Section:
    best = explanation.plan.cost.usd_per_month or 0.0
    rows, details = [], []
    for plan in explanation.alternatives:
        cost = plan.cost.usd_per_month or 0.0
        speeds = [f"{s.tokens_per_s_per_user:.1f}" for s in plan.services if s.tokens_per_s_per_user is not None]
        rows.append((money(cost), f"+{cost / best - 1:.1%}" if best else "-", " and ".join(speeds) or "-"))
        details.append(mix_of(plan.nodes))
    within = f"{explanation.within_fraction:.0%}"
    none = f"no plan of other GPU types, or rented in place of owned, costs up to {within} more: proven"
    more = f"other GPU types, or rented in place of owned, up to {within} dearer; nothing between them is left out"
    left = "a limit was reached: there may be others"
    note = left if not explanation.alternatives_complete else more if rows else none
    header = ("USD/month", "dearer", "tokens/s")
    return Section("The next best plans of another structure", (note,), header, tuple(rows), tuple(details))


def _price(usd: float | None) -> str:
    return "-" if usd is None else f"${usd:,.4f}"


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}"


def _lost_gpu(one: GpuVerdict) -> tuple[str, ...]:
    return (
        one.gpu_id, f"{one.gpu_count}", _price(one.usd_per_hour), _price(one.enters_at_usd_per_hour),
        _amount(one.capacity_per_node), _amount(one.enters_at_capacity),
        "-" if one.speed_factor is None else f"{one.speed_factor:.2f} x",
    )


def _by_price(one: GpuVerdict) -> tuple[float, str]:
    """Order by how far the price has to fall."""
    if not one.usd_per_hour or one.enters_at_usd_per_hour is None:
        return (2.0, one.gpu_id)
    return (1 - one.enters_at_usd_per_hour / one.usd_per_hour, one.gpu_id)


def _gpus(explanation: Explanation) -> Section:
    lost = sorted((g for g in explanation.gpus if g.verdict in ("lost", "equal")), key=_by_price)
    notes = (
        "For each GPU type that fits but lost: the price of its cheapest eligible node (its other offers left out) and"
        " the highest at which that node stands in an optimal plan, exact to a micro-dollar; what it carries now (a"
        " replica no more than the demand) and must carry to enter at its price; and how many times as fast it must be"
        " for that. A dash: no price, or no speed, is enough.",
    )
    header = ("GPU", "GPUs", "now $/h", "enters $/h", "carries", "enters at", "speed")
    details = tuple(f"{g.offer_id}; {g.reason}" for g in lost)
    return Section("What would bring another GPU in", notes, header, tuple(_lost_gpu(g) for g in lost), details)


def _engines(explanation: Explanation) -> Section:
    rows = tuple(
        (
            e.engine_id, e.verdict, money(e.usd_per_month),
            "-" if e.speed_factor is None else f"{e.speed_factor:.2f} x",
        )
        for e in explanation.engines
    )
    notes = ("The best plan of each engine alone, and how many times as fast it must be to cost no more.",)
    details = tuple(e.reason if e.verdict != "in the plan" else "" for e in explanation.engines)
    return Section("Engines", notes, ("engine", "verdict", "USD/month", "speed"), rows, details)


def _rejected(explanation: Explanation) -> Section:
    rows = tuple((g.gpu_id, g.reason) for g in explanation.gpus if g.verdict == "rejected")
    return Section("GPU types that fell out", (), ("GPU", "at the latest step, most often"), rows)


def _changes(steps: tuple[tuple[str, float | None], ...]) -> str:
    return "; ".join(f"{words}: {'no plan' if usd is None else _signed(usd)}" for words, usd in steps)


def _signed(usd: float) -> str:
    return "$0" if not usd else f"{'+' if usd > 0 else '-'}${abs(usd):,.2f}"


def _limits(explanation: Explanation) -> Section:
    cost = explanation.plan.cost.usd_per_month or 0.0
    rows, details = [], []
    for one in sorted(explanation.margins, key=lambda m: (not m.binds, m.usd_per_month_lifted or 0.0)):
        lifted = one.usd_per_month_lifted
        saves = "-" if lifted is None or not one.binds else money(cost - lifted)
        rows.append((one.key, one.asks, saves))
        details.append(_changes(one.steps))
    notes = ("What lifting each requirement alone would save a month (a dash: it does not bind), and what one unit more"
             " or less of it changes.",)
    return Section("What the requirements cost", notes, ("key", "asks", "saves"), tuple(rows), tuple(details))


def _range(one: Stability) -> tuple[str, ...]:
    digits = 4 if one.unit.startswith("USD") else 2
    high = "" if one.high is None else f"{one.high:,.{digits}f}".rstrip("0").rstrip(".")
    low = f"{one.low:,.{digits}f}".rstrip("0").rstrip(".") or "0"
    same = f"from {low} up" if one.high is None else f"from {low} to {high}"
    return one.figure, f"{one.value:,.6g} now, the same {same} ({one.unit})"


def _stability(explanation: Explanation) -> Section:
    rows = tuple(_range(one) for one in explanation.stability)
    notes = ("One figure at a time: within these the cheapest plan costs the same (with a price: stays this plan).",)
    return Section("How far figures may move", notes, ("figure", "range"), rows)


def _tests(explanation: Explanation) -> Iterator[Section]:
    """Say which measurements would change the plan."""
    title = "Which test would change the plan"
    if explanation.tests is None:
        return
    if not explanation.tests:
        yield Section(title, ("No further measurement of a speed can change this plan: no estimate, anywhere within its"
                              " error bar, gives a cheaper one or breaks it.",))
        return
    rows = tuple(
        (
            one.gpu_id, f"{one.concurrency}", f"{one.tokens_per_s_per_user:.1f}", f"+-{one.error_fraction:.0%}",
            "no plan" if one.usd_per_month_at_end is None else money(one.usd_per_month_at_end),
        )
        for one in explanation.tests
    )
    details = tuple(
        f"{one.model}, {one.engine_id}, {one.precision}, tensor parallel {one.tp_size}"
        f"{'; the plan rests on it' if one.in_plan else ''}"
        for one in explanation.tests
    )
    notes = ("Estimated speeds, most decisive first: the cheapest plan with one of them at the end of its error bar"
             " (the slow end where the plan rests on it, else the fast end).",)
    header = ("GPU", "in flight", "tokens/s", "error", "USD/month")
    yield Section(title, notes, header, rows, details)


def _diagnosis(found: Diagnosis) -> Iterator[Section]:
    if found.nowhere:
        yield Section("Services that no node can serve", found.nowhere)
    if not found.conflict:
        yield Section("Why", ("Even without any requirement there is no plan in this catalog.",))
        return
    notes = ("A smallest set of requirements that no plan keeps together; without any one of them the others can be"
             " kept. Each was confirmed by a solve without presolve.",)
    yield Section("What cannot hold together", notes, ("key", "asks"), found.conflict)
    if found.relaxations:
        rows = tuple((r.key, r.asks, r.gives, money(r.usd_per_month)) for r in found.relaxations)
        notes = ("One of these alone is enough, all else as it is: the least change, and the cheapest plan then.",)
        yield Section("What must give at least", notes, ("key", "asks", "can have", "USD/month"), rows)
    if found.together:
        notes = (f"No single change helps. Without these together the cheapest plan costs"
                 f" {money(found.usd_per_month_together)} a month.",)
        yield Section("What must give", notes, ("key", "asks"), found.together)
    if found.useless:
        yield Section("What does not help alone", (", ".join(found.useless),))
    if not found.proven:
        left = "A limit was reached on the way: a smaller conflict or a lesser change may exist."
        yield Section("Not proven", (left,))


def sections(explanation: Explanation) -> Iterator[Section]:
    """Yield what there is to say, in order."""
    plan = explanation.plan
    if plan.nodes:
        yield Section("Plan", (f"{money(plan.cost.usd_per_month)} a month: {mix_of(plan.nodes)}",))
        if explanation.alternatives_asked:
            yield _alternatives(explanation)
        if any(gpu.verdict in ("lost", "equal") for gpu in explanation.gpus):
            yield _gpus(explanation)
        yield _engines(explanation)
        yield from (_limits(explanation), _stability(explanation))
        yield from _tests(explanation)
        yield _rejected(explanation)
    elif explanation.diagnosis is not None:
        yield from _diagnosis(explanation.diagnosis)


def text(explanation: Explanation) -> str:
    """Render for the terminal."""
    lines = [paint(explanation.plan.problem, BOLD), *wrap(STATUS[explanation.plan.status], "", "")]
    for section in sections(explanation):
        lines += ["", paint(section.title, BOLD)]
        lines += [line for note in section.notes for line in wrap(note)]
        if section.rows:
            lines += list(_text_rows(section))
    return "\n".join(lines) + "\n"


def _text_rows(section: Section) -> Iterator[str]:
    """Lay a table out within 80 columns; where it is too wide, each row is a paragraph."""
    right = tuple(i for i, name in enumerate(section.header) if name in FLUSH_RIGHT)
    laid = table([section.header, *section.rows], right)
    details = section.details or ("",) * len(section.rows)
    if max(len(line) for line in laid) <= 80:
        yield laid[0]
        for line, detail in zip(laid[1:], details, strict=True):
            yield line
            yield from wrap(detail, "      ") if detail else ()
        return
    for row, detail in zip(section.rows, details, strict=True):
        named = [f"{name} {value}" for name, value in zip(section.header[1:], row[1:], strict=True) if value != "-"]
        yield from wrap(f"{row[0]}: {row[1] if len(row) == 2 else ', '.join(named)}", "      ", "  ")
        yield from wrap(detail, "      ") if detail else ()


FLUSH_RIGHT = {
    "USD/month", "dearer", "tokens/s", "GPUs", "in flight", "error", "now $/h", "enters $/h", "carries", "enters at",
    "speed", "saves", "now", "from", "to",
}


def markdown(explanation: Explanation) -> str:
    """Render as Markdown."""
    lines = [f"# {cell(explanation.plan.problem)}: why\n", f"{STATUS[explanation.plan.status]}\n"]
    for section in sections(explanation):
        lines += [f"## {section.title}\n", *(f"{cell(note)}\n" for note in section.notes)]
        if section.rows:
            details = any(section.details)
            header = (*section.header, "") if details else section.header
            rows: list[tuple[object, ...]] = [
                (*row, detail) if details else row
                for row, detail in zip(section.rows, section.details or ("",) * len(section.rows), strict=True)
            ]
            lines += [*markdown_table(header, rows), ""]
    return "\n".join(lines)


def csv_text(explanation: Explanation) -> str:
    """Render the GPU verdicts as CSV; where there is no plan, the relaxations."""
    if explanation.diagnosis is not None:
        names = ("key", "asks", "gives", "value", "usd_per_month")
        return rows_as_csv(names, [dict(vars(one)) for one in explanation.diagnosis.relaxations])
    return rows_as_csv(COLUMNS, [dict(vars(one)) for one in explanation.gpus])


def json_text(explanation: Explanation) -> str:
    """Render as JSON."""
    return json_report.dumps(explanation.as_json())


EXPLAIN_REPORTS: dict[str, Callable[[Explanation], str]] = {
    "text": text, "json": json_text, "csv": csv_text, "markdown": markdown,
}
"""By the name that --format takes."""


