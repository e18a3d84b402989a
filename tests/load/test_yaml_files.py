"""What a YAML text means, where plain YAML 1.1 would mean something else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import InputError
from optimizer.load import shipped_catalog_dir
from optimizer.load.yaml_files import DEEPEST, parse_mapping, parse_yaml


@pytest.mark.parametrize(("text", "value"), [
    ("12", 12), ("+12", 12), ("-0", 0), ("1_000", 1000), ("1e3", 1000.0), ("1.5e3", 1500.0), ("2.", 2.0), (".5", 0.5),
        ("6_0.5", 60.5), ("-.inf", float("-inf")),
    ("true", True), ("No", False), ("~", None), ("", None), ("text", "text"), ("'010'", "010"),
        ("2026-08-21", date(2026, 8, 21)),
    ("2026-08", "2026-08"), ("2026-08-21 10:00:00", "2026-08-21 10:00:00"), ("[1, [2]]", (1, (2,))),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ("{1: a, null: b}", {"1": "a", "null": "b"}), ("a: =", {"a": "="}), ("\ufeffa: 1", {"a": 1}), ("!!float 1", 1.0),
        ("!!str 1", "1"),
    ("\u4eee: \u5024", {"\u4eee": "\u5024"}),
])
def test_values(text: str, value: Any) -> None:
    found = parse_yaml(text, "f")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("text", "place", "found"), [
    ("a: 010", "line 1, column 4", "'010'"), ("a: 22:00", "line 1, column 4", "'22:00'"),
        ("a: 0x1f", "line 1, column 4", "'0x1f'"),
    ("a: 1:30.5", "line 1, column 4", "'1:30.5'"), ("a: 0b1", "line 1, column 4", "'0b1'"),
        ("a: 1__0", "line 1, column 4", "'1__0'"),
    ("a: !!int ''", "line 1, column 4", "''"), ("a: !!bool maybe", "line 1, column 4", "'maybe'"),
        ("a: !!binary x", "line 1, column 4", "the tag '!!binary'"),
    ("a: !!set {b}", "line 1, column 4", "the tag '!!set'"), ("a: !mine b", "line 1, column 4", "the tag '!mine'"),
    ("!!map [1]", "line 1, column 1", "the tag '!!map'"), ("!!seq {a: 1}", "line 1, column 1", "the tag '!!seq'"),
    ("a: 2026-13-01", "line 1, column 4", "'2026-13-01'"), ("a: &x 1\nb: *x", "line 2, column 4", "the alias *x"),
    ("&a [*a]", "line 1, column 5", "the alias *a"), ("a: @b", "line 1, column 4",
        "the character '@' unquoted at a start"),
    ("\ta: 1", "line 1, column 1", "a tab where YAML wants blanks"),
])
def test_what_is_refused(text: str, place: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f")
    assert [(fault.file, fault.key, fault.found) for fault in caught.value.faults] == [("f", place, found)]


def test_every_fault_of_a_text_is_found() -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml("a: 1\na: 2\nb: 010\nc: &x 1\nd: *x\ne: !!set {f}\n", "f")
    assert [fault.key for fault in caught.value.faults] == ["line 2, column 1", "line 3, column 4", "line 6, column 4",
        "line 5, column 4"]


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_nesting_up_to_the_limit() -> None:
    assert parse_yaml(nested(DEEPEST), "f") != ()
    with pytest.raises(InputError, match=f"at most {DEEPEST}"):
        parse_yaml(nested(DEEPEST + 1), "f")


@pytest.mark.parametrize("text", [nested(100_000), nested(1_500), "[" * 1_500, "[" * 100_000, "- " * 50_000 + "a",
        "? " * 50_000 + "a", "{a: " * 50_000])
def test_bottomless_nesting_does_not_end_the_process(text: str) -> None:
    with pytest.raises(InputError, match=f"more than {DEEPEST} levels"):
        parse_yaml(text, "f")


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    with pytest.raises(InputError, match="the alias"):
        parse_yaml("\n".join(lines), "f")


@pytest.mark.parametrize(("text", "found"), [("", "an empty file"), ("- 1", "a list of 1"), ("7", "7"),
        ("desk", "'desk'")])
def test_a_mapping_is_asked_for(text: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_mapping(text, "f")
    assert caught.value.faults[0].found == found


def as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): as_tuples(inner) for key, inner in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["engines.yaml", "precisions.yaml", "on_prem.yaml", "calibration.yaml"])
def test_shipped_files_mean_what_plain_yaml_says(name: str) -> None:
    text = (shipped_catalog_dir() / name).read_text(encoding="utf-8")
    assert parse_yaml(text, name) == as_tuples(yaml.load(text, Loader=yaml.CSafeLoader))


scalars = st.none() | st.booleans() | st.integers(-10**6,
    10**6) | st.floats(allow_nan=False) | st.text("ab c:#-\u8ca0'\"\n", max_size=12)
documents = st.recursive(scalars, lambda inner: st.lists(inner,
    max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3), max_leaves=12)


@given(data=documents)
def test_what_was_dumped_comes_back(data: Any) -> None:
    assert parse_yaml(yaml.safe_dump(data, default_flow_style=None), "f") == as_tuples(data)
