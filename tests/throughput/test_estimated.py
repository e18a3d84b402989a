"""The estimate: its terms worked out by hand, its caps, and what must hold for every model on every GPU."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.load import Catalog
from optimizer.schema.layout import ReplicaLayout
from optimizer.throughput import Question, speed_curve
from optimizer.throughput.curve import SpeedCurve
from optimizer.throughput.estimated import KNOTS, curve_for, saturation_tokens_per_s
from optimizer.throughput.fitted import effect
from optimizer.throughput.physics import (
    Loads,
    in_service,
    least_tpot_ms,
    replica_of,
    tensor_flops,
    tpot_terms,
    ttft_terms,
)
from optimizer.throughput.traits import traits_of
from tests.catalogs import tiny


def estimate(catalog: Catalog, asked: Question) -> SpeedCurve:
    """Return the estimated curve, which every catalog with a calibration has."""
    found = curve_for(catalog, asked)
    assert found is not None
    return found


def loads_of(*asked: Question) -> Loads:
    """Lay questions out as columns."""
    return Loads.of([replica_of(q) for q in asked], [q.isl_tokens for q in asked], [q.osl_tokens for q in asked])


def terms_of(asked: Question, concurrency: int) -> list[float]:
    """Return the TPOT terms of one question at one number of requests in flight."""
    found: list[float] = tpot_terms(loads_of(asked), np.array([float(concurrency)]))[:, 0, 0].tolist()
    return found


def test_terms_by_hand() -> None:
    catalog = tiny.catalog()
    asked = tiny.question(catalog)
    # weights: 2 GB at 1,000 GB/s = 2 ms. KV of a request: (500 + 100) tokens x 20,480 bytes at 1,000 GB/s = 0.012 ms.
    # Prefill: 2 x 1e9 x 500 / 100e12 s = 10 ms, and 2 x 10 layers x 8 heads x 64 x 500^2 / 100e12 s = 0.0256 ms of
    # attention; 7 other users' prompts come within 200 steps: 7/200 x 10.0256 = 0.350896 ms. A token: 0.02 ms.
    assert terms_of(asked, 8) == pytest.approx([1.0, 10.0, 2.0, 8 * 0.012288, 8.0, 8 * 0.02, 0.350896, 0.0, 0.0])
    waits = ttft_terms(loads_of(asked), np.array([8.0]), np.array([[7.0]]))[:, 0, 0]
    assert waits == pytest.approx([1.0, 10.0256, 35.0896, 7.0, 0.0])
    curve = estimate(catalog, asked)
    assert [curve.tpot_ms(c) for c in (1, 2, 5, 64, 100)] == pytest.approx([3.5, 4.0, 5.5, 35.0, 53.0])
    assert curve.ttft_ms(64) == pytest.approx(20.0256)
    assert curve.evidence(1) == "estimated"
    assert curve.source_url(1) is None


def test_tensor_parallel_halves_what_is_read_and_adds_all_reduces() -> None:
    catalog = tiny.catalog()
    one, two = (replica_of(tiny.question(catalog, tp)) for tp in (1, 2))
    halves = (1.0, one.prefill_ms_per_token / 2, one.kv_ms_per_token / 2)
    assert (two.weights_ms, two.prefill_ms_per_token, two.kv_ms_per_token) == pytest.approx(halves)
    assert (one.hops, two.hops) == (0.0, 10.0)


def test_a_mixture_reads_the_experts_that_its_tokens_touch() -> None:
    # 1 B in all, 0.4 B active, 8 experts, 2 a token: experts hold (1 - 0.4) / (1 - 2/8) = 0.8 B, 0.2 B are always read.
    mixture = tiny.model(active_parameters_billion=0.4, experts=8, experts_per_token=2)
    replica = replica_of(tiny.question(tiny.catalog(models={"m": mixture})))
    assert (replica.weights_ms, replica.experts_ms) == pytest.approx((0.4, 1.6))
    # one token: 0.4 + 1.6 x 2/8 = 0.8 ms (its active 0.8 GB); two: 0.4 + 1.6 x (1 - 0.75^2) = 1.1 ms; many: all 2 GB
    assert [least_tpot_ms(replica, c) for c in (1, 2, 200)] == pytest.approx([0.8, 1.1, 2.0])


def test_an_untied_input_embedding_is_looked_up_not_read() -> None:
    untied = tiny.model(tied_embeddings=False, vocabulary=100_000)  # 100,000 x 512 = 0.0512 B parameters, 0.1024 GB
    assert replica_of(tiny.question(tiny.catalog(models={"m": untied}))).weights_ms == pytest.approx(2.0 - 0.1024)


def test_a_sliding_window_is_read_no_further_than_its_width() -> None:
    windowed = tiny.model(full_attention_layers=5, sliding_window_layers=5, sliding_window_tokens=100)
    asked = tiny.question(tiny.catalog(models={"m": windowed}))
    # half the layers read 600 tokens, half 100: 350 on average
    assert terms_of(asked, 1)[3] == pytest.approx(350 * 20_480 / 1e12 * 1000)


def test_what_a_precision_leaves_at_16_bits_is_read_at_16_bits() -> None:
    # 0.2 B of 1 B are always read, 0.8 B are experts; only they are stored in half a byte
    mixture = tiny.model(active_parameters_billion=0.4, experts=8, experts_per_token=2)
    catalog = tiny.catalog(models={"m": mixture})
    four = tiny.precision("fp8", 0.5, "fp8", quantises="experts")
    replica = replica_of(tiny.question(catalog, precision_id="fp8", precision=four))
    assert (replica.weights_ms, replica.experts_ms) == pytest.approx((0.4, 0.4))


def test_no_more_are_in_service_than_the_cache_holds() -> None:
    asked = tiny.question(tiny.catalog())
    slots = replica_of(asked).kv_slots / 600  # tokens of a request half way
    served = in_service(loads_of(asked), np.array([10.0, 1e6]))[0]
    assert served.tolist() == pytest.approx([10.0, slots])


@pytest.mark.parametrize(
    ("name", "facts", "capability", "tflops"),
    [
        pytest.param("bf16", {}, 9.0, 100.0, id="16-bit"),
        pytest.param("fp8", {}, 9.0, 300.0, id="8-bit floats"),
        pytest.param("fp8", {}, 8.6, 100.0, id="8-bit floats are only weights on this GPU"),
        pytest.param("int8", {}, 9.0, 400.0, id="8-bit integers"),
        pytest.param("fp4", {}, 10.0, 300.0, id="4-bit floats, at least as fast as 8-bit"),
        pytest.param("int4", {"weight_only": True}, 10.0, 100.0, id="4-bit weights only"),
    ],
)
def test_prefill_uses_the_arithmetic_of_the_precision(
    name: str, facts: dict[str, bool], capability: float, tflops: float
) -> None:
    catalog = tiny.catalog(gpus={"g": tiny.gpu(compute_capability=capability, fp8_tflops=300.0, int8_tops=400.0)})
    precision = tiny.precision(name, 1.0, name, **facts)
    asked = replace(tiny.question(catalog), precision_id=name, precision=precision)
    assert tensor_flops(asked) == tflops * 1e12


class TestCeilings:
    """Saturation rows cap what an estimate may promise."""

    def test_cap_the_estimate(self) -> None:
        catalog = tiny.catalog(tiny.ceiling(1000.0))
        curve = estimate(catalog, tiny.question(catalog))
        # estimate 3 + C/2 ms, ceiling C ms: 3.5 against 1 at C=1; 8 against 10 at C=10; equal at C=6
        assert [curve.tpot_ms(c) for c in (1, 6, 10, 100)] == pytest.approx([3.5, 6.0, 10.0, 100.0])

    def test_do_not_touch_measured_levels(self) -> None:
        catalog = tiny.catalog(tiny.ceiling(1000.0), tiny.point(10, 8.0))
        assert estimate(catalog, tiny.question(catalog)).tpot_ms(10) == 10.0
        measured = speed_curve(catalog, tiny.question(catalog))
        assert measured is not None
        assert measured.tpot_ms(10) == 8.0

    def test_the_highest_of_several_counts(self) -> None:
        catalog = tiny.catalog(tiny.ceiling(1000.0), tiny.ceiling(1500.0), tiny.ceiling(1200.0))
        assert saturation_tokens_per_s(catalog, tiny.question(catalog)) == 1500.0

    @pytest.mark.parametrize(
        ("facts", "counts"),
        [
            pytest.param({}, True, id="the same requests"),
            pytest.param({"isl_tokens": 100, "osl_tokens": 400}, True, id="easier requests"),
            pytest.param({"isl_tokens": None, "osl_tokens": None}, True, id="no lengths stated"),
            pytest.param({"isl_tokens": 600}, False, id="longer inputs are slower for a reason"),
            pytest.param({"isl_tokens": 400, "osl_tokens": 100}, False, id="so is more input for each output token"),
            pytest.param({"isl_tokens": 500, "osl_tokens": 400}, False, id="and a longer context"),
            pytest.param({"precision": "fp8"}, False, id="another precision"),
            pytest.param({"precision": None}, False, id="an unknown precision"),
            pytest.param({"gpu_count": 2}, False, id="another footprint"),
        ],
    )
    def test_only_rows_of_requests_no_harder_count(self, facts: dict[str, object], counts: bool) -> None:
        catalog = tiny.catalog(tiny.ceiling(1000.0, **facts))
        assert (saturation_tokens_per_s(catalog, tiny.question(catalog)) is not None) == counts


def test_an_engine_never_seen_is_taken_for_the_slowest() -> None:
    slow = tiny.with_engines(x=1.0, y=3.0)
    catalog = tiny.catalog(calibration=slow)
    assert estimate(catalog, tiny.question(catalog)).tpot_ms(1) == pytest.approx(3 * 3.5)


def test_no_factor_makes_it_faster_than_bandwidth() -> None:
    catalog = tiny.catalog(calibration=tiny.with_engines(e=0.01))
    # weights 2 ms, and at least half of the cache of one request, 0.012288 ms
    assert estimate(catalog, tiny.question(catalog)).tpot_ms(1) == pytest.approx(2.006144)


def test_no_prediction_uses_arithmetic_or_link_above_its_peak() -> None:
    free = tiny.CALIBRATION.tpot.model_copy(update={"coefficients": {"step_ms": 0.0}})
    catalog = tiny.catalog(calibration=tiny.CALIBRATION.model_copy(update={"tpot": free}))
    # 512 in flight, 1,000 + 200 tokens: a token each is 10.24 ms of arithmetic, and 511 prompts of 20.1024 ms within
    # 200 steps are 51.4 ms; half of it is sure, as the arithmetic may run at twice the rate
    asked = tiny.question(catalog, isl_tokens=1000)
    assert estimate(catalog, asked).tpot_ms(512) == pytest.approx(0.5 * (512 * 0.02 + 511 / 200 * 20.1024))
    # two GPUs on a link of 1 GB/s: 2 all-reduces x 10 layers x 512 x 2 bytes, each GPU moves all of it once
    linked = replace(asked, gpu=tiny.gpu(link="PCIe 1", link_gb_per_s=1.0), tp_size=2, gpu_count=2)
    moved_ms = 2 * 10 * 512 * 2 / 1e6
    assert replica_of(linked).link_ms_per_token == pytest.approx(moved_ms)
    assert estimate(catalog, linked).tpot_ms(512) == pytest.approx((512 + 511 / 200 * 1000) * moved_ms)
    # through the host's memory the data pass the link twice
    through_host = replace(linked, gpu=linked.gpu.model_copy(update={"peer_to_peer": False}))
    assert replica_of(through_host).link_ms_per_token == pytest.approx(2 * moved_ms)


def test_data_parallel_attention_reads_its_weights_on_every_rank() -> None:
    catalog = tiny.catalog()
    spread = ReplicaLayout(1, dp_size=4, ep_size=4)
    asked = tiny.question(catalog, gpu_count=4, spread=spread)
    replica = replica_of(asked)
    assert (replica.weights_ms, replica.shares) == pytest.approx((2.0, 4.0))
    # each rank holds the cache of a quarter of the requests
    assert terms_of(asked, 8)[3] == pytest.approx(2 * 0.012288)


@st.composite
def questions(draw: st.DrawFn, catalog: Catalog) -> Question:
    """Draw any model, precision, GPU, engine, size and length of the catalog, whether the engine runs it or not."""
    model = draw(st.sampled_from(sorted(catalog.models)))
    precision = draw(st.sampled_from(sorted(catalog.precisions)))
    gpu = draw(st.sampled_from(sorted(catalog.gpus)))
    engine = draw(st.sampled_from(sorted(catalog.engines)))
    tp_size = draw(st.sampled_from((1, 2, 4, 8)))
    isl, osl = draw(st.integers(1, 100_000)), draw(st.integers(1, 20_000))
    return Question(catalog.models[model], precision, catalog.precisions[precision], catalog.gpus[gpu], engine,
                    catalog.engines[engine], tp_size, tp_size, isl, osl)


CONCURRENCIES = (1, 2, 3, 8, 50, 256, 1024)


def served_at_once(asked: Question) -> list[int]:
    """List numbers of requests in flight that a replica serves at once."""
    served = in_service(loads_of(asked), np.array(CONCURRENCIES, dtype=float))[0]
    return [c for c, found in zip(CONCURRENCIES, served, strict=True) if found == c]


@given(st.data())
def test_never_faster_than_the_weights_can_be_read(shipped: Catalog, data: st.DataObject) -> None:
    asked = data.draw(questions(shipped))
    model, tp_size = asked.model, asked.tp_size
    embedding = 0.0 if model.tied_embeddings else model.vocabulary * model.hidden_size / 1e9
    read_gb = max(model.active_parameters_billion - embedding, 0.0) * asked.precision.weight_bytes
    floor_ms = 1000 * read_gb / (asked.gpu.memory_bandwidth_gb_per_s * tp_size)
    curve = estimate(shipped, asked)
    assert all(curve.tpot_ms(c) >= floor_ms * (1 - 1e-9) for c in CONCURRENCIES)


@given(st.data())
def test_neither_tpot_nor_ttft_falls_with_requests_in_flight(shipped: Catalog, data: st.DataObject) -> None:
    curve = estimate(shipped, data.draw(questions(shipped)))
    for figures in ([curve.tpot_ms(c) for c in CONCURRENCIES], [curve.ttft_ms(c) for c in CONCURRENCIES]):
        assert figures == sorted(figures)
        assert figures[0] > 0


@given(st.data())
def test_more_gpus_read_the_weights_faster(shipped: Catalog, data: st.DataObject) -> None:
    # twice the GPUs cost an all-reduce a layer; all else of a step takes less time
    one = data.draw(questions(shipped))
    two = replace(one, tp_size=2 * one.tp_size, gpu_count=2 * one.gpu_count)
    small, large = replica_of(one), replica_of(two)
    for c in CONCURRENCIES:
        assert least_tpot_ms(large, c) == pytest.approx(least_tpot_ms(small, c) / 2)
    for c in served_at_once(one):
        terms = zip(terms_of(one, c)[:-2], terms_of(two, c)[:-2], strict=True)
        assert all(after <= before * (1 + 1e-9) for before, after in terms)
    # more GPUs at the same tensor parallel: each step reads less on each
    wide = replica_of(replace(one, gpu_count=2 * one.gpu_count))
    assert wide.weights_ms == pytest.approx(small.weights_ms / 2)


@given(st.data())
def test_a_gpu_that_is_better_in_everything_is_no_slower(shipped: Catalog, data: st.DataObject) -> None:
    asked = data.draw(questions(shipped))
    better = asked.gpu.model_copy(update={
        "memory_bandwidth_gb_per_s": asked.gpu.memory_bandwidth_gb_per_s * data.draw(st.floats(1, 4)),
        "fp16_tflops": (asked.gpu.fp16_tflops or 1000.0) * data.draw(st.floats(1, 4)),
    })
    bare = replace(shipped, points=())  # no saturation rows: they hold for the GPU as it is
    before, after = estimate(bare, asked), estimate(bare, replace(asked, gpu=better))
    for c in CONCURRENCIES:
        assert after.tpot_ms(c) <= before.tpot_ms(c) * (1 + 1e-9)
        assert after.ttft_ms(c) <= before.ttft_ms(c) * (1 + 1e-9)


@given(st.data())
def test_longer_requests_are_no_faster(shipped: Catalog, data: st.DataObject) -> None:
    asked = data.draw(questions(shipped))
    longer = replace(asked, isl_tokens=asked.isl_tokens + data.draw(st.integers(0, 50_000)))
    bare = replace(shipped, points=())
    before, after = estimate(bare, asked), estimate(bare, longer)
    for c in set(served_at_once(longer)) & set(KNOTS):
        assert after.tpot_ms(c) >= before.tpot_ms(c) * (1 - 1e-9)
        assert after.ttft_ms(c) >= before.ttft_ms(c) * (1 - 1e-9)


def test_an_engine_never_measured_on_this_memory_is_promised_no_more_than_the_median_there() -> None:
    # measured on HBM only, "x" has 0.5; on the other kind b, c and d have 1, 2 and 4, whose median is 2
    fitted = tiny.with_engines(x=0.5, b=1.0, c=2.0, d=4.0).tpot
    catalog = tiny.catalog()

    def factor(engine: str, *here: str) -> float:
        return math.exp(effect(fitted, traits_of(tiny.question(catalog, engine_id=engine)), here))

    assert factor("x", "b", "c", "d") == pytest.approx(2.0)
    assert factor("b", "b", "c", "d") == pytest.approx(1.0)
    assert factor("x") == pytest.approx(0.5)
    assert factor("unheard-of", "b", "c", "d") == pytest.approx(4.0)
