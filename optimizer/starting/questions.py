"""The questions of `gpumix init`: what is asked, what is taken when nothing is said, what may be said."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.use_cases import use_cases
from optimizer.schema.use_case import UseCase

DEFAULT_CASE = "assistant"
USERS = 500
"""People who use the service on a day, unless another number is said."""

YES = frozenset({"yes", "y", "true", "はい", "可"})
NO = frozenset({"no", "n", "false", "いいえ", "不可"})
NOTHING = frozenset({"none", "no", "-", "なし", "無し"})
ANYWHERE = frozenset({"anywhere", "any", "none", "どこでも", "制限なし", "なし"})

NUMBER = re.compile(r"^([0-9][0-9,_]*(?:\.[0-9]+)?)\s*(k|万|m)?\s*(.*)$")
SCALES = {"k": 1e3, "万": 1e4, "m": 1e6, None: 1.0}

IN_FLIGHT = frozenset({"in flight", "inflight", "concurrent", "concurrency", "同時", "同時リクエスト", "件同時"})
PER_SECOND = frozenset({"rps", "requests/s", "req/s", "per second", "件/秒"})
PEOPLE = frozenset({"", "users", "user", "people", "users a day", "人", "名"})
CURRENCIES = {"$": "USD", "usd": "USD", "dollars": "USD", "ドル": "USD", "¥": "JPY", "jpy": "JPY", "yen": "JPY",
              "円": "JPY", "eur": "EUR", "€": "EUR", "ユーロ": "EUR"}


def folded(text: str) -> str:
    """Write an answer as it is compared: narrow letters, one case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def number_of(text: str) -> tuple[float, str]:
    """Return a number and the words behind it.

    >>> number_of("1,500 users"), number_of("30万円"), number_of("40 in flight")
    ((1500.0, 'users'), (300000.0, '円'), (40.0, 'in flight'))

    Raises:
        ValueError: it begins with no number.
    """
    found = NUMBER.match(folded(text))
    if found is None:
        raise ValueError("a number")
    return float(re.sub("[,_]", "", found[1])) * SCALES[found[2]], found[3].strip()


def positive(text: str) -> float:
    """Read a number above 0, whatever unit stands behind it."""
    value, _ = number_of(text)
    if not 0 < value < 1e12:
        raise ValueError("a number above 0")
    return value


def whole(text: str) -> int:
    """Read a whole number above 0."""
    value = positive(text)
    if value != int(value):
        raise ValueError("a whole number above 0")
    return int(value)


def yes_or_no(text: str) -> bool:
    """Read yes or no."""
    answer = folded(text)
    if answer in YES | NO:
        return answer in YES
    raise ValueError("yes or no")


def amount(text: str) -> dict[str, float]:
    """Read how much comes, as keys of a demand: people a day, requests in flight, or requests a second.

    >>> amount("500"), amount("40 in flight"), amount("3 rps"), amount("2000人")
    ({'daily_active_users': 500.0}, {'peak_concurrency': 40}, {'peak_rps': 3.0}, {'daily_active_users': 2000.0})
    """
    value, unit = number_of(text)
    if not 0 < value < 1e12:
        raise ValueError("a number above 0")
    if unit in IN_FLIGHT:
        return {"peak_concurrency": int(value)}
    if unit in PER_SECOND:
        return {"peak_rps": value}
    if unit in PEOPLE:
        return {"daily_active_users": value}
    raise ValueError("500 users, 40 in flight, or 3 requests/s")


def budget(text: str) -> dict[str, Any] | None:
    """Read a budget a month, None for none.

    >>> budget("5000 USD"), budget("¥300,000"), budget("30万円"), budget("none")
    ({'amount': 5000.0, 'currency': 'USD'}, {'amount': 300000.0, 'currency': 'JPY'}, {'amount': 300000.0, \
'currency': 'JPY'}, None)
    """
    plain = folded(text)
    if plain in NOTHING:
        return None
    sign = plain[:1] if plain[:1] in CURRENCIES else ""
    value, unit = number_of(plain.removeprefix(sign))
    unit = unit.removesuffix("a month").removesuffix("/month").removesuffix("/月").strip()
    currency = CURRENCIES.get(sign or unit, None if unit else "USD")
    if currency is None or value <= 0:
        raise ValueError("an amount a month such as 5000 USD or 300,000 JPY, or none")
    return {"amount": value, "currency": currency}


def places(text: str) -> tuple[str, ...]:
    """Read places, none for anywhere."""
    if folded(text) in ANYWHERE:
        return ()
    return tuple(part.strip() for part in re.split("[,、]", text) if part.strip())


def nodes_there(text: str) -> dict[str, int]:
    """Read nodes that exist already, such as `2 x owned-workstation-2x-rtx-a5000.on-prem-jp`."""
    if folded(text) in NOTHING:
        return {}
    found = {}
    for part in re.split("[,、]", text):
        one = re.match(r"^\s*([0-9]+)\s*[x×]\s*(\S+)\s*$", part)
        if one is None or not int(one[1]):
            raise ValueError("N x OFFER (gpumix catalog list offers), or none")
        found[one[2]] = int(one[1])
    return found


def case(text: str) -> UseCase:
    """Read a use case by its id or its place in the list."""
    known, answer = list(use_cases().values()), folded(text).replace(" ", "-")
    if answer.isdigit() and 1 <= int(answer) <= len(known):
        return known[int(answer) - 1]
    for one in known:
        if one.use_case_id == answer:
            return one
    raise ValueError(", ".join(one.use_case_id for one in known))


def name(text: str) -> str:
    """Read the name of a problem."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,119}", text.strip()):
        raise ValueError("small letters, digits, dot, underscore and dash")
    return text.strip()


def text_of(text: str) -> str:
    """Read a name of the catalog, or a path."""
    if not text.strip() or len(text) > 200:
        raise ValueError("a name or a path")
    return text.strip()


@dataclass(frozen=True)
class Question:
    """One question."""

    key: str
    """Its name in an answers file, and with dashes as an option."""
    read: Callable[[str], Any]
    """Answer -> value; ValueError says what is allowed."""
    default: Callable[[UseCase, bool], str]
    """What is taken when nothing is said, by use case and whether Japanese is spoken."""
    kinds: tuple[str, ...] = ("sync", "async")
    """Of which services it is asked."""


def _typical(key: str) -> Callable[[UseCase, bool], str]:
    return lambda one, _: f"{getattr(one, key):g}" if isinstance(getattr(one, key), float) else str(getattr(one, key))


QUESTIONS: tuple[Question, ...] = (
    Question("use_case", case, lambda *_: DEFAULT_CASE),
    Question("name", name, lambda one, _: one.use_case_id),
    Question("model", text_of, _typical("model")),
    Question("users", amount, lambda *_: f"{USERS} users", ("sync",)),
    Question("requests", positive, _typical("requests"), ("async",)),
    Question("input_tokens", whole, _typical("isl_tokens")),
    Question("output_tokens", whole, _typical("osl_tokens")),
    Question("speed", positive, _typical("tokens_per_s_per_user"), ("sync",)),
    Question("budget", budget, lambda *_: "none"),
    Question("where", places, lambda _, japanese: "JP" if japanese else "anywhere"),
    Question("buy", yes_or_no, lambda *_: "yes"),
    Question("have", nodes_there, lambda *_: "none"),
    Question("spare", yes_or_no, lambda *_: "no"),
)
"""In the order in which they are asked."""


def read_answers(
    given: Mapping[str, str], japanese: bool, label: str, ask: Callable[[Question, UseCase, str], str] | None = None,
) -> dict[str, Any]:
    """Return the value of every question.

    Args:
        given: answers by key; what is missing is asked, or takes its default.
        japanese: whether Japanese is spoken.
        label: how faults name where the answers come from.
        ask: how to ask; None takes the defaults.

    Raises:
        InputError: with every answer that cannot be read.
    """
    known = {one.key for one in QUESTIONS}
    faults = [Fault(label, key, "no such question", ", ".join(sorted(known))) for key in given if key not in known]
    values: dict[str, Any] = {"use_case": use_cases()[DEFAULT_CASE]}
    for one in QUESTIONS:
        found: UseCase = values["use_case"]
        if found.kind not in one.kinds:
            if one.key in given:
                faults.append(Fault(label, one.key, f"an answer with use_case {found.use_case_id}", "nothing there"))
            continue
        default = one.default(found, japanese)
        text = given[one.key] if one.key in given else ask(one, found, default) if ask else default
        try:
            values[one.key] = one.read(str(text))
        except ValueError as error:
            faults.append(Fault(label, one.key, repr(str(text)), str(error)))
    if faults:
        raise InputError(faults)
    return values
