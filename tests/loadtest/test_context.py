"""An engine started as a plan says has no more context than the plan's requests: prompts must fit it."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.loadtest.level import Schedule
from optimizer.loadtest.running import Endpoint, run_levels
from tests.loadtest.conftest import Start, needs_client

pytestmark = needs_client


@pytest.mark.parametrize(("isl", "osl", "tokens_per_word"), [(64, 8, 1.25), (512, 32, 1.25), (400, 8, 5.0)])
def test_no_request_is_refused_where_the_context_is_exact(
    known_server: Start, tmp_path: Path, isl: int, osl: int, tokens_per_word: float
) -> None:
    """Words of five tokens are those of a tokeniser of bytes: half of 400 words are 1,000 tokens of 408."""
    url = known_server(context=isl + osl, tokens_per_word=tokens_per_word, knots=[[1, 4]])
    found = run_levels(Endpoint(url, "completions", "", isl, osl), Schedule((2,), until=0.5, runs=1), {},
                       tmp_path / "records.jsonl", lambda _: None)
    assert not any("HTTP" in one for one in found.trouble)
    (level,) = found.levels
    assert level.runs[0].failed == 0
    assert level.runs[0].isl_tokens == pytest.approx(isl, rel=0.1)  # as near as a row asks for
