"""How a fault shows what was found, and what plain words say is allowed."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError, model_validator

from optimizer.errors import InputError
from optimizer.load.faults import faults_of, shown
from optimizer.load.text import decode
from optimizer.schema.base import Frozen, Name, Positive
from optimizer.schema.problem import Problem


@pytest.mark.parametrize(("value", "text"), [
    ("abc", "'abc'"), (None, "nothing"), (float("nan"), "nan"), ({}, "an empty mapping"), ({"a": 1}, "a mapping"),
        ((), "a list of 0"),
    ([1, 2], "a list of 2"), (True, "True"), ("x" * 100, "'" + "x" * 56 + "..."), ("a\nb", "'a\\nb'"),
])
def test_what_was_found_is_shown_on_one_short_line(value: Any, text: str) -> None:
    assert shown(value) == text
    assert len(shown(value)) <= 60


def test_a_number_that_python_will_not_print_is_shown() -> None:
    assert shown(10**5000) == "a number of thousands of digits"


class Leaf(Frozen):
    """A part."""

    size: Positive
    name: Name = "leaf"


class Tree(Frozen):
    """A whole with parts in all the ways that a problem has them."""

    leaves: Annotated[tuple[Leaf, ...], Field(min_length=2, max_length=3)] = (Leaf(size=1.0), Leaf(size=1.0))
    by_name: dict[str, Leaf] = {}  # noqa: RUF012
    best: Leaf | None = None

    @model_validator(mode="after")
    def _rules(self) -> Tree:
        if self.best is not None and self.best.size > 5:
            raise ValueError("best.size: found much; allowed: at most 5\nfound a tree; allowed: a bush")
        return self


def faults(data: Any, prefix: str = "") -> list[tuple[str, str, str]]:
    with pytest.raises(ValidationError) as caught:
        Tree.model_validate(data)
    return [(fault.key, fault.found, fault.allowed) for fault in faults_of(caught.value, "f", Tree, prefix)]


GOOD = {"size": 1.0}


@pytest.mark.parametrize(("data", "expected"), [
    ({"best": {"size": 0}}, [("best.size", "0", "greater than 0, at least 1e-09")]),
    ({"best": {"sice": 1}}, [("best.size", "nothing", "a value: this key is required"),
                             ("best.sice", "an unknown key", "'size' (did you mean that?), or one of name, size")]),
    ({"by_name": {"oak": {"zzz": 1, "size": 1}}}, [("by_name.oak.zzz", "an unknown key", "one of name, size")]),
    ({"by_name": {"oak": 7}}, [("by_name.oak", "7", "a mapping of keys to values")]),
    ({"leaves": (GOOD,)}, [("leaves", "a list of 1", "at least 2 entries")]),
    ({"leaves": (GOOD,) * 4}, [("leaves", "a list of 4", "at most 3 entries")]),
    ({"leaves": (GOOD, {"size": "x"})}, [("leaves.1.size", "'x'", "a number")]),
    ({"leaves": ({"size": "x"}, {"size": None})}, [("leaves.0.size", "'x'", "a number"),
        ("leaves.1.size", "nothing", "a number")]),
    ({"leaves": ({"size": 1, "name": ""}, GOOD)}, [("leaves.0.name", "''", "text that is not empty")]),
    ({"leaves": ({"size": 1, "name": "n" * 201}, GOOD)}, [("leaves.0.name", "'" + "n" * 56 + "...",
        "at most 200 characters")]),
    ({"best": {"size": 6}}, [("best.size", "much", "at most 5"), ("", "a tree", "a bush")]),
    (7, [("", "7", "a mapping of keys to values")]),
])
def test_faults_in_plain_words(data: Any, expected: list[tuple[str, str, str]]) -> None:
    assert faults(data) == expected


def test_a_prefix_says_which_row() -> None:
    assert faults({"best": {"size": 6}}, "line 3")[0][0] == "line 3.best.size"
    assert faults({"best": {"size": 6}}, "line 3")[1][0] == "line 3"


def test_every_rule_of_the_problem_s_own_validators_reads_found_and_allowed() -> None:
    service = {"service_id": "a", "model": "m", "workload": ({"isl_tokens": 1, "osl_tokens": 1, "share_fraction": 0.5},
        ), "kind": "sync",
               "deadline": {"requests": 1, "start_hour": 0, "end_hour": 1}}
    with pytest.raises(ValidationError) as caught:
        Problem.model_validate({"schema_version": 1, "name": "p", "services": (service,)})
    found = faults_of(caught.value, "f", Problem)
    assert [fault.key for fault in found] == ["services.0.demand", "services.0.deadline", "services.0.slo",
        "services.0.workload"]
    assert all(fault.found and fault.allowed for fault in found)


@pytest.mark.parametrize(("raw", "text"), [(b"", ""), (b"\xef\xbb\xbfa", "a"),
        ("\u8ca0\u8377".encode(), "\u8ca0\u8377"), (b"a\r\nb", "a\r\nb")])
def test_utf_8_is_read_with_or_without_its_mark(raw: bytes, text: str) -> None:
    assert decode(raw, "f") == text


@pytest.mark.parametrize(("raw", "line"), [(b"a\nb\n\xff", 3), (b"\xe2\x28\xa1", 1), (b"a\n\x00", 2),
        ("a\nb".encode("utf-16"), 1)])
def test_other_bytes_are_named_by_line(raw: bytes, line: int) -> None:
    with pytest.raises(InputError) as caught:
        decode(raw, "f")
    assert caught.value.faults[0].key == f"line {line}"
