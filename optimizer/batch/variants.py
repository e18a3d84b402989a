"""Which problems a batch solves: files, folders, shipped names, sweeps of keys, and tables of overrides."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optimizer.batch.sweeps import Sweep, sweeps_of
from optimizer.errors import Fault, InputError
from optimizer.load import problem_text, read_bytes
from optimizer.load.override_keys import unknown_keys
from optimizer.load.tables_of_overrides import OverrideRow

MOST_VARIANTS = 10_000_000
"""A batch of more is refused: its ledger alone would take tens of gigabytes."""

YAML_ENDINGS = (".yaml", ".yml")

MODEL_FILE_ENDS = ".json"
MODEL_FILE = re.compile(r"""["']([^"'\n]+\.json)["']|([^\s"'\[\]{},=:]+\.json)""")
"""Whatever may be the path of a model's config.json, in quotes or as a plain word."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One problem of a batch: a file and the keys that are set anew in it."""

    name: str
    source: str
    """Path or shipped name of the file."""
    overrides: tuple[str, ...] = ()
    """KEY=VALUE, as `--set` takes them."""


@dataclass(frozen=True)
class Sources:
    """The texts behind a batch, read once."""

    texts: dict[str, tuple[str, Path]]
    """Source -> text and folder of the file."""

    @classmethod
    def read(cls, names: Iterable[str]) -> Sources:
        """Read every file.

        Raises:
            InputError: with every file that cannot be read.
        """
        texts: dict[str, tuple[str, Path]] = {}
        faults: list[Fault] = []
        for name in names:
            try:
                text, path = problem_text(name)
                texts[name] = (text, path.parent)
            except InputError as error:
                faults += error.faults
        if faults:
            raise InputError(faults)
        return cls(texts)


def expanded_sources(given: Sequence[str]) -> list[str]:
    """List files and shipped names, and for a folder the YAML files in it by name.

    Raises:
        InputError: a folder holds none or cannot be read, or a file is named twice.
    """
    found: list[str] = []
    faults: list[Fault] = []
    for source in given:
        if not os.path.isdir(source):
            found.append(source)
            continue
        try:
            inside = sorted(str(path) for path in Path(source).iterdir() if path.suffix.lower() in YAML_ENDINGS)
        except OSError as error:
            faults.append(Fault(source, "", f"unreadable ({error.strerror})", "a folder with .yaml files"))
            continue
        if not inside:
            faults.append(Fault(source, "", "a folder without problems", "a folder with .yaml files"))
        found += inside
    twice = sorted(name for name, count in Counter(found).items() if count > 1)
    faults += [Fault(name, "", "the same problem twice", "each problem once") for name in twice]
    if faults:
        raise InputError(faults)
    return found


@dataclass(frozen=True)
class Variants:
    """Every file x every combination of swept values, or x every row of a table; made anew each time it is gone over.

    The order is that of the files, then of the sweeps (the last key fastest), then of the rows.
    """

    sources: tuple[str, ...]
    sweeps: tuple[Sweep, ...] = ()
    rows: tuple[OverrideRow, ...] | None = None
    table: str = ""
    """File of the rows."""

    def __len__(self) -> int:
        """Return how many there are."""
        rows = 1 if self.rows is None else len(self.rows)
        return len(self.sources) * rows * math.prod(len(sweep.values) for sweep in self.sweeps)

    def __iter__(self) -> Iterator[Variant]:
        """Yield every variant, in order."""
        varying = tuple(len(sweep.values) > 1 for sweep in self.sweeps)
        choices = [[f"{sweep.key}={value}" for value in sweep.values] for sweep in self.sweeps]
        for source in self.sources:
            for chosen in itertools.product(*choices):
                names = list(itertools.compress(chosen, varying))
                if self.rows is None:
                    yield Variant("/".join([stem(source), *names]), source, chosen)
                    continue
                for row in self.rows:
                    yield Variant("/".join([row.name, *names]), source, (*chosen, *row.assignments))

    def _rows_with_every_key(self) -> Iterator[tuple[str, ...]]:
        """Yield the assignments of rows until every key of the table has come once."""
        seen: set[str] = set()
        for row in self.rows or ():
            keys = {one.partition("=")[0] for one in row.assignments}
            if keys - seen:
                seen |= keys
                yield row.assignments

    def check_keys(self, sources: Sources) -> None:
        """Check, before anything is solved, that the keys set anew are keys of the problems.

        Raises:
            InputError: with each key that is not, or the template is no YAML mapping.
        """
        swept = tuple(f"{sweep.key}={sweep.values[0]}" for sweep in self.sweeps)
        faults: list[Fault] = []
        for source in self.sources:
            text = sources.texts[source][0]
            try:
                if swept:
                    faults += unknown_keys(text, source, swept, "--set")
                for assignments in self._rows_with_every_key():
                    faults += unknown_keys(text, source, assignments, self.table)
            except InputError:
                if len(self.sources) == 1:
                    raise  # else the row of this file says so
        if faults:
            raise InputError(list(dict.fromkeys(faults)))


def stem(source: str) -> str:
    """Return what names a file: its name without the ending, or a shipped name as it is."""
    return Path(source).stem if source.lower().endswith(YAML_ENDINGS) else source


def variants_of(
    sources: Sequence[str], assignments: Sequence[str] = (), rows: Sequence[OverrideRow] | None = None, table: str = ""
) -> Variants:
    """Put the variants of a batch together, with stable names in a stable order.

    Raises:
        InputError: a name would stand twice, a table has no single template, or there are none or too many.
    """
    faults: list[Fault] = []
    sweeps = sweeps_of(assignments)
    if rows is not None and len(sources) != 1:
        faults.append(Fault("batch", "--overrides", f"{len(sources)} problems", "one problem, the template"))
    tabled = {one.partition("=")[0] for row in rows or () for one in row.assignments}
    faults += [
        Fault("--set", sweep.key, f"a column of {table} too", "a key in one of them")
        for sweep in sweeps if sweep.key in tabled
    ]
    names: dict[str, list[str]] = {}
    for source in sources:
        names.setdefault(stem(source), []).append(source)
    faults += [
        Fault("batch", "name", f"{name!r} for {' and '.join(those)}", "files of distinct names")
        for name, those in names.items() if len(those) > 1
    ]
    found = Variants(tuple(sources), sweeps, None if rows is None else tuple(rows), table)
    if len(found) > MOST_VARIANTS:
        faults.append(Fault("batch", "", f"{len(found):,} variants", f"at most {MOST_VARIANTS:,}, in several batches"))
    if not len(found):
        faults.append(Fault("batch", "", "no variants", "at least one problem, or one row of overrides"))
    if faults:
        raise InputError(faults)
    return found


def digest_of(variants: Iterable[Variant], sources: Sources, facts: dict[str, object]) -> str:
    """Return the hash of everything that a batch's results depend on, models given as files included."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    files: set[tuple[str, str]] = set()
    for name, (text, _) in sorted(sources.texts.items()):
        digest.update(json.dumps([name, text]).encode())
        files |= {(name, reference) for reference in _model_files(text)}
    for one in variants:
        digest.update(json.dumps([one.name, one.source, *one.overrides]).encode())
        files |= {(one.source, reference) for text in one.overrides for reference in _model_files(text)}
    for source, reference in sorted(files):
        digest.update(json.dumps([source, reference, _file_sha256(sources.texts[source][1], reference)]).encode())
    return digest.hexdigest()


def _model_files(text: str) -> list[str]:
    """List the words of a text that may name a config.json."""
    return ["".join(parts) for parts in MODEL_FILE.findall(text)] if MODEL_FILE_ENDS in text else []


def _file_sha256(folder: Path, reference: str) -> str | None:
    """Return the hash of a model's file, looked for as problems do; None where there is none to read."""
    for place in (folder / reference, Path(reference)):
        try:
            return hashlib.sha256(read_bytes(place)).hexdigest()
        except InputError:
            continue
    return None
