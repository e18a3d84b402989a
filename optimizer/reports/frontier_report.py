"""The frontier as a table, as CSV, and as JSON."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.frontier import Frontier, FrontierPoint
from optimizer.reports import json_report
from optimizer.reports.csv_report import rows_as_csv
from optimizer.reports.markdown import cell
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, paint, wrap
from optimizer.reports.wording import counted, local_amount, mix_of, money

COLUMNS = ("tokens_per_s_per_user", "grade", "usd_per_month", "evidence", "robust", "nodes", "asked")
"""Added to, never renamed."""

ROBUST = "robust: the error bar of this speed does not reach those of its neighbours, so their order stands"


def _target(frontier: Frontier) -> float:
    """Return the speed that the problem itself asks of the service, 0 when none."""
    services = frontier.prepared.loaded.problem.services
    return next(s.slo.target_tokens_per_s for s in services if s.service_id == frontier.service_id)


def _answers(frontier: Frontier) -> FrontierPoint | None:
    """Return the cheapest point at the speed that the problem asks for."""
    target = _target(frontier)
    found = (point for point in frontier.points if point.tokens_per_s_per_user >= target)
    return next(found, None) if target and frontier.low <= target else None


def _rows(frontier: Frontier) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    answer = _answers(frontier)
    for point in frontier.points:
        service = next(s for s in point.plan.services if s.service_id == frontier.service_id)
        evidence = sorted({d.evidence for d in point.plan.deployments if d.service_id == frontier.service_id})
        rows.append({
            "tokens_per_s_per_user": f"{point.tokens_per_s_per_user:.2f}", "grade": service.grade or "",
            "usd_per_month": f"{point.usd_per_month:.2f}", "evidence": "+".join(evidence),
            "robust": "yes" if point.robust else "no", "nodes": mix_of(point.plan.nodes),
            "asked": "yes" if point is answer else "no",
        })
    return rows


def _range(frontier: Frontier) -> str:
    """Say what was searched: service, speeds, budget."""
    high = "up" if frontier.high is None else f"to {frontier.high:g}"
    budget = frontier.prepared.problem.limits.budget
    cap = f", within the budget of {budget.amount:,.0f} {budget.currency} a {budget.per}" if budget else ""
    return f"{frontier.service_id}: from {frontier.low:g} tokens/s {high}{cap}"


def _verdict(frontier: Frontier) -> str:
    """Say what was found, and whether it is all."""
    if frontier.points:
        found = counted(len(frontier.points), "plan")
        return f"{found}, complete and proven: every other one is slower or dearer" if frontier.complete \
            else f"{found}, not complete: a limit was reached"
    return "no plan keeps every rule at any speed in this range: proven" if frontier.complete \
        else "a limit was reached before any plan was found"


def _legend(frontier: Frontier) -> list[str]:
    answer = _answers(frontier)
    asked = [f"*: the cheapest plan at the {_target(frontier):g} tokens/s that the problem asks for"] if answer else []
    return [*asked, ROBUST] if frontier.points else []


def text(frontier: Frontier) -> str:
    """Render the frontier for the terminal: one line a point, its nodes below."""
    lines = [paint(f"{frontier.problem}: cost against user speed", BOLD)]
    lines += [*wrap(_range(frontier)), *wrap(_verdict(frontier))]
    answer = _answers(frontier)
    local = bool(frontier.points) and local_amount(frontier.points[0].plan.cost, 1.0) is not None
    if frontier.points:
        currency = f"  {frontier.points[0].plan.cost.currency + '/month':>15}" if local else ""
        lines += ["", f"    tokens/s  grade      USD/month{currency}  evidence      robust"]
    for row, point in zip(_rows(frontier), frontier.points, strict=True):
        amount = f"  {local_amount(point.plan.cost, point.usd_per_month):>15}" if local else ""
        mark = "*" if point is answer else " "
        speed = f"  {mark} {point.tokens_per_s_per_user:8.1f}  {row['grade'] or '-'!s:<5}"
        lines.append(f"{speed}  {money(point.usd_per_month):>13}{amount}  {row['evidence']!s:<12}  {row['robust']}")
        lines += [paint(line, DIM) for line in wrap(str(row["nodes"]), "        ", "      ")]
    legend = [line for note in _legend(frontier) for line in wrap(note, "    ", "  ")]
    return "\n".join([*lines, *([""] if legend else []), *legend]) + "\n"


def csv_text(frontier: Frontier) -> str:
    """Render the frontier as CSV."""
    return rows_as_csv(COLUMNS, _rows(frontier))


def json_text(frontier: Frontier) -> str:
    """Render the frontier as JSON."""
    return json_report.dumps(frontier.as_json())


def markdown(frontier: Frontier) -> str:
    """Render the frontier as Markdown."""
    rows: list[tuple[object, ...]] = [tuple(row[name] or "-" for name in COLUMNS) for row in _rows(frontier)]
    header = ("tokens/s per user", "grade", "USD/month", "evidence", "robust", "nodes", "cheapest as asked")
    lines = [f"# {cell(frontier.problem)}: cost against user speed\n"]
    lines += [f"{cell(_range(frontier))}\n", f"{_verdict(frontier)}\n"]
    if rows:
        lines += [*markdown_table(header, rows), f"\n{ROBUST}"]
    return "\n".join(lines) + "\n"


FRONTIER_REPORTS: dict[str, Callable[[Frontier], str]] = {
    "text": text, "json": json_text, "csv": csv_text, "markdown": markdown,
}
"""By the name that --format takes."""
