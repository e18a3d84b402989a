"""Read the message catalogs: one gettext file for each language, `locale/LANGUAGE/LC_MESSAGES/gpumix.po`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from gettext import c2py
from pathlib import Path
from string import Formatter

LOCALE = Path(__file__).resolve().parent.parent / "documents" / "locale"
"""A language is a folder in here; a new one needs nothing else."""

FILE = "LC_MESSAGES/gpumix.po"

Piece = tuple[str, str | None, str]
"""Text, the parameter that follows it (None at the end), and how that parameter is written."""


def languages() -> tuple[str, ...]:
    """Return the codes of all languages that have a catalog."""
    return tuple(sorted(path.name for path in LOCALE.iterdir() if (path / FILE).is_file()))


@dataclass(frozen=True)
class Catalog:
    """All messages of one language."""

    language: str
    forms: dict[str, tuple[str, ...]]
    """Id -> its text; several of a message with a plural."""
    plural: Callable[[int], int]
    """Count -> which of the forms, by the rule in the file's header."""
    parsed: dict[tuple[str, int], tuple[Piece, ...]]
    """Texts taken apart, filled as messages are worded."""

    def pieces(self, ident: str, count: int | None) -> tuple[Piece, ...]:
        """Return a message's text taken apart at its parameters.

        Raises:
            KeyError: the catalog has no such message.
        """
        forms = self.forms[ident]
        which = self.plural(count) if count is not None and len(forms) > 1 else 0
        found = self.parsed.get((ident, which))
        if found is None:
            parts = Formatter().parse(forms[which])
            found = self.parsed[ident, which] = tuple((text, name, spec or "") for text, name, spec, _ in parts)
        return found


@lru_cache
def catalog_of(language: str) -> Catalog:
    """Read the catalog of a language.

    Raises:
        KeyError: there is no such language.
    """
    path = LOCALE / language / FILE
    if not path.is_file():
        raise KeyError(language)
    entries = entries_of(path.read_text(encoding="utf-8"))
    fields = dict(line.split(": ", 1) for line in entries.pop("", ("",))[0].splitlines() if ": " in line)
    rule = dict(part.strip().split("=", 1) for part in fields.get("Plural-Forms", "").split(";") if "=" in part)
    return Catalog(language, entries, c2py(rule.get("plural", "0")), {})


def entries_of(text: str) -> dict[str, tuple[str, ...]]:
    r"""Return id -> texts of a catalog file.

    >>> entries_of('msgid "a"\nmsgid_plural "a"\nmsgstr[0] "one"\nmsgstr[1] ""\n"many"\n')
    {'a': ('one', 'many')}
    """
    found: dict[str, list[str]] = {}
    ident, key = "", ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if line.startswith('"'):
            word, rest = "", line
        said = json.loads(rest)
        if word == "msgid":
            ident, key = said, word
        elif word.startswith("msgstr"):
            found.setdefault(ident, []).append(said)
            key = word
        elif word == "" and key == "msgid":
            ident += said
        elif word == "" and key:
            found[ident][-1] += said
        else:
            key = ""
    return {name: tuple(texts) for name, texts in found.items()}
