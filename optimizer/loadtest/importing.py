"""`gpumix loadtest import`: result files of any known tool become measured rows of a user catalog."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, read_bytes
from optimizer.load.text import decode
from optimizer.loadtest.accept import FAILURE_LIMIT, refusal, remarks
from optimizer.loadtest.document import document_of
from optimizer.loadtest.formats import Format, read_levels
from optimizer.loadtest.level import FoundLevel
from optimizer.loadtest.rows import aligned, known_rows, row_of, source_of, text_with
from optimizer.loadtest.setup import SetUp, check_options, resolved, set_up_of
from optimizer.schema.catalog import ThroughputPoint

NOMINAL_TOLERANCE = 0.10
"""Lengths given as options may differ from those counted by this: what a measured row may answer for."""


@dataclass(frozen=True, slots=True)
class ImportedLevel:
    """One level of a file, and what became of it."""

    file: str
    place: str
    tool: str
    row: ThroughputPoint | None
    """None: refused."""
    reason: str | None
    """Why it was refused."""
    remarks: tuple[str, ...]
    known: bool
    """Whether the row stood in the user catalog already."""


@dataclass(frozen=True)
class Imported:
    """The result of an import, before anything is written."""

    levels: tuple[ImportedLevel, ...]
    text: str
    """The whole own file with the new rows."""

    @property
    def added(self) -> tuple[ThroughputPoint, ...]:
        """The rows that are new."""
        return tuple(level.row for level in self.levels if level.row is not None and not level.known)

    @property
    def refused(self) -> tuple[ImportedLevel, ...]:
        """The levels that are no row."""
        return tuple(level for level in self.levels if level.row is None)


@dataclass(frozen=True, slots=True)
class _File:
    """One file, read and recognised."""

    label: str
    source: str
    format: Format
    levels: tuple[FoundLevel, ...]


def _read(path: Path, columns: Mapping[str, str] | None) -> _File:
    raw = read_bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    kind, levels = read_levels(document_of(decode(raw, str(path)), str(path)), columns)
    return _File(str(path), source_of(path.name, digest), kind, tuple(levels))


def _read_all(paths: Sequence[Path], columns: Mapping[str, str] | None) -> list[_File]:
    """Read every file, the same content only once, and the same test of a tool once however many files hold it.

    Raises:
        InputError: with the faults of all files.
    """
    files: dict[str, _File] = {}
    faults: list[Fault] = []
    for path in paths:
        try:
            found = _read(path, columns)
            files.setdefault(found.source.rpartition(":")[2], found)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    seen: set[tuple[str, str]] = set()
    return [kept for file in files.values() if (kept := _without(file, seen)).levels]


def _without(file: _File, seen: set[tuple[str, str]]) -> _File:
    """Leave out the levels of tests that another file has brought, and note those that this one brings."""
    kept = []
    for level in file.levels:
        key = (level.tool, level.test_id or "")
        if level.no_row is not None or not level.test_id or key not in seen:
            kept.append(level)
        if level.no_row is None and level.test_id:
            seen.add(key)
    return replace(file, levels=tuple(kept))


def _length_faults(level: FoundLevel, given: SetUp, label: str) -> list[Fault]:
    """List lengths given as options that are not those which the file counted."""
    pairs = (("--isl", given.isl_tokens, level.isl_tokens), ("--osl", given.osl_tokens, level.osl_tokens))
    place = f"{label} {level.place}".strip()
    return [
        Fault(place, option, str(asked), f"within 10% of the {counted:.1f} that were counted")
        for option, asked, counted in pairs
        if asked is not None and counted is not None and abs(asked - counted) > NOMINAL_TOLERANCE * counted
    ]


def _once(faults: list[Fault]) -> list[Fault]:
    """Ask for each option once, with the places that need it counted."""
    groups: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        groups.setdefault((fault.key, fault.found, fault.allowed), []).append(fault)
    return [
        group[0] if len(group) == 1 else replace(group[0], file=f"{group[0].file} and {len(group) - 1} more")
        for group in groups.values()
    ]


def _outcome(
    file: _File, level: FoundLevel, catalog: Catalog, given: SetUp, source_id: str, limit: float, faults: list[Fault]
) -> ImportedLevel:
    """Make the row of a level, or say why it is refused; what options must say is noted."""
    set_up, missing = set_up_of(level, resolved(catalog, level.stated), given, file.label)
    stated = replace(level, users=level.users if level.users is not None else set_up.concurrency)
    said = (*level.conversions, *remarks(stated))
    why = refusal(stated, limit)
    row = None
    if why is None:
        missing += _length_faults(level, given, file.label)
        faults += missing
        if not missing:
            row = row_of(stated, set_up, source_id, file.source, file.label)
    return ImportedLevel(file.label, level.place, file.format.name, row, why, said, False)


def import_files(
    paths: Sequence[Path], given: SetUp, catalog: Catalog, own_text: str | None, own_label: str,
    source_id: str = "loadtest", failure_limit: float = FAILURE_LIMIT, columns: Mapping[str, str] | None = None,
) -> Imported:
    """Read result files into rows.

    Args:
        paths: result files of any known tool.
        given: what options say of the set-up, for what files do not say.
        catalog: what names are known.
        own_text: the own file that rows are appended to, None when there is none yet.
        own_label: how faults name it.
        source_id: the name of the curve that the levels belong to.
        failure_limit: the largest share of failed requests.
        columns: field -> column of tables whose columns the user names; None where formats are recognised.

    Raises:
        InputError: a file cannot be read, or options are missing, unknown or contradict it; every fault is named.
    """
    given, known = check_options(catalog, given), known_rows(own_text, own_label)
    files = _read_all(paths, columns)
    faults: list[Fault] = []
    found = [(file, _outcome(file, level, catalog, given, source_id, failure_limit, faults))
             for file in files for level in file.levels]
    if faults:
        raise InputError(_once(faults))
    rows = iter(aligned([one.row for _, one in found if one.row is not None], known))
    levels = [(file, replace(one, row=next(rows)) if one.row is not None else one) for file, one in found]
    settled = [_known_or_new(file, one, known) for file, one in levels]
    added = [one.row for one in settled if one.row is not None and not one.known]
    return Imported(tuple(settled), text_with(own_text, added) if added else own_text or "")


def _known_or_new(file: _File, level: ImportedLevel, known: Sequence[ThroughputPoint]) -> ImportedLevel:
    """Say whether the own file holds a row of the same file and level already.

    Raises:
        InputError: it does, with other facts: rows are not overwritten.
    """
    row = level.row
    same = [] if row is None else [
        old for old in known if old.source_url.endswith(file.source.rpartition(" ")[2]) and old.notes == row.notes]
    if row is None or not same:
        return level
    if row.model_copy(update={"source_url": same[0].source_url}) != same[0]:
        found = "a level that was imported before with other facts"
        allowed = f"the same facts, or its row taken out of the own file first ({same[0].source_url})"
        raise InputError([Fault(f"{file.label} {level.place}".strip(), "", found, allowed)])
    return replace(level, row=same[0], known=True)
