"""Only what a problem needs is read, and that is all that could answer it."""

from __future__ import annotations

import pytest

from optimizer.load import load_catalog
from optimizer.load.catalog import NEVER_ANSWERS, point_key


@pytest.mark.parametrize("model", ["llama-3-8b-instruct", "gpt-oss-120b", "qwen3-32b", "deepseek-r1", "flan-t5-xl"])
def test_the_rows_read_for_one_model_are_all_that_can_answer_for_it(model: str) -> None:
    whole, some = load_catalog(), load_catalog(references={model})
    group = whole.models[model].runs_like
    alike = {name for name, facts in whole.models.items() if facts.runs_like == group}
    expected = {point_key(p) for p in whole.points if p.model_id in alike and f",{p.use}," not in NEVER_ANSWERS}
    assert {point_key(p) for p in some.points} == expected
    assert some.sha256 == whole.sha256
    assert some.models[model] == whole.models[model]
