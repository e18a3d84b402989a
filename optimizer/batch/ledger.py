"""The ledger of a batch: one SQLite file that says what is done, so that a batch goes on where it stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from optimizer.batch.outcome import Outcome
from optimizer.batch.variants import Variant
from optimizer.errors import Fault, InputError

FILE = "ledger.sqlite"
VERSION = 1

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE variants (number INTEGER PRIMARY KEY, name TEXT NOT NULL, source TEXT NOT NULL, overrides TEXT NOT NULL);
CREATE TABLE outcomes (
    number INTEGER PRIMARY KEY REFERENCES variants, name TEXT NOT NULL, status TEXT NOT NULL, usd_per_month REAL,
    bound_usd_per_month REAL, mix TEXT NOT NULL, model TEXT NOT NULL, grade TEXT NOT NULL,
    tokens_per_s_per_user TEXT NOT NULL, evidence TEXT NOT NULL, message TEXT NOT NULL, plan_json TEXT,
    seconds REAL NOT NULL
);
"""
"""`seconds` is the only wall-clock figure that a batch keeps."""

OUTCOME_FIELDS = tuple(field.name for field in fields(Outcome))

LINE = "\n"


class Ledger:
    """What a batch has done so far, kept in a folder."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self.connection = folder, connection

    @classmethod
    def open(cls, folder: Path, digest: str, variants: Sequence[Variant]) -> Ledger:
        """Open the ledger of a folder, or start one there.

        Args:
            digest: hash of everything that the results depend on; a ledger of another is refused.

        Raises:
            InputError: the folder cannot be written, or holds another batch, another version, or no ledger.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            known = _about(connection)
        except (OSError, sqlite3.Error) as error:
            raise InputError([_unusable(path, error)]) from None
        ledger = cls(folder, connection)
        if known is None:
            ledger._start(digest, variants)
        else:
            _check_same(path, known, digest)
        return ledger

    def _start(self, digest: str, variants: Sequence[Variant]) -> None:
        with self._written() as connection:
            connection.executescript(f"BEGIN; {TABLES}")
            rows = ((number, v.name, v.source, LINE.join(v.overrides)) for number, v in enumerate(variants))
            connection.executemany("INSERT INTO variants VALUES (?, ?, ?, ?)", rows)
            about = {"version": str(VERSION), "digest": digest, "variants": str(len(variants))}
            connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction; a full disk is a message, and what was written before stays.

        Raises:
            InputError: the disk is full, or the file can no longer be written.
        """
        try:
            with self.connection:
                yield self.connection
        except sqlite3.Error as error:
            raise InputError([_unusable(self.folder / FILE, error)]) from None

    def record(self, outcomes: Iterable[tuple[int, Outcome, float]]) -> None:
        """Write outcomes by the number of their variant, with the seconds each took."""
        marks = ", ".join("?" * (len(OUTCOME_FIELDS) + 2))
        names = ", ".join(("number", *OUTCOME_FIELDS, "seconds"))
        with self._written() as connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO outcomes ({names}) VALUES ({marks})",
                [(number, *astuple(outcome), seconds) for number, outcome, seconds in outcomes],
            )

    def done(self) -> set[int]:
        """Return the numbers of the variants that have an outcome."""
        return {number for (number,) in self.connection.execute("SELECT number FROM outcomes")}

    def outcomes(self) -> Iterator[Outcome]:
        """Yield every outcome, in the order of the variants."""
        names = ", ".join(OUTCOME_FIELDS)
        for row in self.connection.execute(f"SELECT {names} FROM outcomes ORDER BY number"):
            yield Outcome(*row)

    def overrides(self) -> Iterator[tuple[str, ...]]:
        """Yield what each variant sets, in order."""
        for (text,) in self.connection.execute("SELECT overrides FROM variants ORDER BY number"):
            yield tuple(text.split(LINE)) if text else ()

    def count(self) -> int:
        """Return how many variants the batch has."""
        (found,) = self.connection.execute("SELECT COUNT(*) FROM variants").fetchone()
        return int(found)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def open_existing(folder: Path) -> Ledger:
    """Open the ledger of a batch that was run before.

    Raises:
        InputError: there is none, or it is of another version.
    """
    path = folder / FILE
    if not path.is_file():
        raise InputError([Fault(str(folder), "", "no ledger of a batch", "a folder that `gpumix batch --out` wrote")])
    try:
        connection = sqlite3.connect(path)
        known = _about(connection)
    except sqlite3.Error as error:
        raise InputError([_unusable(path, error)]) from None
    _check_same(path, known or {}, None)
    return Ledger(folder, connection)


def _about(connection: sqlite3.Connection) -> dict[str, str] | None:
    """Return what a ledger says of itself, None for a file without tables."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    return dict(connection.execute("SELECT key, value FROM about")) if "about" in tables else {}


def _check_same(path: Path, known: dict[str, str], digest: str | None) -> None:
    if known.get("version") != str(VERSION):
        found = f"a ledger of version {known.get('version', 'none')}"
        raise InputError([Fault(str(path), "version", found, f"version {VERSION}, or another --out")])
    if digest is not None and known.get("digest") != digest:
        found = "the ledger of another batch (other variants, problem files, catalog, options or gpumix version)"
        raise InputError([Fault(str(path), "", found, "the same batch again, to go on with it, or another --out")])


def _unusable(path: Path, error: OSError | sqlite3.Error) -> Fault:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Fault(str(path), "", f"{why}", "a folder with room that can be written; what is written so far is kept")
