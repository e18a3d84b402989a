"""The tests that would tell whether a plan holds, as ready commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.loadtest.planning import PlannedTest, PlannedTests
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint
from optimizer.reports.wording import STATUS, counted

COLUMNS = ("service_id", "offer_id", "model", "gpu_id", "gpu_count", "engine_id", "precision", "tp_size", "isl_tokens",
           "osl_tokens", "users", "evidence", "error_fraction", "tokens_per_s_per_user", "start_command", "run_command",
           "import_command", "minutes")
"""Added to, never renamed."""


def _row(test: PlannedTest) -> dict[str, object]:
    data: dict[str, object] = asdict(test)
    return {name: data[name] for name in COLUMNS}


def _why(test: PlannedTest) -> str:
    """Say what the test would settle."""
    bar = "" if test.error_fraction is None else f" +-{test.error_fraction:.0%}"
    speed = "" if test.tokens_per_s_per_user is None else f"{test.tokens_per_s_per_user:.1f} tokens/s a user, "
    return f"the plan rests on {speed}{test.evidence}{bar}"


def _lines(found: PlannedTests) -> Iterator[str]:
    if not found.tests:
        yield f"{found.problem}: {STATUS[found.status]}"
        yield "no plan, so nothing to test"
        return
    yield paint(f"{found.problem}: {counted(len(found.tests), 'test')}, on one node each", BOLD)
    for number, test in enumerate(found.tests, 1):
        yield ""
        yield paint(f"{number}. {test.service_id} on {test.gpu_count} x {test.gpu_id}, {test.engine_id}"
                    f" {test.precision}, tensor parallel {test.tp_size}", BOLD)
        yield f"   {_why(test)}"
        start = test.start_command or f"start {test.engine_id} with at most {max(test.users)} sequences"
        yield f"   # weights as {test.precision}, on a node of {test.offer_id}"
        yield f"   {start}"
        about = "" if test.minutes is None else f"   # about {test.minutes:.0f} minutes"
        yield f"   {test.run_command}{about}"
        yield f"   {test.import_command}"
    yield ""
    yield f"then: {found.compare_command}"
    yield f"      {found.solve_command}"


def _json(found: PlannedTests) -> str:
    tests = [_row(test) for test in found.tests]
    return json_report.dumps({"schema_version": 1, "problem": found.problem, "status": found.status, "tests": tests,
                              "compare_command": found.compare_command, "solve_command": found.solve_command})


def _csv(found: PlannedTests) -> str:
    rows = [{**_row(test), "users": " ".join(map(str, test.users))} for test in found.tests]
    return rows_as_csv(COLUMNS, [{name: "" if row[name] is None else row[name] for name in COLUMNS} for row in rows])


def _markdown(found: PlannedTests) -> str:
    head = ("service", "node", "engine", "precision", "levels", "commands")
    rows = [(test.service_id, test.offer_id, test.engine_id, test.precision, ", ".join(map(str, test.users)),
             f"{test.start_command}; {test.run_command}; {test.import_command}") for test in found.tests]
    return "\n".join(markdown_table(head, rows)) + "\n"


PLAN_REPORTS: dict[str, Callable[[PlannedTests], str]] = {
    "text": lambda found: "\n".join(_lines(found)) + "\n", "json": _json, "csv": _csv, "markdown": _markdown,
}
"""By the name that --format takes."""
