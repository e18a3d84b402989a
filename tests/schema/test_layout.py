"""How a replica spreads over its GPUs: words and sizes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from optimizer.schema.layout import ReplicaLayout
from tests.catalogs import tiny


@pytest.mark.parametrize("name", ["tp1", "tp8", "tp4-pp2", "tp1-dp8-ep8", "tp8-pp2-n2", "tp4-ep4"])
def test_words_are_read_back(name: str) -> None:
    assert ReplicaLayout.parse(name).name == name


@pytest.mark.parametrize("name", ["", "4", "tp", "tp0", "tp4-tp2", "tp4_ep4", "tp4-xx2"])
def test_other_words_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="layout"):
        ReplicaLayout.parse(name)


def test_a_row_states_its_layout_in_columns_or_in_a_word() -> None:
    by_columns = tiny.point(tp_size=1, dp_size=8, ep_size=8, gpu_count=8)
    by_word = tiny.point(tp_size=1, layout="tp1-dp8-ep8", gpu_count=8)
    assert by_columns.spread == by_word.spread == ReplicaLayout(1, dp_size=8, ep_size=8)
    assert by_columns.layout_name == "tp1-dp8-ep8"
    with pytest.raises(ValidationError, match="allowed: the same sizes"):
        tiny.point(tp_size=2, layout="tp4", gpu_count=4)
