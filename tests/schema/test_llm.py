"""Facts of a model or precision that contradict each other are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from optimizer.schema.llm import StoredWeights
from tests.catalogs import tiny


def test_scales_are_less_than_the_whole() -> None:
    assert StoredWeights(weight_bytes=0.52, scale_bytes=0.02).scale_bytes == 0.02
    with pytest.raises(ValidationError, match=r"scale_bytes: found 0\.5; allowed: less than weight_bytes = 0\.5"):
        StoredWeights(weight_bytes=0.5, scale_bytes=0.5)


def test_layers_of_all_kinds_are_at_most_all_layers() -> None:
    # the tiny model has 10 layers, all of full attention
    assert tiny.model(full_attention_layers=4, state_layers=6, state_bytes_per_layer=1e6).state_layers == 6
    with pytest.raises(ValidationError, match="sliding_window_layers and state_layers included"):
        tiny.model(state_layers=1)
