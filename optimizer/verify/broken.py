"""A rule that a plan breaks: its name beside what is wrong, so that nobody has to read one out of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Subject = TypeVar("Subject")


class Broken(str):
    """What is wrong, as text, with the rule or the key that it is about."""

    __slots__ = ("rule",)

    rule: str

    def __new__(cls, rule: str, what: str) -> Broken:
        """Put the rule before what is wrong."""
        made = super().__new__(cls, f"{rule}: {what}")
        made.rule = rule
        return made


def broken_by(checks: Iterable[Callable[[Subject], Iterable[str]]], subject: Subject) -> Iterator[Broken]:
    """Yield what some checks find wrong, each under the name of its check."""
    for check in checks:
        yield from (Broken(check.__name__.removeprefix("check_"), what) for what in check(subject))
