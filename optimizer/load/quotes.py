"""Workbooks that suppliers filled in, read back as offers of an overlay."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from optimizer.errors import Fault, InputError, printable
from optimizer.load.catalog import Catalog
from optimizer.load.faults import shown
from optimizer.load.text import read_bytes
from optimizer.schema.catalog import OwnedNode, Part, RentedOffer

MARK = "gpumix-quote:"
"""Stands before the first key, so that a filled workbook is told from others."""

ASKED = ("offer", "what", "count", "term_months")
ANSWERS = ("unit_price", "price_currency", "price_per", "supplier", "quote_number", "quote_date", "valid_until",
           "lead_time", "support_until", "remarks")

CURRENCIES = ("USD", "JPY", "EUR")
LARGEST_UNPACKED = 64 * 2**20
MOST_ROWS = 1000
LONGEST_TEXT = 200
"""Characters of an answer that are kept."""
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Quotes:
    """What suppliers answered."""

    offers: tuple[RentedOffer, ...]
    owned: tuple[OwnedNode, ...]
    blank: tuple[str, ...]
    """Lines without a price."""


def read_quotes(path: Path, catalog: Catalog) -> Quotes:
    """Read a filled workbook; every fault is named with its row.

    Args:
        path: the workbook.
        catalog: what the quotes are laid over.

    Raises:
        InputError: it is none of ours, or an answer cannot be used.
    """
    label, faults = str(path), list[Fault]()
    offers: list[RentedOffer] = []
    owned: dict[str, OwnedNode] = {}
    blank: list[str] = []
    machines = {f"{one.offer_id}.{site}": one for one in catalog.owned.values() for site in one.sites}
    for number, row in _rows(read_bytes(path), label):
        name = _text(row.get("offer"))
        if row.get("unit_price") in (None, ""):
            blank.append(name)
            continue
        found = _answer(row, label, number)
        faults += found.faults
        machine = machines.get(name)
        if found.faults:
            continue
        if name in catalog.offers and found.per != "once":
            offers.append(found.rented(catalog.offers[name]))
        elif machine is not None and found.per == "once":
            owned[machine.offer_id] = found.bought(machine)
        elif name in catalog.offers or machine is not None:
            allowed = "once" if machine is not None else "hour or month"
            faults.append(Fault(label, f"row {number}.price_per", shown(found.per), allowed))
        else:
            faults.append(Fault(label, f"row {number}.offer", shown(name), "an offer of the catalog"))
    if faults:
        raise InputError(faults)
    if not offers and not owned:
        raise InputError([Fault(label, "", "no line with a price", "prices in the column for them")])
    return Quotes(tuple(offers), tuple(owned.values()), tuple(blank))


def on_prem_yaml(nodes: Sequence[OwnedNode]) -> str:
    """Write machines as an overlay's on_prem.yaml."""
    listed = [node.model_dump(mode="json", exclude_none=True) for node in nodes]
    return yaml.safe_dump({"nodes": listed}, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True)
class _Answer:
    """The answer of one line."""

    price: float
    currency: Any
    per: str
    source: str
    as_of: str
    lead_time_weeks: float | None
    notes: str
    faults: tuple[Fault, ...]

    def rented(self, offer: RentedOffer) -> RentedOffer:
        """Return an offer at the price that was quoted."""
        return offer.model_copy(update={
            "price": self.price, "currency": self.currency, "per": self.per, "price_evidence": "quoted",
            "price_low": None, "price_high": None, "tax_included_fraction": 0.0, "source_url": self.source,
            "as_of": self.as_of, "confidence": "high", "notes": self.notes})

    def bought(self, machine: OwnedNode) -> OwnedNode:
        """Return a machine at the price that was quoted for all of it."""
        part = Part(
            item="whole machine, quoted", unit_price=self.price, currency=self.currency, evidence="quoted",
            confidence="high", source_url=self.source, as_of=self.as_of, notes=self.notes)
        lead = machine.lead_time_weeks if self.lead_time_weeks is None else self.lead_time_weeks
        return machine.model_copy(update={"parts": (part,), "lead_time_weeks": lead})


def _answer(row: Mapping[str, Any], label: str, number: int) -> _Answer:
    faults: list[Fault] = []

    def fault(key: str, allowed: str) -> None:
        faults.append(Fault(label, f"row {number}.{key}", shown(_text(row.get(key))), allowed))

    price, lead = _number(row.get("unit_price")), _number(row.get("lead_time"))
    currency, per = _text(row.get("price_currency")).upper(), _text(row.get("price_per")).lower()
    supplier, as_of = _text(row.get("supplier")), _text(row.get("quote_date"))
    if not price:
        fault("unit_price", "a number above 0")
    if currency not in CURRENCIES:
        fault("price_currency", ", ".join(CURRENCIES))
    if per not in ("once", "hour", "month"):
        fault("price_per", "once, hour or month")
    if not supplier:
        fault("supplier", "who made the offer")
    for key in ("quote_date", "valid_until"):
        if (key == "quote_date" or _text(row.get(key))) and not _is_day(_text(row.get(key))):
            fault(key, "a day as 2026-10-31")
    if lead is None and _text(row.get("lead_time")):
        fault("lead_time", "a number of weeks")
    notes = "; ".join(
        f"{said} {_text(row.get(key))}" for key, said in (
            ("valid_until", "valid until"), ("support_until", "support until"), ("remarks", "remarks:"))
        if _text(row.get(key)))
    source = " ".join(filter(None, ("quote", _text(row.get("quote_number")), "of", supplier)))
    return _Answer(price or 0.0, currency, per, source, as_of, lead, notes, tuple(faults))


def _rows(data: bytes, label: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the filled lines by key, with their row number."""
    ours = Fault(label, "", "no workbook of gpumix quote", "one that gpumix quote --to wrote, filled in")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(one.file_size for one in archive.infolist()) > LARGEST_UNPACKED:
                raise InputError([Fault(label, "", "a workbook above 64 MiB", "a smaller one")])
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
        sheet = book.worksheets[0]
        table = list(sheet.iter_rows(max_row=MOST_ROWS, max_col=len(ASKED) + len(ANSWERS) + 1, values_only=True))
    except InputError:
        raise
    except Exception:  # whatever a broken archive makes a reader of workbooks do
        raise InputError([ours]) from None
    keys, heading = list[str](), 0
    for number, cells in enumerate(table, 1):
        if keys and number > heading + 1 and _text(cells[0]):
            yield number, dict(zip(keys, cells, strict=False))
        elif not keys and _text(cells[0]).startswith(MARK):
            keys, heading = [_text(cell).removeprefix(MARK).strip() for cell in cells], number
    if not keys:
        raise InputError([ours])


def _text(value: Any) -> str:
    """Read a cell as text; days as YYYY-MM-DD, whole numbers without a point.

    >>> _text(datetime(2026, 10, 31)), _text(None), _text(7.0), _text(" a ")
    ('2026-10-31', '', '7', 'a')
    """
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else printable(" ".join(str(value).split()))[:LONGEST_TEXT]


def _number(value: Any) -> float | None:
    """Read a number from 0; None: there is none.

    >>> _number(1500000), _number("1,500,000"), _number("ask us"), _number(-1), _number("nan")
    (1500000.0, 1500000.0, None, None, None)
    """
    try:
        found = float(_text(value).replace(",", ""))
    except ValueError:
        return None
    return found if 0 <= found < 1e12 else None


def _is_day(text: str) -> bool:
    """Say whether a text is a day of the calendar.

    >>> _is_day("2026-10-31"), _is_day("2026-02-30"), _is_day("soon")
    (True, False, False)
    """
    try:
        return bool(DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False
