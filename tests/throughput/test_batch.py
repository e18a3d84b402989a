"""Many questions at once are answered as each alone."""

from __future__ import annotations

import itertools

import pytest

from optimizer.load import Catalog
from optimizer.throughput import Question, speed_curve
from optimizer.throughput.batch import speeds
from tests.catalogs import tiny


def test_each_is_answered_as_alone(shipped: Catalog) -> None:
    asked = [
        (Question(shipped.models[model], "bf16", shipped.precisions["bf16"], shipped.gpus[gpu], "vllm",
                  shipped.engines["vllm"], tp, tp, isl, 256), count)
        for model, gpu, tp, isl, count in itertools.product(
            ("llama-3-8b-instruct", "qwen3-32b", "gemma-2-9b-it"), ("h100-sxm-80gb", "rtx-a5000-24gb"), (1, 2),
            (1024, 300), (1, 5, 48, 700, 9000))
    ]
    found = speeds(shipped, asked)
    for index, (question, count) in enumerate(asked):
        curve = speed_curve(shipped, question)
        assert curve is not None
        assert found.tpot_ms[index] == pytest.approx(curve.tpot_ms(count), rel=1e-9)
        assert found.ttft_ms[index] == pytest.approx(curve.ttft_ms(count), rel=1e-9)


def test_needs_a_calibration() -> None:
    catalog = tiny.catalog(calibration=None)
    with pytest.raises(ValueError, match="no calibration"):
        speeds(catalog, [(tiny.question(catalog), 1)])
