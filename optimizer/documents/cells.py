"""What stands in a table: a figure keeps its number and unit, so that each format writes it in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from optimizer.messages import Voice

Value = str | float | int | None
"""What a workbook or another program gets of a cell."""


class Cell(ABC):
    """One figure or name."""

    right: ClassVar[bool] = True
    """Whether columns of these are flush right."""
    shape: ClassVar[str] = ""
    """How a workbook shows the value; empty for text."""
    href: str = ""

    @abstractmethod
    def words(self, voice: Voice) -> str:
        """Write the cell for a reader."""

    @property
    @abstractmethod
    def value(self) -> Value:
        """The bare figure or name."""


@dataclass(frozen=True, slots=True)
class Money(Cell):
    """An amount of US dollars under a heading that names them; a dash where there is none."""

    shape = '"$"#,##0.00'
    usd: float | None
    digits: int = 2
    signed: bool = False

    def words(self, voice: Voice) -> str:
        """Write it: `$1,234.50`."""
        if self.usd is None:
            return "-"
        sign = "-" if self.usd < 0 else "+" if self.signed and self.usd else ""
        return sign + voice.words("money.cell", amount=voice.number(abs(self.usd), self.digits))

    @property
    def value(self) -> Value:
        """Dollars."""
        return self.usd


@dataclass(frozen=True, slots=True)
class Amount(Cell):
    """An amount of a currency that the heading, or a note, names; a dash where there is none."""

    shape = "#,##0.00"
    amount: float | None
    currency: str
    digits: int | None = None

    def words(self, voice: Voice) -> str:
        """Write it, yen whole: `66,000`."""
        if self.amount is None:
            return "-"
        default = 0 if self.currency == "JPY" else 2
        return voice.number(self.amount, default if self.digits is None else self.digits)

    @property
    def value(self) -> Value:
        """The amount."""
        return self.amount


@dataclass(frozen=True, slots=True)
class Number(Cell):
    """A number with its unit, where the heading does not name it; a dash where there is none."""

    shape = "#,##0.######"
    number: float | None
    form: str = ","
    """As `format` takes it: `,.1f`, `g`."""
    unit: str = ""

    def words(self, voice: Voice) -> str:
        """Write it: `1,024`, `41.2 tokens/s`."""
        if self.number is None:
            return "-"
        text = voice.parted(format(self.number, self.form))
        return f"{text} {voice.say(self.unit)}" if self.unit else text

    @property
    def value(self) -> Value:
        """The number."""
        return self.number


@dataclass(frozen=True, slots=True)
class Speed(Cell):
    """Output tokens/s of every user, with the half-width of its error bar where it has one."""

    shape = "#,##0.0"
    tokens_per_s: float | None
    error_fraction: float | None = None

    def words(self, voice: Voice) -> str:
        """Write it: `41.2 +-9%`."""
        if self.tokens_per_s is None:
            return "-"
        bar = "" if self.error_fraction is None else f" +-{self.error_fraction:.0%}"
        return voice.tidy(f"{voice.number(self.tokens_per_s, 1)}{bar}")

    @property
    def value(self) -> Value:
        """Tokens/s."""
        return self.tokens_per_s


@dataclass(frozen=True, slots=True)
class Share(Cell):
    """A share of a whole; a dash where it is not known."""

    shape = "0.0%"
    fraction: float | None
    digits: int = 0
    signed: bool = False

    def words(self, voice: Voice) -> str:
        """Write it: `62%`."""
        if self.fraction is None:
            return "-"
        return voice.parted(format(self.fraction, f"{'+' if self.signed else ''}.{self.digits}%"))

    @property
    def value(self) -> Value:
        """The fraction."""
        return self.fraction


@dataclass(frozen=True, slots=True)
class Day(Cell):
    """A day, month or year as it is dated in the data."""

    right = False
    as_of: str

    def words(self, voice: Voice) -> str:
        """Write it as the language dates."""
        return voice.date(self.as_of)

    @property
    def value(self) -> Value:
        """The date as in the data."""
        return self.as_of


@dataclass(frozen=True, slots=True)
class Word(Cell):
    """A key of the data that the catalogs have a word for: `on_demand`, `measured`."""

    right = False
    key: str

    def words(self, voice: Voice) -> str:
        """Return its word."""
        return voice.word(self.key)

    @property
    def value(self) -> Value:
        """The key."""
        return self.key


@dataclass(frozen=True, slots=True)
class Link(Cell):
    """A source: an address, or a text where it is none."""

    right = False
    href: str

    def words(self, voice: Voice) -> str:
        """Write the address."""
        return self.href

    @property
    def value(self) -> Value:
        """The address."""
        return self.href


def is_address(source: str) -> bool:
    """Say whether a source can be followed."""
    return source.startswith(("http://", "https://")) and not {" ", "<", ">", '"'} & set(source)
