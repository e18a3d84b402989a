"""Whatever a file holds, reading it ends in levels or in faults, never in a traceback."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import InputError
from optimizer.loadtest.accept import refusal, remarks
from optimizer.loadtest.document import document_of
from optimizer.loadtest.formats import read_levels
from tests.loadtest.test_formats import TEXTS

ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, -1, 0, 0.0, 1e308, float("inf"), float("nan"), 10**400, "", "ten", "inf", [], [1], {}, {"mean": 0}])


def survives(text: str) -> None:
    """Read a text and judge its levels."""
    try:
        _, levels = read_levels(document_of(text, "file"))
    except InputError:
        return
    for level in levels:
        refusal(level)
        remarks(level)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the places of every value inside a JSON value."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, value in inside for place in [(*path, key), *places(value, (*path, key))]]


JSON_NAMES = [name for name, text in TEXTS.items() if text.startswith(("{", "[")) and name not in (
    "own records", "llama-bench lines")]


@pytest.mark.parametrize("name", JSON_NAMES)
@settings(max_examples=60)
@given(draw=st.data())
def test_odd_values_anywhere(name: str, draw: st.DataObject) -> None:
    data = json.loads(TEXTS[name])
    for _ in range(draw.draw(st.integers(1, 3))):
        *path, last = draw.draw(st.sampled_from(places(data)))
        target = data
        for part in path:
            target = target[part]
        target[last] = copy.deepcopy(draw.draw(ODD))
        if not places(data):
            break
    survives(json.dumps(data))


@pytest.mark.parametrize("name", TEXTS)
@settings(max_examples=30)
@given(start=st.integers(0, 3000), length=st.integers(0, 3000), put=st.sampled_from(["", '"', ",", "\n", "-", "\x01"]))
def test_cut_texts(name: str, start: int, length: int, put: str) -> None:
    text = TEXTS[name]
    survives(text[:start] + put + text[start + length:])


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    survives(text)


def test_very_long_cells_and_deep_nesting() -> None:
    survives(TEXTS["genai-perf"].replace("50.00", "5" * 2_000_000))
    survives(TEXTS["locust"].replace("gen", "g" * 2_000_000))
    survives("[" * 100_000)
