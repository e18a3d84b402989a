"""Configs with keys dropped, renamed, nested or of wrong types are read or refused, and never keep nothing."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import InputError
from optimizer.load.model_config import parse_model_config
from tests.load.architecture import configs
from tests.load.test_model_config import DEEPSEEK_V3, GEMMA2, GPT_OSS, LLAMA, QWEN3_MOE, QWEN3_NEXT

KNOWN = [value for name, value in vars(configs).items() if name.isupper()]
KNOWN += [DEEPSEEK_V3, GEMMA2, GPT_OSS, LLAMA, QWEN3_MOE, QWEN3_NEXT]
JUNK = [None, 0, -1, 1.5, True, "x", "", [], {}, [1], ["a"], {"a": 1}, 10**12, "64", [0] * 64, ["mamba"] * 64, [None],
        -0.5, 2**63, float("inf")]


def _broken(data: dict[str, Any], seed: int) -> dict[str, Any]:
    """Change one to four keys at any depth."""
    dice = random.Random(seed)
    data = json.loads(json.dumps(data))
    for _ in range(dice.choice([1, 1, 2, 4])):
        places = [data, *(value for value in data.values() if isinstance(value, dict) and value)]
        place = dice.choice(places)
        if not place:
            break
        key = dice.choice(sorted(place))
        change = dice.random()
        if change < 0.35:
            del place[key]
        elif change < 0.8:
            place[key] = dice.choice(JUNK)
        elif change < 0.9:
            place[f"{key}_x"] = place.pop(key)
        else:
            data = {"text_config": data}
    return data


def _holds(data: dict[str, Any]) -> None:
    try:
        model = parse_model_config(json.dumps(data).encode(), "own/config.json")
    except InputError:
        return
    assert model.kv_values_bytes_per_token > 0 or any(kind.state_bytes > 0 for kind in model.kinds)
    assert model.parameters_billion >= model.active_parameters_billion > 0


@given(which=st.integers(0, len(KNOWN) - 1), seed=st.integers(0, 10**6))
def test_a_broken_config_is_read_or_refused(which: int, seed: int) -> None:
    _holds(_broken(KNOWN[which], seed))


@pytest.mark.slow
def test_many_broken_configs() -> None:
    for seed in range(5000):
        _holds(_broken(KNOWN[seed % len(KNOWN)], seed))
