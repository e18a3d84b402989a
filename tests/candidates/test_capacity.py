"""How much one replica and one node carry, worked out by hand, and what holds for every curve."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.candidates import CandidateSet, Market, ReplicaSpeed, StatedCapacity, enumerate_candidates
from optimizer.candidates.replica import SEQUENCE_STEPS, ClassSpeed, in_company
from optimizer.costs import priced_offers
from optimizer.demand import demand_of
from optimizer.load import Catalog
from optimizer.schema.catalog import CapacityRow
from optimizer.schema.problem import Deadline, Demand, Limits, Problem, RequestClass, Service, Slo
from optimizer.throughput import SpeedCurve
from optimizer.throughput.curve import Level, Track
from tests.catalogs import tiny


def candidates(problem: Problem | None = None, catalog: Catalog | None = None) -> CandidateSet:
    """Enumerate the candidates of a tiny problem."""
    problem, catalog = problem or tiny.problem(), catalog or tiny.catalog()
    return enumerate_candidates(problem, catalog, Market.of(priced_offers(catalog, problem), problem.limits), {})


def capacity(problem: Problem | None = None, catalog: Catalog | None = None) -> int:
    """Return what the best candidate of the tiny offer carries."""
    found = candidates(problem, catalog)
    best = list(found.candidates(0, found.targets()[0]))
    assert len(best) == 1
    return best[0].capacity


def replica(problem: Problem, catalog: Catalog | None = None) -> ReplicaSpeed:
    """Return the only option of a tiny problem."""
    found = candidates(problem, catalog)
    (option,) = found.options[0, "g"]
    assert isinstance(option.speed, ReplicaSpeed)
    return option.speed


def asking(speed: float = 25.0, in_flight: int = 100, **slo: Any) -> Problem:
    """Ask for a speed for so many in flight."""
    return tiny.problem(slo=Slo(tokens_per_s_per_user=speed, **slo), demand=Demand(peak_concurrency=in_flight))


@pytest.mark.parametrize(
    ("problem", "most"),
    [
        # TPOT 3 + C/2 ms. 25 tokens/s = 40 ms: C = 74
        pytest.param(asking(25.0), 74, id="speed"),
        pytest.param(asking(25.1), 73, id="a little more speed"),
        pytest.param(asking(100.0), 14, id="100 tokens/s = 10 ms"),
        pytest.param(asking(25.0, 50), 50, id="never more than is asked"),
        pytest.param(asking(25.0, 100, ttft_ms=20.1), 74, id="the first token takes 20.03 ms at any C"),
    ],
)
def test_speed_and_demand_limit_a_replica(problem: Problem, most: int) -> None:
    assert capacity(problem) == most


def test_memory_limits_a_replica() -> None:
    # 8 B x 2 bytes = 14.90 GiB; 20 - 2 - 14.90 = 3.10 GiB. Heads of 1,024 take 16 x 20,480 bytes a token; 700 tokens
    # are 44 blocks of 16 = 704 tokens = 0.2148 GiB: 14 requests
    model = tiny.model(parameters_billion=8.0, active_parameters_billion=8.0, head_dim=1024, vocabulary=100)
    assert capacity(asking(1.0), tiny.catalog(models={"m": model})) == 14


def test_ttft_limits_a_replica() -> None:
    # TTFT 10 + P + P x (C - 1)/2 with P = 10.0256 ms: 100.2304 ms at C = 17, 105.2432 ms at 18
    queueing = tiny.with_coefficients("ttft", queue=1.0)
    assert capacity(asking(25.0, 100, ttft_ms=100.3), tiny.catalog(calibration=queueing)) == 17


def test_whole_responses_are_limited_by_their_time() -> None:
    # 20 + 199 x (3 + C/2) ms <= 3,000: C = 23 (20 + 199 x 14.5 = 2,905.5; at 24 3,005)
    problem = tiny.problem(slo=Slo(response="whole", e2e_ms=3000.0))
    assert capacity(problem) == 23


def test_the_slow_end_of_the_error_bar_counts_when_asked() -> None:
    # 90%: TPOT x 1.4. 40 / 1.4 = 28.57 ms: C = 51
    problem = tiny.problem(limits=Limits(speed_confidence=0.9))
    assert capacity(problem) == 51
    one = replica(problem)
    assert one.speed(51) == pytest.approx(1000 / (28.5 * 1.4))
    # a measured level has a narrow bar: 40 / 1.02 = 39.2 ms
    measured = tiny.catalog(tiny.point(1, 10.0), tiny.point(64, 38.0), tiny.point(65, 39.5))
    assert capacity(problem, measured) == 64


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        # tp 1: 74 a GPU. tp 2: weights in 1 ms, so C = 76. tp 4: 77
        pytest.param(1, 74, id="one GPU"),
        pytest.param(2, 148, id="two GPUs: two replicas of 74 carry more than one of 76"),
        pytest.param(4, 296, id="four GPUs"),
    ],
)
def test_a_node_holds_as_many_replicas_as_fit(gpus: int, expected: int) -> None:
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(gpu_count=gpus)})
    found = candidates(asking(25.0, 1000), catalog)
    (best,) = found.candidates(0, 25.0)
    assert (best.capacity, best.option.engine_id, best.option.tp_size) == (expected, "e", 1)
    sizes = sorted(option.tp_size for option in found.options_on(0, best.offer))
    assert sizes == [size for size in (1, 2, 4) if size <= gpus]


def test_the_best_option_of_each_offer_is_the_best_of_all() -> None:
    fast = tiny.with_engines(e=1.0, f=1.5)
    offers = {"one": tiny.offer("one"), "four": tiny.offer("four", gpu_count=4)}
    catalog = tiny.catalog(engines={"e": tiny.engine(), "f": tiny.engine()}, calibration=fast, offers=offers)
    found = candidates(tiny.problem(precisions=("bf16", "fp8"), demand=Demand(peak_concurrency=1000)), catalog)
    for target in (5.0, 25.0, 60.0, 250.0):
        every = list(found.every_candidate(0, target))
        best = {name: max(one.capacity for one in every if one.offer.offer_id == name) for name in offers}
        assert {one.offer.offer_id: one.capacity for one in found.candidates(0, target)} == best
        for engine in ("e", "f"):
            mine = [one for one in every if one.option.engine_id == engine]
            best = {name: max(one.capacity for one in mine if one.offer.offer_id == name) for name in offers}
            kept = [one for one in found.candidates(0, target, per_engine=True) if one.option.engine_id == engine]
            assert {one.offer.offer_id: one.capacity for one in kept} == best


def test_ties_go_by_engine_precision_and_tensor_parallel() -> None:
    catalog = tiny.catalog(engines={"f": tiny.engine(), "e": tiny.engine()})
    (best,) = candidates(tiny.problem(precisions=("fp16", "bf16")), catalog).candidates(0, 25.0)
    assert best.option.order == ("e", "bf16", 1, 1, "")


def test_footprints_that_were_measured_are_options_too() -> None:
    # one tensor-parallel rank of each of two data-parallel copies: 2 GPUs; the engine by itself offers 1, 2 and 4
    row = tiny.point(4, 5.0, gpu_count=2, tp_size=1, layout="tp1-dp2", precision="fp16")
    catalog = tiny.catalog(row, offers={"cloud-g": tiny.offer(gpu_count=2)})
    assert [(o.tp_size, o.gpu_count) for o in candidates(catalog=catalog).options[0, "g"]] == [(1, 1), (1, 2), (2, 2)]


class TestMixes:
    """Requests of several classes on one replica."""

    SHORT = RequestClass(isl_tokens=500, osl_tokens=200, share_fraction=0.75)
    LONG = RequestClass(isl_tokens=5000, osl_tokens=600, share_fraction=0.25)

    def catalog(self) -> Catalog:
        # measured curves that are lines: short requests 10 + C ms, long ones 10 + 3C ms a token
        return tiny.catalog(*(
            tiny.point(c, 10.0 + slope * c, 50.0, isl_tokens=isl, osl_tokens=osl)
            for isl, osl, slope in ((500, 200, 1.0), (5000, 600, 3.0)) for c in (1, 100)))

    def test_a_mix_loads_a_replica_by_the_sum_of_its_loads(self) -> None:
        problem = tiny.problem(workload=(self.SHORT, self.LONG), slo=Slo(tokens_per_s_per_user=25.0))
        one = replica(problem, self.catalog())
        # in flight by tokens: 0.75 x 200 = 150 to 0.25 x 600 = 150: half and half
        assert one.shares == (0.5, 0.5)
        # 40 ms: 30 short ones alone, 10 long ones alone; 1 / (0.5/30 + 0.5/10) = 15
        assert one.concurrency(25.0) == 15
        # all share the steps: 10 + 15 x (0.5 x 1 + 0.5 x 3) = 40 ms
        assert one.speed(15) == pytest.approx(25.0, rel=1e-6)
        assert (one.classes[0].speed(15), one.classes[1].speed(15)) == pytest.approx((40.0, 1000 / 55))

    def test_classes_alike_are_one_class(self) -> None:
        halves = tuple(self.SHORT.model_copy(update={"share_fraction": 0.5}) for _ in range(2))
        slo = Slo(tokens_per_s_per_user=25.0)
        whole = tiny.problem(workload=(self.SHORT.model_copy(update={"share_fraction": 1.0}),), slo=slo)
        split = tiny.problem(workload=halves, slo=slo)
        assert capacity(whole, self.catalog()) == capacity(split, self.catalog()) == 30

    def test_a_class_that_cannot_be_served_drops_the_option(self) -> None:
        problem = tiny.problem(workload=(self.SHORT, self.LONG), slo=Slo(tokens_per_s_per_user=90.0))
        found = candidates(problem, self.catalog())  # 13 ms for a single long one: 76.9 tokens/s
        assert [(r.step, r.reason) for r in found.rejections] == [
            ("speed", "76.9 tok/s for a single request (measured), 90 asked")]

    @pytest.mark.parametrize("in_flight", [5, 20, 40, 60, 1000])
    def test_a_class_may_reach_more_alone_than_the_whole_demand(self, in_flight: int) -> None:
        """The mix carries the same whatever is asked, up to what is asked: no class is cut off at the demand."""
        def mix(demand: int) -> Problem:
            return tiny.problem(
                workload=(self.SHORT, self.LONG), slo=Slo(tokens_per_s_per_user=25.0),
                demand=Demand(peak_concurrency=demand))

        assert capacity(mix(in_flight), self.catalog()) == min(in_flight, 15)  # as above


    def waiting(self) -> Catalog:
        """Return measured lines: the first token of short requests after 90 + 10 C ms, of long ones 900 + 100 C ms."""
        return tiny.catalog(*(
            tiny.point(c, 10.0 + slope * c, first + wait * c, isl_tokens=isl, osl_tokens=osl)
            for isl, osl, slope, first, wait in ((500, 200, 0.1, 90.0, 10.0), (5000, 600, 0.3, 900.0, 100.0))
            for c in (1, 200)))

    def test_the_time_to_first_token_is_kept_by_the_mix_that_runs_together(self) -> None:
        """A long request's own first step is 1,000 ms; 1,000 ms of wait are 101 short ones alone, or 11 long ones."""
        problem = tiny.problem(workload=(self.SHORT, self.LONG), slo=Slo(tokens_per_s_per_user=10.0, ttft_ms=2000.0))
        one = replica(problem, self.waiting())
        assert [alone.kept for alone in one.classes] == [101, 11]  # a short one alone would keep its limit with 191
        assert one.concurrency(10.0) == 19  # half and half: 1 / (0.5 / 101 + 0.5 / 11)
        # 9.5 of each are as fast as 70 short ones alone (9.5 / 70 + 9.5 / 11 = 0.9994), which wait 690 ms, or 11 long
        # ones alone, which wait 1,000 ms
        assert one.ttft_ms(19) == pytest.approx(1000 + 9.5 / 70 * 690 + 9.5 / 11 * 1000)
        assert one.ttft_ms(19) <= 2000 < one.classes[1].ttft_ms(19)  # nineteen long ones alone: 2,800 ms

    def test_the_whole_response_is_kept_by_the_mix_that_runs_together(self) -> None:
        """A long request among short ones has 599 more steps, each as long as theirs."""
        slo = Slo(response="whole", e2e_ms=12_000.0)
        one = replica(tiny.problem(workload=(self.SHORT, self.LONG), slo=slo), self.waiting())
        short = one.classes[0]
        among = 1000 + short.wait_ms(short.kept + 1) + 599 * short.tpot_ms(short.kept + 1)
        assert among > 12_000 >= 1000 + short.wait_ms(short.kept) + 599 * short.tpot_ms(short.kept)
        assert short.latency_s(short.kept + 1) < 12

    def test_evidence_is_that_of_as_many_of_a_class_alone(self) -> None:
        """No class alone goes beyond its last measured level, so that the mix is no estimate though it has more."""
        problem = tiny.problem(
            workload=(self.SHORT, self.LONG), slo=Slo(tokens_per_s_per_user=10.0, ttft_ms=2000.0),
            limits=tiny.problem().limits.model_copy(update={"evidence": "interpolated"}))
        one = replica(problem, tiny.catalog(*(
            tiny.point(c, 10.0 + 0.1 * c, 90.0 + c, isl_tokens=isl, osl_tokens=osl)
            for isl, osl, last in ((500, 200, 100), (5000, 600, 10)) for c in (1, last))))
        most = one.concurrency(10.0)
        assert most == 18  # 1 / (0.5 / 100 + 0.5 / 10)
        assert one.evidence(most) == "interpolated"
        assert one.classes[1].evidence(most) == "estimated"


class TestRates:
    """Demand as requests a second: requests in flight come and go."""

    def test_one_sequence_by_hand(self) -> None:
        # 250 tokens/s = 4 ms: C = 2, W = 20.0256 + 199 x 4 = 816.0256 ms.
        # P(N <= 2) = e^-m (1 + m + m^2/2) = 0.99 at m = 0.436045
        problem = tiny.problem(slo=Slo(tokens_per_s_per_user=250.0), demand=Demand(peak_rps=10.0, percentile=0.99))
        assert capacity(problem) == pytest.approx(1e6 * 0.436045 / 0.8160256, rel=1e-5)
        m = capacity(problem) * 0.8160256e-6
        assert math.exp(-m) * (1 + m + m * m / 2) == pytest.approx(0.99, abs=1e-6)

    def test_never_beyond_the_percentile(self) -> None:
        for speed in (30.0, 60.0, 120.0, 280.0):
            problem = tiny.problem(slo=Slo(tokens_per_s_per_user=speed), demand=Demand(peak_rps=100.0, percentile=0.95))
            one = replica(problem)
            limit = one.sequences(speed)
            mean = one.amount(speed) / 1e6 * one.latency_s(limit)
            within = sum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(limit + 1))
            assert 0.95 <= within < 0.9501
            # one more request a second out of a thousand would break it
            more = mean * 1.001
            assert sum(math.exp(n * math.log(more) - more - math.lgamma(n + 1)) for n in range(limit + 1)) < 0.95

    def test_a_stricter_percentile_carries_less(self) -> None:
        percentiles = (0.5, 0.9, 0.99, 0.9999)
        carried = [capacity(tiny.problem(demand=Demand(peak_rps=100.0, percentile=p))) for p in percentiles]
        assert carried == sorted(carried, reverse=True)
        assert len(set(carried)) == 4

    def test_settings_are_round_above_64(self) -> None:
        # 74 fit the promise; sequences are set to 72
        assert replica(tiny.problem(demand=Demand(peak_rps=100.0))).sequences(25.0) == 72
        assert SEQUENCE_STEPS[:64] == tuple(range(1, 65))

    def test_the_fastest_setting_below_the_limit_is_taken(self) -> None:
        # measured: 10 ms to C = 32, then a cliff to 39.5 ms at 33: 33 sequences finish fewer requests than 32 do
        catalog = tiny.catalog(tiny.point(32, 10.0), tiny.point(33, 39.5))
        one = replica(tiny.problem(demand=Demand(peak_rps=100.0)), catalog)
        assert one.concurrency(25.0) == 33
        assert one.sequences(25.0) == 32

    def test_work_that_may_wait_fills_every_sequence(self) -> None:
        # no speed asked: at C = 1024 TPOT is 3 + 512 = 515 ms, W = 20.0256 + 199 x 515 ms = 102.505 s: 9.9898
        # requests/s;
        # 1,024 x 704 tokens x 20,480 bytes = 13.75 GiB of KV cache fit into 16.1 GiB
        night = Deadline(requests=1000.0, start_hour=22.0, end_hour=6.0)
        problem = tiny.problem(kind="async", slo=Slo(), deadline=night)
        assert capacity(problem) == math.floor(1e6 * 1024 / 102.5050256)
        # with a floor of 25 tokens/s: 72 sequences, TPOT 39 ms, W = 7.7810256 s
        floor = tiny.problem(kind="async", slo=Slo(tokens_per_s_per_user=25.0), deadline=night)
        assert capacity(floor) == math.floor(1e6 * 72 / 7.7810256)


class TestStatedCapacities:
    """Rows of capacities.csv bypass memory and speed."""

    def catalog(self, **tables: Any) -> Catalog:
        row = CapacityRow(service_id="chat", offer_id="cloud-g", max_concurrency=7, engine_id="lab", source_url="https://example.org")
        return tiny.catalog(capacities={("chat", "cloud-g"): row}, **tables)

    def test_state_the_capacity_of_a_node(self) -> None:
        found = candidates(asking(9999.0), self.catalog(offers={"cloud-g": tiny.offer(gpu_count=4)}))
        (best,) = found.candidates(0, 9999.0)
        assert (best.capacity, best.option.engine_id, best.option.replicas_on(best.offer)) == (7, "lab", 1)
        assert tuple(found.rejections) == ()

    def test_hold_for_their_own_service_and_offer_only(self) -> None:
        found = candidates(asking(25.0), self.catalog(offers={"cloud-g": tiny.offer(), "other": tiny.offer("other")}))
        assert {one.offer.offer_id: one.capacity for one in found.candidates(0, 25.0)} == {"cloud-g": 7, "other": 74}
        elsewhere = candidates(asking(25.0).model_copy(update={"services": (
            asking(25.0).services[0].model_copy(update={"service_id": "mail"}),)}), self.catalog())
        assert [one.capacity for one in elsewhere.candidates(0, 25.0)] == [74]

    def test_hold_up_to_the_services_own_speed(self) -> None:
        stated = StatedCapacity(7, 25.0, None)
        assert [stated.amount(v) for v in (10.0, 25.0, 25.1)] == [7, 7, 0]
        assert [stated.amount(v, strictly_above=True) for v in (24.9, 25.0)] == [7, 0]
        assert (stated.next_speed(10.0), stated.next_speed(25.0)) == (25.0, None)

    def test_spare_the_model(self) -> None:
        problem = tiny.problem(model="known-only-to-the-user")
        assert [one.capacity for one in candidates(problem, self.catalog()).candidates(0, 25.0)] == [7]


@st.composite
def replicas(draw: st.DrawFn) -> ReplicaSpeed:
    """Draw a replica with one to three request classes on random rising curves, measured or estimated."""
    count = draw(st.integers(1, 3))
    rows = []
    for _ in range(count):
        base, slope = draw(st.floats(1.0, 50.0)), draw(st.floats(0.0, 5.0))
        counts = sorted(draw(st.sets(st.integers(1, 60), max_size=4)))
        tpots = sorted(draw(st.lists(st.floats(1.0, 300.0), min_size=len(counts), max_size=len(counts))))
        levels = tuple(Level(c, t, None, tiny.point(c, t, None)) for c, t in zip(counts, tpots, strict=True))
        line = tuple((c, max([base + slope * c, *(t for k, t in zip(counts, tpots, strict=True) if k <= c)]))
                     for c in (1, 64) if c not in counts)
        track = Track(*zip(*sorted([*line, *zip(counts, tpots, strict=True)]), strict=True))
        rows.append((levels, rising(track), draw(st.integers(1, 64)), draw(st.integers(1, 1000))))
    shares = draw(st.lists(st.floats(0.1, 1.0), min_size=count, max_size=count))
    requests = [RequestClass(isl_tokens=500, osl_tokens=osl, share_fraction=share / sum(shares))
                for (_, _, _, osl), share in zip(rows, shares, strict=True)]
    classes = (_class_of(*row[:3], request) for row, request in zip(rows, requests, strict=True))
    return ReplicaSpeed(in_company(tuple(classes)), DEMAND)


def rising(track: Track) -> Track:
    """Let no knot lie below one before it."""
    return Track(track.counts, tuple(accumulate(track.values, max)))


def _class_of(levels: tuple[Level, ...], track: Track, limit: int, request: RequestClass) -> ClassSpeed:
    curve = SpeedCurve(levels, track, track, "gpu", tiny.BARS, tiny.BARS, 0)
    return ClassSpeed(request, curve, Slo(tokens_per_s_per_user=1.0), None, limit, limit)


DEMAND = demand_of(Service(service_id="s", model="m", slo=Slo(grade="C"), demand=Demand(peak_concurrency=64),
                           workload=(RequestClass(isl_tokens=1, osl_tokens=1),)))


@given(replicas(), st.floats(0.5, 500.0), st.floats(0.5, 500.0))
def test_more_speed_never_carries_more(one: ReplicaSpeed, slow: float, fast: float) -> None:
    slow, fast = sorted((slow, fast))
    assert one.amount(fast) <= one.amount(slow)
    assert one.amount(slow, strictly_above=True) <= one.amount(slow)


@given(replicas(), st.floats(0.5, 500.0))
def test_what_a_replica_carries_keeps_the_speed(one: ReplicaSpeed, speed: float) -> None:
    carried = one.amount(speed)
    if carried:
        assert one.speed(carried) >= speed * (1 - 1e-9)
        slowest = min(single.speed(carried) for single in one.classes)
        fastest = max(single.speed(carried) for single in one.classes)
        assert slowest <= one.speed(carried) <= fastest


@given(replicas(), st.floats(0.5, 500.0), st.floats(1.0, 500.0))
def test_what_a_replica_carries_keeps_the_time_to_first_token(one: ReplicaSpeed, speed: float, ttft_ms: float) -> None:
    """The curves of these replicas answer for both times, so that the wait grows in every way that a step does."""
    slo = Slo(tokens_per_s_per_user=1.0, ttft_ms=ttft_ms)
    limited = ReplicaSpeed(tuple(replace(single, slo=slo) for single in one.classes), one.demand)
    carried = limited.amount(speed)
    assert carried <= one.amount(speed)
    for count in {1, carried // 2, carried} - {0} if carried else ():
        assert limited.ttft_ms(count) <= ttft_ms * (1 + 1e-9)
        assert limited.ttft_ms(count) >= max(single.ttft_ms(1) for single in one.classes)


@given(replicas(), st.floats(0.5, 500.0))
def test_the_next_speed_is_the_next_at_which_a_class_changes(one: ReplicaSpeed, speed: float) -> None:
    following = one.next_speed(speed)
    if following is None:
        assert one.amount(speed, strictly_above=True) == 0
        return
    assert following > speed
    assert one.amount(following) == one.amount(speed, strictly_above=True)
    if len(one.classes) == 1:
        assert one.amount(following, strictly_above=True) < one.amount(following)


@given(replicas())
def test_a_single_class_carries_the_most_that_brute_force_finds(one: ReplicaSpeed) -> None:
    single = replace(one, classes=one.classes[:1], _amounts={}, _best_rates={})
    curve, limit = single.classes[0].curve, single.classes[0].limit
    for speed in (2.0, 8.0, 25.0, 90.0):
        kept = [all(1000 / curve.tpot_ms(inner) >= speed for inner in range(1, c + 1)) for c in range(1, limit + 1)]
        assert single.amount(speed) == sum(kept)
