"""Which problems a batch solves: files, folders, shipped names, sweeps of keys, and tables of overrides."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load import problem_text
from optimizer.load.tables_of_overrides import OverrideRow
from optimizer.units import exact

MOST_VARIANTS = 10_000_000
"""A batch of more is refused: its ledger alone would take tens of gigabytes."""


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
        InputError: a folder holds none, or a file is named twice.
    """
    found: list[str] = []
    for source in given:
        if os.path.isdir(source):
            inside = sorted(str(path) for path in Path(source).iterdir() if path.suffix in (".yaml", ".yml"))
            if not inside:
                raise InputError([Fault(source, "", "a folder without problems", "a folder with .yaml files")])
            found += inside
        else:
            found.append(source)
    twice = sorted(name for name, count in Counter(found).items() if count > 1)
    if twice:
        raise InputError([Fault(name, "", "the same problem twice", "each problem once") for name in twice])
    return found


def swept_values(text: str) -> list[str]:
    """List the values of a sweep: a list `A,B,C`, a range `FROM:TO:STEP` with both ends, or a single value.

    Commas inside brackets or braces do not split.

    >>> swept_values("A,B"), swept_values("10:40:10"), swept_values("[bf16, fp8],[bf16]")
    (['A', 'B'], ['10', '20', '30', '40'], ['[bf16, fp8]', '[bf16]'])
    """
    numbers = text.split(":")
    if len(numbers) == 3 and all(_is_number(number) for number in numbers):
        return _range_values(text, *(exact(float(number)) for number in numbers))
    values, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            values.append(text[start:position].strip())
            start = position + 1
    return [*values, text[start:].strip()]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _range_values(text: str, low: Fraction, high: Fraction, step: Fraction) -> list[str]:
    if step <= 0 or low > high or (high - low) / step > MOST_VARIANTS:
        allowed = "FROM:TO:STEP with FROM <= TO and STEP > 0"
        raise InputError([Fault("--set", text, "an empty or endless range", allowed)])
    count = math.floor((high - low) / step) + 1
    return [_plain(low + i * step) for i in range(count)]


def _plain(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.12g}"


def _sweep(assignments: Sequence[str]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield (assignments, those that vary) of every combination, the last key fastest."""
    faults = []
    choices: list[list[str]] = []
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign or not key.strip():
            allowed = "a dotted key, '=', values: services.0.slo.grade=A,B"
            faults.append(Fault("--set", assignment, "no KEY=VALUES", allowed))
            continue
        choices.append([f"{key.strip()}={value}" for value in swept_values(text)])
    if faults:
        raise InputError(faults)
    for chosen in itertools.product(*choices):
        yield chosen, tuple(one for one, among in zip(chosen, choices, strict=True) if len(among) > 1)


def _stem(source: str) -> str:
    return Path(source).stem if source.endswith((".yaml", ".yml")) else source


def variants_of(
    sources: Sequence[str], assignments: Sequence[str] = (), rows: Sequence[OverrideRow] | None = None
) -> list[Variant]:
    """List the variants of a batch, in a stable order with stable names.

    Every file x every combination of swept values; with a table of overrides, its rows on the one template.

    Raises:
        InputError: a name stands twice, the table has no single template, or there are none or too many.
    """
    if rows is not None and len(sources) != 1:
        raise InputError([Fault("batch", "--overrides", f"{len(sources)} problems", "one problem, the template")])
    combinations = list(_sweep(assignments))
    found: list[Variant] = []
    for source in sources:
        for chosen, varying in combinations:
            base = "/".join([_stem(source), *varying])
            if rows is None:
                found.append(Variant(base, source, chosen))
            else:
                found += [
                    Variant(row.name if not varying else f"{row.name}/{'/'.join(varying)}", source,
                            (*chosen, *row.assignments))
                    for row in rows
                ]
        if len(found) > MOST_VARIANTS:
            raise InputError([Fault("batch", "", f"over {MOST_VARIANTS:,} variants", "fewer, in several batches")])
    twice = sorted(name for name, count in Counter(one.name for one in found).items() if count > 1)
    if twice:
        raise InputError([Fault("batch", "name", f"{name!r} more than once", "distinct names") for name in twice[:20]])
    if not found:
        raise InputError([Fault("batch", "", "no variants", "at least one problem, or one row of overrides")])
    return found


def digest_of(variants: Iterable[Variant], sources: Sources, facts: dict[str, Any]) -> str:
    """Return the hash of everything that a batch's results depend on."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, (text, _) in sorted(sources.texts.items()):
        digest.update(f"{name}\0{text}\0".encode())
    for one in variants:
        digest.update("\0".join((one.name, one.source, *one.overrides, "")).encode())
    return digest.hexdigest()
