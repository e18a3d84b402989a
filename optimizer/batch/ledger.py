"""The ledger of a batch: one SQLite file that says what is done, so that a batch goes on where it stopped."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from optimizer.batch.checked import assignments_of, check_outcome, outcome_in
from optimizer.batch.outcome import Outcome
from optimizer.batch.variants import Variant
from optimizer.errors import Fault, InputError

FILE = "ledger.sqlite"
VERSION = 1

LOCK_FILE = ".running.sqlite"
"""Held while a batch runs; the system lets go of it however the process ends."""

PAGE = 1000
"""Variants that are read at a time, so that memory does not grow with the batch."""

MOST_FAULTS = 20
"""Faults of a ledger that are listed."""

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE variants (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL, overrides TEXT NOT NULL
);
CREATE TABLE outcomes (
    number INTEGER PRIMARY KEY REFERENCES variants, name TEXT NOT NULL, status TEXT NOT NULL, usd_per_month REAL,
    bound_usd_per_month REAL, mix TEXT NOT NULL, model TEXT NOT NULL, grade TEXT NOT NULL,
    tokens_per_s_per_user TEXT NOT NULL, evidence TEXT NOT NULL, message TEXT NOT NULL, plan_json TEXT,
    seconds REAL NOT NULL
);
"""
"""`overrides` is a JSON list of KEY=VALUE; `seconds` is the only wall-clock figure that a batch keeps."""

OUTCOME_FIELDS = tuple(field.name for field in fields(Outcome))

ROW_FIELDS = tuple(name for name in OUTCOME_FIELDS if name != "plan_json")

Task = tuple[int, Variant]
"""A variant with its number."""

Row = tuple[Outcome, tuple[str, ...]]
"""An outcome without its plan, and what its variant sets."""


class Ledger:
    """What a batch has done so far, kept in a folder."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self.connection = folder, connection

    @classmethod
    def open(cls, folder: Path, digest: str, variants: Iterable[Variant]) -> Ledger:
        """Open the ledger of a folder, or start one there.

        Args:
            folder: where it lies; made where it does not exist.
            digest: hash of everything that the results depend on; a ledger of another is refused.
            variants: of the batch, for a new ledger.

        Raises:
            InputError: the folder cannot be written, or holds another batch, another version, or no ledger.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = _connected(path)
            known = _about(connection)
            if known is not None:
                _check_same(path, known, digest)
                _check_variants(path, connection, variants)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        except (OSError, sqlite3.Error) as error:
            raise InputError([unusable(path, error)]) from None
        ledger = cls(folder, connection)
        if known is None:
            ledger._start(digest, variants)
        return ledger

    def _start(self, digest: str, variants: Iterable[Variant]) -> None:
        """Write what the batch is, in one transaction: after a kill there is all of it or nothing."""
        last = ""

        def rows() -> Iterator[tuple[int, str, str, str]]:
            """Yield the variants as the table holds them."""
            nonlocal last
            for number, one in enumerate(variants):
                last = one.name
                yield number, one.name, one.source, json.dumps(one.overrides, ensure_ascii=False)

        try:
            with self._written() as connection:
                connection.executescript(f"BEGIN; {TABLES}")
                connection.executemany("INSERT INTO variants VALUES (?, ?, ?, ?)", rows())
                about = {"version": str(VERSION), "digest": digest}
                connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        except sqlite3.IntegrityError:
            raise InputError([Fault("batch", "name", f"{last!r} more than once", "distinct names")]) from None

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction; a full disk is a message, and what was written before stays.

        Raises:
            InputError: the disk is full, or the file can no longer be written.
            sqlite3.IntegrityError: a row contradicts another.
        """
        try:
            with self.connection:
                yield self.connection
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise InputError([unusable(self.folder / FILE, error)]) from None

    def record(self, outcomes: Iterable[tuple[int, Outcome, float]]) -> None:
        """Write outcomes by the number of their variant, with the seconds each took.

        Raises:
            InputError: the disk is full, or the file can no longer be written.
        """
        marks = ", ".join("?" * (len(OUTCOME_FIELDS) + 2))
        names = ", ".join(("number", *OUTCOME_FIELDS, "seconds"))
        with self._written() as connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO outcomes ({names}) VALUES ({marks})",
                [
                    (number, *(getattr(outcome, name) for name in OUTCOME_FIELDS), seconds)
                    for number, outcome, seconds in outcomes
                ],
            )

    def left(self) -> Iterator[Task]:
        """Yield the variants that have no outcome, in order, a page at a time."""
        after = -1
        asked = (
            "SELECT number, name, source, overrides FROM variants AS one WHERE number > ? "
            "AND NOT EXISTS (SELECT 1 FROM outcomes WHERE number = one.number) ORDER BY number LIMIT ?"
        )
        while page := list(self._select(asked, (after, PAGE))):
            for number, name, source, overrides in page:
                yield number, Variant(name, source, assignments_of(self._file, name, overrides))
            after = page[-1][0]

    def rows(self) -> Iterator[Row]:
        """Yield every outcome without its plan, and what its variant sets, in order."""
        yield from self._read("ORDER BY number")

    def by_cost(self) -> Iterator[Outcome]:
        """Yield every outcome with a plan, without that plan, cheapest first."""
        for outcome, _ in self._read("WHERE usd_per_month IS NOT NULL ORDER BY usd_per_month, number"):
            yield outcome

    def _read(self, which: str) -> Iterator[Row]:
        names = ", ".join(f"outcomes.{name}" for name in ROW_FIELDS)
        asked = f"SELECT overrides, {names} FROM outcomes JOIN variants USING (number) {which}"
        for overrides, *values in self._select(asked):
            row = dict(zip(ROW_FIELDS, values, strict=True))
            yield outcome_in(self._file, row), assignments_of(self._file, row["name"], overrides)

    def plans(self) -> Iterator[tuple[str, str]]:
        """Yield name and plan JSON of every variant that has one, in order."""
        yield from self._select("SELECT name, plan_json FROM outcomes WHERE plan_json IS NOT NULL ORDER BY number")

    def check(self) -> None:
        """Hold every outcome against the plan beside it, before results are written from it.

        Raises:
            InputError: with the first rows that contradict their plan or their bound.
        """
        names = ", ".join(OUTCOME_FIELDS)
        faults: list[Fault] = []
        for values in self._select(f"SELECT {names} FROM outcomes ORDER BY number"):
            try:
                check_outcome(self._file, outcome_in(self._file, dict(zip(OUTCOME_FIELDS, values, strict=True))))
            except InputError as error:
                faults += error.faults
                if len(faults) > MOST_FAULTS:
                    break
        if faults:
            raise InputError(faults)

    @property
    def _file(self) -> str:
        return str(self.folder / FILE)

    def _select(self, asked: str, values: tuple[int, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield rows.

        Raises:
            InputError: the file is damaged, or has no such table.
        """
        try:
            yield from self.connection.execute(asked, values)
        except sqlite3.Error as error:
            raise InputError([unusable(self.folder / FILE, error)]) from None

    def set_keys(self) -> list[str]:
        """List the keys that variants set, in the order in which they first appear."""
        found: dict[str, None] = {}
        for name, overrides in self._select("SELECT name, overrides FROM variants ORDER BY number"):
            set_here = assignments_of(self._file, name, overrides)
            found.update(dict.fromkeys(one.partition("=")[0] for one in set_here))
        return list(found)

    def count(self) -> int:
        """Return how many variants the batch has."""
        ((found,),) = self._select("SELECT COUNT(*) FROM variants")
        return int(found)

    def counts(self) -> dict[str, int]:
        """Return how many variants have each status; those without an outcome are not in it."""
        asked = "SELECT status, COUNT(*) FROM outcomes GROUP BY status ORDER BY status"
        return {str(status): count for status, count in self._select(asked)}

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no second run works on the same batch.

    Raises:
        InputError: another run holds it, or the folder cannot be written.
    """
    path = folder / LOCK_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = _connected(path, timeout=0, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise InputError([unusable(path, error)]) from None
        allowed = "its end, or another --out"
        raise InputError([Fault(str(folder), "", "a run of this batch that goes on right now", allowed)]) from None
    except (OSError, sqlite3.Error) as error:
        raise InputError([unusable(path, error)]) from None
    try:
        yield
    finally:
        connection.close()


def open_existing(folder: Path) -> Ledger:
    """Open the ledger of a batch that was run before.

    Raises:
        InputError: there is none, or it is of another version.
    """
    path = folder / FILE
    if not path.is_file():
        raise InputError([Fault(str(folder), "", "no ledger of a batch", "a folder that `gpumix batch --out` wrote")])
    try:
        connection = _connected(path)
        known = _about(connection)
    except (OSError, sqlite3.Error) as error:
        raise InputError([unusable(path, error)]) from None
    _check_same(path, known or {}, None)
    return Ledger(folder, connection)


def _connected(path: Path, **how: Any) -> sqlite3.Connection:
    """Open a file of a batch, which is a plain one or not there yet.

    Raises:
        InputError: it is a pipe, a device or a folder.
        sqlite3.Error: it cannot be opened.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError([Fault(str(path), "", "no plain file", "a ledger, or nothing")])
    connection: sqlite3.Connection = sqlite3.connect(path, **how)
    return connection


def _check_variants(path: Path, connection: sqlite3.Connection, variants: Iterable[Variant]) -> None:
    """Check that a ledger lists the variants of its batch, each as it is asked for.

    Raises:
        InputError: with the first that differs.
        sqlite3.Error: the file is damaged.
    """
    kept = connection.execute("SELECT number, name, source, overrides FROM variants ORDER BY number")
    for number, (one, row) in enumerate(itertools.zip_longest(variants, kept)):
        wanted = one and (number, one.name, one.source, json.dumps(one.overrides, ensure_ascii=False))
        if row != wanted:
            raise InputError([Fault(str(path), f"variants, row {number}", f"{row!r}", f"{wanted!r}, or another --out")])


def _about(connection: sqlite3.Connection) -> dict[str, str] | None:
    """Return what a ledger says of itself, None for a file without tables."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    return dict(connection.execute("SELECT key, value FROM about").fetchall()) if "about" in tables else {}


def _check_same(path: Path, known: dict[str, str], digest: str | None) -> None:
    if known.get("version") != str(VERSION):
        found = f"a ledger of version {known.get('version', 'none')}"
        raise InputError([Fault(str(path), "version", found, f"version {VERSION}, or another --out")])
    if digest is not None and known.get("digest") != digest:
        found = "the ledger of another batch (other variants, problem files, catalog, options or gpumix version)"
        raise InputError([Fault(str(path), "", found, "the same batch again, to go on with it, or another --out")])


def unusable(path: Path, error: OSError | sqlite3.Error) -> Fault:
    """Say why a file of a batch cannot be read or written."""
    why = error.strerror if isinstance(error, OSError) else str(error)
    allowed = "a folder with room that can be written; what is written so far is kept, and the same command goes on"
    return Fault(str(path), "", f"{why}", allowed)
