"""The queue of a replica against formulas that every textbook has."""

from __future__ import annotations

import math

import pytest

from gpumix_referee.inferno.queueing import Queue, Replica, StepReplica, replica_rps


def test_one_at_a_time_is_the_queue_with_eleven_places() -> None:
    # service 2 + 3 x 6 = 20 ms; M/M/1/11 at rate r = l x 20: p_n = r^n / sum, throughput l (1 - p_11)
    queue = Queue(Replica(alpha=5, beta=1, gamma=1, delta=0.5, batch=1, in_tokens=2, out_tokens=4))
    ratio = 0.8
    weights = [ratio**n for n in range(12)]
    chance = [weight / sum(weights) for weight in weights]
    passed = ratio / 20 * (1 - chance[11])
    in_system, busy = sum(n * p for n, p in enumerate(chance)), 1 - chance[0]
    load = queue.at(ratio / 20)
    assert load.throughput_rps == pytest.approx(1000 * passed)
    assert load.ttft_ms == pytest.approx((in_system - busy) / passed + 1 + 0.5 * 2)
    assert load.itl_ms == pytest.approx(6)


def test_replicas_that_do_not_slow_down_are_a_queue_with_several_servers() -> None:
    # beta = delta = 0: M/M/2/22 with service 10 + 4 x 5 = 30 ms; erlang: p_n = (l T)^n / n! up to 2, then x l T / 2
    queue = Queue(Replica(alpha=5, beta=0, gamma=10, delta=0, batch=2, in_tokens=7, out_tokens=5))
    offered = 1.5
    weights = [offered**n / (math.factorial(n) if n <= 2 else 2 * 2 ** (n - 2)) for n in range(23)]
    chance = [weight / sum(weights) for weight in weights]
    passed = offered / 30 * (1 - chance[22])
    waiting = sum(max(0, n - 2) * p for n, p in enumerate(chance)) / passed
    assert queue.at(offered / 30).ttft_ms == pytest.approx(waiting + 10)


def test_the_later_times_of_one_at_a_time() -> None:
    # computed 9 / 4 tokens, held 6 + 3 / 2: a step takes 2 + 9 / 4 + 0.2 x 7.5 = 5.75; prefill 5.75 + 1.2 x 6 = 12.95;
    # a token 5.75 + 1 + 0.2 x 7.5 = 8.25; service 12.95 + 3 x 8.25 = 37.7 ms; alone, nobody waits for long
    queue = Queue(StepReplica(alpha=2, beta=1, gamma=0.2, batch=1, in_tokens=6, out_tokens=3))
    ratio = 0.5
    weights = [ratio**n for n in range(12)]
    chance = [weight / sum(weights) for weight in weights]
    passed, busy = ratio / 37.7 * (1 - chance[11]), 1 - chance[0]
    waiting = (sum(n * p for n, p in enumerate(chance)) - busy) / passed
    # seen with `busy` of a request in service: prefill 2 + busy x 3.75 + 7.2, a token the rest of 37.7 over 3
    prefill = 2 + busy * 3.75 + 7.2
    load = queue.at(ratio / 37.7)
    assert load.throughput_rps == pytest.approx(1000 * passed)
    assert load.itl_ms == pytest.approx((37.7 - prefill) / 3)
    assert load.ttft_ms == pytest.approx(waiting + prefill + (37.7 - prefill) / 3)


def replica(**changes: float) -> Queue:
    figures = {"alpha": 20.0, "beta": 0.4, "gamma": 160.0, "delta": 0.01, "batch": 16, "in_tokens": 128,
               "out_tokens": 256, **changes}
    return Queue(Replica(**figures))  # type: ignore[arg-type]


def test_a_target_is_met_at_the_rate_found_and_not_a_hair_above() -> None:
    queue = replica()
    for kept in (lambda load: load.itl_ms <= 23, lambda load: load.ttft_ms <= 250):
        rate = queue.largest_rate(kept)
        assert rate is not None
        assert kept(queue.at(rate))
        assert not kept(queue.at(rate * (1 + 1e-9)))


def test_targets_no_replica_can_meet_have_no_rate() -> None:
    assert replica_rps(replica(), ttft_ms=0, itl_ms=20, tokens_per_s=0) is None  # one request takes 20.4 ms a token
    assert replica_rps(replica(), ttft_ms=100, itl_ms=0, tokens_per_s=0) is None  # prefill alone takes 161 ms


def test_the_strictest_target_decides_and_none_leaves_the_service_rate() -> None:
    free, slow = replica_rps(replica(), 0, 0, 0), replica_rps(replica(), 0, 23, 0)
    both = replica_rps(replica(), 250, 23, 0)
    assert free is not None
    assert slow is not None
    assert both is not None
    assert both <= slow < free
    # a throughput target alone leaves a tenth: (1 - 0.001) x 0.9 of 16 / (160 + 0.01 x 128 x 16 + 255 x 26.4) ms
    most = 16 / (160 + 0.01 * 128 * 16 + 255 * 26.4)
    queue = replica()
    assert replica_rps(queue, 0, 0, 1) == pytest.approx(queue.at(0.9 * 0.999 * most).throughput_rps)


def test_times_that_do_not_depend_on_the_batch_are_no_division_by_zero() -> None:
    assert replica(beta=0.0, delta=0.0).at(0.001).itl_ms == 20
    assert replica(in_tokens=0).at(1e-12).ttft_ms == pytest.approx(0, abs=1e-6)  # no prefill, and nobody waits
