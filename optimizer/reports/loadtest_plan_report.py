"""The tests that would tell whether a plan holds, as ready commands."""

from __future__ import annotations

from dataclasses import asdict

from optimizer.documents.document import Document, Records, Section, Verbatim, document, paragraph, section
from optimizer.loadtest.planning import PlannedTest, PlannedTests
from optimizer.messages import Message

COLUMNS = ("service_id", "offer_id", "model", "gpu_id", "gpu_count", "engine_id", "precision", "tp_size", "isl_tokens",
           "osl_tokens", "users", "evidence", "error_fraction", "tokens_per_s_per_user", "start_command", "run_command",
           "import_command", "minutes")
"""Added to, never renamed."""


def _row(test: PlannedTest) -> dict[str, object]:
    data: dict[str, object] = asdict(test)
    return {name: data[name] for name in COLUMNS}


def _why(test: PlannedTest) -> Message:
    """Say what the test would settle."""
    evidence = Message("evidence.plain", evidence=test.evidence) if test.error_fraction is None else Message(
        "evidence.bar", evidence=test.evidence, error=test.error_fraction)
    return Message("loadtest.rests" if test.tokens_per_s_per_user is None else "loadtest.rests-speed",
                   speed=test.tokens_per_s_per_user, evidence=evidence)


def _test(number: int, test: PlannedTest) -> Section:
    start = test.start_command or str(Message("loadtest.start", engine=test.engine_id, most=max(test.users)))
    about = Message("loadtest.node", precision=test.precision, offer=test.offer_id)
    minutes = paragraph(Message("loadtest.minutes", minutes=test.minutes)) if test.minutes is not None else None
    title = Message("loadtest.test", number=number, service=test.service_id, gpus=f"{test.gpu_count} x {test.gpu_id}",
                    engine=test.engine_id, precision=test.precision, size=test.tp_size)
    commands = "\n".join((start, test.run_command, test.import_command))
    return section(f"test-{number}", title, paragraph(_why(test)), paragraph(about), Verbatim(commands), minutes)


def planned_document(found: PlannedTests) -> Document:
    """Put planned tests into a document; its rows are the tests."""
    rows = ({**_row(test), "users": " ".join(map(str, test.users))} for test in found.tests)
    records = Records(COLUMNS, tuple(
        {name: "" if row[name] is None else row[name] for name in COLUMNS} for row in rows))
    if not found.tests:
        return document(found.problem, [section("none", "", paragraph(Message(f"status.{found.status}")), paragraph(
            Message("loadtest.nothing")))], records=records, data=lambda: data(found))
    return document(
        Message("loadtest.tests", problem=found.problem, n=len(found.tests)),
        [*(_test(number, test) for number, test in enumerate(found.tests, 1)),
         section("then", Message("loadtest.then"), Verbatim(f"{found.compare_command}\n{found.solve_command}"))],
        records=records, data=lambda: data(found))


def data(found: PlannedTests) -> dict[str, object]:
    """Return the tests for other programs."""
    return {"schema_version": 1, "problem": found.problem, "status": found.status,
            "tests": [_row(test) for test in found.tests], "compare_command": found.compare_command,
            "solve_command": found.solve_command}
