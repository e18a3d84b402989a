"""The ledger: what it refuses, and that nothing written is lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optimizer.batch import Facts, Variants, run_batch
from optimizer.batch.ledger import FILE, LOCK_FILE, Ledger, Task, alone, open_existing
from optimizer.batch.outcome import Outcome
from optimizer.batch.processes import InThisProcess
from optimizer.batch.variants import Variant
from optimizer.batch.waiting import Done
from optimizer.errors import InputError
from tests.batch.conftest import PEAK

TWO = (Variant("a", "desk.yaml", ("x=1",)), Variant("b", "desk.yaml", ("x=two\nlines", "y=3")))


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as error:
        call()
    return str(error.value)


def outcome(name: str) -> Outcome:
    return Outcome(name, "optimal", 10.0, 10.0, plan_json="{}" * 2000)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "new" / "deep", "digest", TWO)
    assert list(ledger.left()) == [(0, TWO[0]), (1, TWO[1])]
    ledger.record([(1, outcome("b"), 0.5)])
    assert list(ledger.left()) == [(0, TWO[0])]
    ledger.close()
    again = Ledger.open(tmp_path / "new" / "deep", "digest", TWO)
    assert (again.count(), again.counts(), again.set_keys()) == (2, {"optimal": 1}, ["x", "y"])
    ((found, overrides),) = again.rows()
    assert (found.name, found.usd_per_month, overrides) == ("b", 10.0, TWO[1].overrides)
    assert [name for name, _ in again.plans()] == ["b"]


def test_pages_hold_every_variant_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.batch.ledger.PAGE", 3)
    variants = [Variant(f"v{number}", "f", ()) for number in range(10)]
    ledger = Ledger.open(tmp_path, "digest", variants)
    found = []
    for number, variant in ledger.left():  # recorded while the pages are read, as a batch does
        found.append(variant)
        ledger.record([(number, outcome(variant.name), 0.0)])
    assert found == variants


def test_a_ledger_of_another_version_batch_or_kind_is_refused_and_kept(tmp_path: Path) -> None:
    Ledger.open(tmp_path, "digest", TWO).close()
    assert "the ledger of another batch" in refused(lambda: Ledger.open(tmp_path, "other", TWO))
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE about SET value = '999' WHERE key = 'version'")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    said = "version: found a ledger of version 999; allowed: version 1, or another --out"
    assert said in refused(lambda: Ledger.open(tmp_path, "digest", TWO))
    assert said in refused(lambda: open_existing(tmp_path))
    assert (tmp_path / FILE).read_bytes() == before
    (tmp_path / FILE).write_text("no database, but some text that is long enough to be looked at" * 20)
    assert "file is not a database" in refused(lambda: Ledger.open(tmp_path, "digest", TWO))
    assert "file is not a database" in refused(lambda: open_existing(tmp_path))


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    assert "a ledger of version none" in refused(lambda: Ledger.open(tmp_path, "digest", TWO))


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "allowed: a folder with room that can be written" in refused(lambda p=place: Ledger.open(p, "d", TWO))
        with pytest.raises(InputError), alone(place):
            pass


def test_no_ledger(tmp_path: Path) -> None:
    assert "no ledger of a batch" in refused(lambda: open_existing(tmp_path))


def test_names_that_still_come_twice_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    twice = [Variant("a/x=1", "f"), Variant("b", "f"), Variant("a/x=1", "f")]
    assert "'a/x=1' more than once" in refused(lambda: Ledger.open(tmp_path, "digest", twice))
    assert Ledger.open(tmp_path, "other", TWO).count() == 2


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with alone(tmp_path):
        def second() -> None:
            with alone(tmp_path):
                pass

        assert "a run of this batch that goes on right now" in refused(second)
    second()


def test_a_full_disk_loses_nothing_recorded(tmp_path: Path) -> None:
    """SQLite holds itself to a number of pages as a disk would: plans of 4 kB, 400 kB of room."""
    variants = [Variant(f"v{number}", "f", ()) for number in range(500)]
    ledger = Ledger.open(tmp_path, "digest", variants)
    ledger.connection.execute("PRAGMA max_page_count = 100")
    kept = 0

    def fill() -> None:
        nonlocal kept
        for number, variant in enumerate(variants):
            ledger.record([(number, outcome(variant.name), 0.0)])
            kept += 1

    said = refused(fill)
    assert "database or disk is full" in said
    assert "what is written so far is kept, and the same command goes on" in said
    assert 0 < kept < 500
    ledger.close()
    again = Ledger.open(tmp_path, "digest", variants)
    assert again.counts() == {"optimal": kept}
    assert next(again.left()) == (kept, variants[kept])


def test_a_batch_whose_disk_is_full_goes_on_later(
    tmp_path: Path, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts],
    results: Callable[..., tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("optimizer.batch.run.RECORD_EVERY_S", -1.0)
    variants = swept(f"{PEAK}=1:40:1")
    facts, folder = facts_of(variants), tmp_path / "out"
    opened = Ledger.open

    def small(*given: object) -> Ledger:
        ledger = opened(*given)  # type: ignore[arg-type]
        ledger.connection.execute("PRAGMA max_page_count = 16")
        return ledger

    with monkeypatch.context() as full:
        full.setattr(Ledger, "open", small)
        assert "disk is full" in refused(lambda: run_batch(variants, facts, folder, lambda: InThisProcess(facts)))
    done = open_existing(folder)
    assert 0 < sum(done.counts().values()) < 40
    done.close()
    assert results(variants, InThisProcess, folder) == results(variants, InThisProcess)


def test_what_was_solved_before_an_interruption_is_recorded(
    tmp_path: Path, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts],
    results: Callable[..., tuple[bytes, bytes]],
) -> None:
    class Interrupted(InThisProcess):
        def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
            for number, done in enumerate(super().outcomes(tasks, count)):
                if number == 7:
                    raise KeyboardInterrupt
                yield done

    variants, folder = swept(f"{PEAK}=1:20:1"), tmp_path / "out"
    facts = facts_of(variants)
    told: list[tuple[int, int]] = []
    with pytest.raises(KeyboardInterrupt):
        run_batch(variants, facts, folder, lambda: Interrupted(facts), lambda *now: told.append(now))
    assert told[-1] == (7, 20)
    assert not (folder / "results.csv").exists()
    seen: list[int] = []

    class Counting(InThisProcess):
        def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
            for task in (given := list(tasks)):
                seen.append(task[0])
            return super().outcomes(iter(given), count)

    assert results(variants, Counting, folder) == results(variants, InThisProcess)
    assert seen == list(range(7, 20))


PLAN = ('{"status": "optimal", "cost": {"usd_per_month": 10.0, "breakdown": {}}, "bound_usd_per_month": 10.0, '
        '"nodes": [{"count": 2, "offer_id": "big", "usd_per_month": 10.0}]}')

GOOD = Outcome("a", "optimal", 10.0, 10.0, "2 x big", plan_json=PLAN)


@pytest.mark.parametrize(("change", "said"), [
    ("usd_per_month = 1.0", "bound_usd_per_month: found 10.0 above the cost 1.0"),
    ("usd_per_month = 11.0", "usd_per_month: found 11.0 where its plan says 10.0"),
    ("usd_per_month = NULL", "usd_per_month: found None beside optimal"),
    ("usd_per_month = 'much'", "usd_per_month: found 'much'"),
    ("usd_per_month = -1", "usd_per_month: found -1.0"),
    ("usd_per_month = 9e999", "usd_per_month: found inf"),
    ("bound_usd_per_month = 1.0", "bound_usd_per_month: found 1.0 where its plan says 10.0"),
    ("status = 'infeasible'", "usd_per_month: found 10.0 beside infeasible"),
    ("status = 'best'", "status: found 'best'"),
    ("mix = '1 x big'", "mix: found '1 x big' where its plan says '2 x big'"),
    ("mix = x'00'", "mix: found b'"),
    ("plan_json = '{bad'", "plan_json: found text that is no plan"),
    ("plan_json = '[]'", "plan_json: found text that is no plan"),
    ("plan_json = NULL", "plan_json: found text that is no plan"),
    ("plan_json = replace(plan_json, '\"usd_per_month\": 10.0}]', '\"usd_per_month\": 9.0}]')",
     "plan_json: found nodes of 9.000000 USD a month where the plan costs 10.0"),
    ("status = 'error', usd_per_month = NULL, bound_usd_per_month = NULL", "plan_json: found a plan beside an error"),
])
def test_a_row_that_contradicts_its_plan_or_bound_is_refused(tmp_path: Path, change: str, said: str) -> None:
    ledger = Ledger.open(tmp_path, "digest", TWO)
    ledger.record([(0, GOOD, 0.1)])
    ledger.check()
    ledger.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"UPDATE outcomes SET {change}")
    assert said in refused(open_existing(tmp_path).check)


@pytest.mark.parametrize("change", [
    "overrides = '{bad'", "overrides = '{}'", "overrides = '[1]'", "overrides = x'00'", "overrides = '[\"x=2\"]'",
    "name = 'c'", "source = 'other.yaml'",
])
def test_variants_that_are_not_those_asked_for_are_refused(tmp_path: Path, change: str) -> None:
    Ledger.open(tmp_path, "digest", TWO).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"UPDATE variants SET {change} WHERE number = 1")
    assert "variants, row 1: found (1, " in refused(lambda: Ledger.open(tmp_path, "digest", TWO))
    if "overrides" in change and "x=2" not in change:
        assert "overrides: found" in refused(lambda: list(open_existing(tmp_path).left()))
        assert "overrides: found" in refused(open_existing(tmp_path).set_keys)


def test_a_ledger_that_lost_a_table_is_refused(tmp_path: Path) -> None:
    Ledger.open(tmp_path, "digest", TWO).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("DROP TABLE outcomes")
    assert "no such table: outcomes" in refused(lambda: list(open_existing(tmp_path).rows()))


@pytest.mark.parametrize("name", [FILE, LOCK_FILE])
def test_a_pipe_is_no_ledger(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    said = refused(lambda: Ledger.open(tmp_path, "digest", TWO) if name == FILE else alone(tmp_path).__enter__())
    assert "found no plain file" in said
