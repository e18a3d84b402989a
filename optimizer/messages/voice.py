"""How one reader is spoken to: language, currency, and how numbers, money and dates are written there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from optimizer.messages.catalog import Catalog, Piece, catalog_of

MAN = 10_000
"""Large sums of yen are told in Japanese in units of 10,000."""

SIGNS = {"+-": "±", " -> ": " → ", " >= ": " ≥ ", " <= ": " ≤ ", " x ": " × "}
"""What is written in ASCII for terminals, and how it is printed elsewhere."""


@dataclass(frozen=True)
class Voice:
    """Words messages and figures for one reader."""

    catalog: Catalog
    currency: str = "USD"
    """Shown beside US dollars."""
    rate_per_usd: float = 1.0
    services: tuple[str, ...] = ()
    """Ids of the problem's services, in its order: names of requirements say whose they are."""
    printed: bool = False
    """Whether signs such as ± may be used; terminals get +-."""

    @property
    def language(self) -> str:
        """Code of the language."""
        return self.catalog.language

    @property
    def japanese(self) -> bool:
        """Whether this speaks Japanese."""
        return self.language == "ja"

    @property
    def has_local(self) -> bool:
        """Whether amounts are shown in another currency too."""
        return self.currency != "USD"

    def for_print(self) -> Voice:
        """Return who says the same on paper."""
        return replace(self, printed=True)

    def say(self, text: str) -> str:
        """Word a message; a plain text, such as a name or a title that is quoted, stays as it is."""
        ident = getattr(text, "id", "")
        if ident not in self.catalog.forms:
            return str(text)
        return self.words(ident, **text.parameters)  # type: ignore[attr-defined]

    def words(self, ident: str, /, **parameters: Any) -> str:
        """Word a message by its id.

        Raises:
            KeyError: the catalog has no such message, or a parameter is missing.
        """
        count = parameters.get("n")
        parts = []
        for text, name, spec in self._pieces(ident, count if isinstance(count, int) else None):
            if text:
                parts.append(text)
            if name is not None:
                parts.append(self.shown(parameters[name], spec))
        return self.tidy("".join(parts))

    def _pieces(self, ident: str, count: int | None) -> tuple[Piece, ...]:
        return self.catalog.pieces(ident, count)

    def word(self, key: object) -> str:
        """Return the word for a key of the data (`on_demand`); the key itself where there is none."""
        form = self.catalog.forms.get(f"word.{key}")
        return str(key) if form is None else form[0]

    def shown(self, value: Any, spec: str = "") -> str:
        """Write a parameter as the catalog asks: `{x:usd}`, `{x:,.1f}`, `{x:word}`, `{x:and}`."""
        if value is None:
            return "-"
        if isinstance(value, list | tuple):
            return self.joined(value, spec or "list")
        if isinstance(value, str):
            return self._named(value, spec) if spec else self.say(value)
        if spec.startswith("usd"):
            return self.usd(value, int(spec[3:])) if spec[3:] else self.money(value)
        if not spec or spec in ("word", "key"):
            return str(value)
        return self.parted(format(value, spec))

    def _named(self, value: str, spec: str) -> str:
        if spec == "word":
            return self.word(value) if not hasattr(value, "id") else self.say(value)
        if spec == "key":
            return self.requirement(value)
        if spec == "date":
            return self.date(value)
        text = self.say(value)
        return f"{text[:1].upper()}{text[1:]}" if spec == "first" else text

    def joined(self, items: Iterable[Any], how: str = "list") -> str:
        """Write a list as this language parts its items."""
        how, _, spec = how.partition(":")
        return self.catalog.forms[f"join.{how}"][0].join(self.shown(item, spec) for item in items)

    def parted(self, number: str) -> str:
        """Write a number's marks as this language does."""
        decimal, group = self.catalog.forms["number.decimal"][0], self.catalog.forms["number.group"][0]
        if (decimal, group) == (".", ","):
            return number
        return "".join({".": decimal, ",": group}.get(sign, sign) for sign in number)

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with thousands parted."""
        return self.parted(f"{value:,.{digits}f}")

    def short(self, value: float, digits: int = 4) -> str:
        """Write a number without zeros at its end."""
        text = f"{value:,.{digits}f}"
        return self.parted(text.rstrip("0").rstrip(".") if "." in text else text)

    def percent(self, fraction: float, digits: int = 0) -> str:
        """Write a share."""
        return self.parted(f"{fraction * 100:,.{digits}f}%")

    def amount(self, value: float, currency: str, digits: int | None = None) -> str:
        """Write an amount of a currency, yen whole.

        >>> voice_of("en").amount(-1234.5, "USD"), voice_of("ja").amount(300.4, "JPY")
        ('-$1,234.50', '300円')
        """
        places = digits if digits is not None else 0 if currency == "JPY" else 2
        written = self.parted(f"{abs(value):,.{places}f}")
        form = self.catalog.forms.get(f"money.{currency}", ("{amount} " + currency,))[0]
        return ("-" if value < 0 else "") + form.replace("{amount}", written)

    def usd(self, amount: float, digits: int = 2) -> str:
        """Write US dollars."""
        return self.amount(amount, "USD", digits)

    def local(self, usd: float) -> str:
        """Write US dollars in the reader's currency."""
        return self.amount(usd * self.rate_per_usd, self.currency)

    def money(self, usd: float) -> str:
        """Write an amount as readers count: in their own currency, with the dollars behind."""
        if not self.has_local:
            return self.usd(usd)
        return self.words("money.both", local=self.local(usd), dollars=self.usd(usd))

    def about(self, usd: float) -> str:
        """Write a rounded amount, as one says it.

        >>> voice_of("ja", "JPY", 150.0).about(1000.0), voice_of("ja", "JPY", 150.0).about(440.0)
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
        return self.words("money.both", local=change, dollars=f"{'+' if usd > 0 else ''}{self.usd(usd)}")

    def change(self, usd: float) -> str:
        """Write a change of an amount in one currency, for a table."""
        return f"{'+' if usd >= 0 else '-'}{self.local(abs(usd))}" if usd else "±0" if self.printed else "0"

    def date(self, as_of: str) -> str:
        """Write a day, month or year.

        >>> voice_of("ja").date("2026-08-21"), voice_of("ja").date("2025"), voice_of("en").date("2026-08")
        ('2026年8月21日', '2025年', '2026-08')
        """
        parts = as_of.split("-")
        if len(parts) > 3 or not all(part.isdigit() for part in parts):
            return as_of
        names = ("year", "month", "day")[: len(parts)]
        return self.words(f"date.{names[-1]}", **dict(zip(names, map(int, parts), strict=True)))

    def requirement(self, key: str) -> str:
        """Name a requirement by its key in the problem file; the key itself where it has no name.

        With several services the name says whose it is.
        """
        first, _, rest = key.partition(".")
        place, _, inner = rest.partition(".")
        of_service = first == "services" and place.isdigit()
        form = self.catalog.forms.get(f"key.{inner if of_service else key}")
        if form is None:
            return key
        if not of_service or len(self.services) < 2:
            return form[0]
        return self.words("key.of", service=self.services[int(place)], name=form[0])

    def tidy(self, text: str) -> str:
        """Set the signs that are written in ASCII for terminals."""
        if self.printed:
            for ascii_sign, sign in SIGNS.items():
                text = text.replace(ascii_sign, sign)
        return text


@lru_cache
def voice_of(language: str, currency: str = "USD", rate_per_usd: float = 1.0, services: tuple[str, ...] = (),
             printed: bool = False) -> Voice:
    """Return who speaks a language.

    Raises:
        KeyError: there is no such language.
    """
    return Voice(catalog_of(language), currency, rate_per_usd, services, printed)


ENGLISH = voice_of("en")
"""Words what programs, logs and terminals read unless another language is asked for."""
