"""Figures, dates and the library's own sentences in the language of a document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Language = Literal["en", "ja"]

MAN = 10_000
"""Large sums in Japanese are told in units of 10,000 yen."""

PLACEHOLDER = re.compile(r"\{(\w+)(?::([^}]+))?\}")
AMOUNT = r"\$[0-9,]+(?:\.[0-9]+)?"

OPEN = {"usd": AMOUNT, "": r"\S+?", "id": r"\S+?", "w": r"\S+?", "key": r"\S+?", "n": r"[0-9]+",
        "name": r"[\w.+-]+(?: [\w.+-]+){0,3}?"}
"""What may stand in an open place, by its kind; in the others anything."""

NAME = re.compile(r"[\w.+%/:-]+", re.ASCII)
"""A name or a number, which every language shows as it is."""

JOINED = {", ": "、", " and ": "、", "; ": "。", " + ": " + ", " x ": " × "}
"""What parts a list, and what joins it again in Japanese."""

SERVICE_KEY = re.compile(r"^services\.(\d+)\.")


def items_of(text: str, separator: str) -> list[str]:
    """Part a list; what stands in brackets belongs together.

    >>> items_of("a (b, c), d", ", ")
    ['a (b, c)', 'd']
    """
    return re.split(rf"{re.escape(separator)}(?![^()]*\))", text)


UNTRANSLATED = {"en": "{text}", "ja": "{text}（原文）"}
"""How a sentence is shown for which no wording is known."""


@dataclass(frozen=True)
class Pattern:
    """A sentence of the library with its open places, and how it reads in another language.

    A place `{x}` is one word or number and taken over, `{x:n}` a whole number, `{x:name}` a name of
    up to four words, `{x:any}` anything, `{x:w}` is looked
    up, `{x:t}` is translated itself, `{x:usd}` is an
    amount of dollars, `{x:key}` a requirement; any other sign says what parts a list, whose items are each translated.
    """

    expression: re.Pattern[str]
    kinds: dict[str, str]
    reads: str

    @classmethod
    def of(cls, written: str, reads: str) -> Pattern:
        """Prepare a pattern."""
        kinds, expression, end = {}, "", 0
        for match in PLACEHOLDER.finditer(written):
            name, kind = match.group(1), match.group(2) or ""
            kinds[name] = kind
            inside = OPEN.get(kind, ".+?")
            expression += re.escape(written[end : match.start()]) + f"(?P<{name}>{inside})"
            end = match.end()
        return cls(re.compile(expression + re.escape(written[end:]), re.DOTALL), kinds, reads)

    def match(self, text: str) -> re.Match[str] | None:
        """Match a whole sentence; one that is a list and nothing else has more than one item."""
        found = self.expression.fullmatch(text)
        if found is None or len(self.kinds) > 1:
            return found
        name, kind = next(iter(self.kinds.items()), ("", ""))
        return None if kind in JOINED and found[name] == text and len(items_of(text, kind)) == 1 else found


@dataclass
class Writer:
    """Writes in one language; remembers the sentences for which it knows no wording."""

    language: Language
    words: Mapping[str, str]
    patterns: tuple[Pattern, ...]
    currency: str
    """Shown beside US dollars; `USD` for none."""
    rate_per_usd: float
    services: tuple[str, ...] = ()
    """Ids of the problem's services, in its order."""
    missed: list[str] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)

    @property
    def japanese(self) -> bool:
        """Whether this writes Japanese."""
        return self.language == "ja"

    @property
    def has_local(self) -> bool:
        """Whether amounts are shown in another currency too."""
        return self.currency != "USD"

    def word(self, key: object) -> str:
        """Return the word for a key of the data; the key itself where there is none."""
        return self.words.get(str(key), str(key))

    def requirement(self, key: str) -> str:
        """Name a requirement by its key in the problem file; the key itself where it has no name.

        With several services the name says whose it is.
        """
        part = SERVICE_KEY.match(key)
        name = self.words.get(f"key.{SERVICE_KEY.sub('', key)}", key)
        if part is None or name == key or len(self.services) < 2:
            return name
        return f"{self.services[int(part[1])]}の{name}" if self.japanese else f"{self.services[int(part[1])]}: {name}"

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with thousands parted."""
        return f"{value:,.{digits}f}"

    def short(self, value: float, digits: int = 4) -> str:
        """Write a number without zeros at its end."""
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def percent(self, fraction: float, digits: int = 0) -> str:
        """Write a share."""
        return f"{fraction * 100:,.{digits}f}%"

    def usd(self, amount: float, digits: int = 2) -> str:
        """Write US dollars."""
        sign = "-" if amount < 0 else ""
        text = f"{abs(amount):,.{digits}f}"
        return f"{sign}{text}米ドル" if self.japanese else f"{sign}${text}"

    def local(self, usd: float) -> str:
        """Write US dollars in the other currency: yen whole."""
        value = usd * self.rate_per_usd
        if self.currency == "JPY":
            return f"{value:,.0f}円" if self.japanese else f"JPY {value:,.0f}"
        if self.currency == "EUR":
            return f"{value:,.2f}ユーロ" if self.japanese else f"EUR {value:,.2f}"
        return self.usd(usd)

    def money(self, usd: float) -> str:
        """Write an amount as readers count: in their own currency, with the dollars behind."""
        if not self.has_local:
            return self.usd(usd)
        return f"{self.local(usd)}（{self.usd(usd)}）" if self.japanese else f"{self.local(usd)} ({self.usd(usd)})"

    def cell(self, usd: float) -> str:
        """Write an amount in one currency, for a table."""
        return self.local(usd)

    def about(self, usd: float) -> str:
        """Write a rounded amount, as one says it.

        >>> Writer("ja", {}, (), "JPY", 150.0).about(1000.0), Writer("ja", {}, (), "JPY", 150.0).about(440.0)
        ('約15万円', '約6.6万円')
        """
        value = usd * self.rate_per_usd
        if not (self.japanese and self.currency == "JPY"):
            return self.local(usd)
        if value < MAN:
            return f"約{value:,.0f}円"
        return f"約{value / MAN:,.{1 if value < 10 * MAN else 0}f}万円"

    def signed(self, usd: float) -> str:
        """Write a change of an amount, its sign before both currencies."""
        change = self.change(usd)
        if not usd or not self.has_local:
            return change
        dollars = f"{'+' if usd > 0 else ''}{self.usd(usd)}"
        return f"{change}（{dollars}）" if self.japanese else f"{change} ({dollars})"

    def change(self, usd: float) -> str:
        """Write a change of an amount in one currency, for a table."""
        return f"{'+' if usd >= 0 else '-'}{self.local(abs(usd))}" if usd else "±0"

    def date(self, as_of: str) -> str:
        """Write a day, month or year.

        >>> Writer("ja", {}, (), "JPY", 1.0).date("2026-08-21"), Writer("ja", {}, (), "JPY", 1.0).date("2025")
        ('2026年8月21日', '2025年')
        """
        if not self.japanese:
            return as_of
        return "".join(f"{int(part)}{unit}" for part, unit in zip(as_of.split("-"), "年月日", strict=False))

    def tidy(self, text: str) -> str:
        """Set the signs that the library writes in ASCII."""
        return text.replace("+-", "±").replace(" -> ", " → ").replace(" >= ", " ≥ ").replace(" x ", " × ")

    def sentence(self, text: str) -> str:
        """Return a sentence of the library in this language."""
        if not self.patterns:
            return self.tidy(text)
        if text not in self._known:
            self._known[text] = self._translated(text)
        return self._known[text]

    def _translated(self, text: str) -> str:
        if text in self.words:
            return self.words[text]
        if NAME.fullmatch(text):
            return self.requirement(self.tidy(text))
        for pattern in self.patterns:
            match = pattern.match(text)
            if match is not None:
                return self._filled(pattern, match)
        self.missed.append(text)
        return UNTRANSLATED[self.language].format(text=self.tidy(text))

    def _filled(self, pattern: Pattern, match: re.Match[str]) -> str:
        """Write a sentence with its places filled in."""
        parts = {name: self._part(match[name], kind) for name, kind in pattern.kinds.items()}
        return PLACEHOLDER.sub(lambda place: parts[place.group(1)], pattern.reads)

    def _part(self, text: str, kind: str) -> str:
        """Write one open place of a pattern."""
        if kind == "":
            return self.tidy(text)
        if kind == "t":
            return self.sentence(text)
        if kind in ("w", "key"):
            return self.word(text) if kind == "w" else self.requirement(text)
        if kind in ("id", "any", "name"):
            return text
        if kind == "n":
            return self.number(int(text))
        if kind == "usd":
            return self.money(float(text[1:].replace(",", "")))
        return JOINED[kind].join(self.sentence(item) for item in items_of(text, kind))

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return what templates call with `|`."""
        return {
            "word": self.word, "num": self.number, "short": self.short, "pct": self.percent, "usd": self.usd,
            "local": self.local, "money": self.money, "cell": self.cell, "about": self.about, "signed": self.signed,
            "change": self.change, "date": self.date, "t": self.sentence, "tidy": self.tidy,
        }
