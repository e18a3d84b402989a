"""Hours become slots, windows become seconds, files become hours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimizer.demand import demand_key, demand_of, hourly_amounts, profile_hours, quantity_of, with_quantity
from optimizer.errors import InputError
from optimizer.load.problem import parse_problem
from optimizer.question.periods import calendar_of
from optimizer.schema.problem import Deadline, Demand, RequestClass, Service
from tests.catalogs import tiny

DAY = (0.0,) * 8 + (1.0,) * 12 + (0.5,) * 4


def night(**deadline: Any) -> Service:
    return Service.model_validate({
        "service_id": "night", "model": "m", "kind": "async", "headroom_fraction": 0.0,
        "workload": (RequestClass(isl_tokens=500, osl_tokens=200),),
        "deadline": {"requests": 3600.0, "start_hour": 22.0, "end_hour": 6.0, **deadline}})


def test_equal_hours_are_one_slot() -> None:
    cycle = calendar_of(tiny.problem(demand=Demand(peak_concurrency=7, profile=DAY), headroom_fraction=0.1))
    # 7 x 1.1 = 7.7 -> 8; 3.5 x 1.1 = 3.85 -> 4
    assert [(slot.weight, slot.demand) for slot in cycle.periods] == [(8, (0,)), (12, (8,)), (4, (4,))]
    assert cycle.cycle_hours == 24


def test_a_day_beside_a_week_is_a_week_of_equal_days() -> None:
    one = tiny.problem(demand=Demand(peak_concurrency=10, profile=DAY)).services[0]
    other = tiny.problem(demand=Demand(hourly_concurrency=(5,) * 120 + (1,) * 48), service_id="other").services[0]
    problem = tiny.problem().model_copy(update={"services": (one, other)})
    assert profile_hours(problem) == 168
    slots = {slot.demand: slot.weight for slot in calendar_of(problem).periods}
    assert slots == {(0, 5): 40, (10, 5): 60, (5, 5): 20, (0, 1): 16, (10, 1): 24, (5, 1): 8}


def test_hours_of_a_window_stay_apart() -> None:
    chat = tiny.problem(demand=Demand(peak_concurrency=10, profile=DAY)).services[0]
    cycle = calendar_of(tiny.problem().model_copy(update={"services": (chat, night(start_hour=22.5))}))
    (work,) = cycle.works
    seconds = {hour: work.seconds[i] for i, slot in enumerate(cycle.periods) for hour in slot.hours if work.seconds[i]}
    assert seconds == {22: 1800, 23: 3600, **dict.fromkeys(range(6), 3600)}
    assert all(slot.weight == 1 for i, slot in enumerate(cycle.periods) if work.seconds[i])
    assert work.amount == 3_600_000_000  # micro-requests


def test_windows_longer_than_a_day_overlap() -> None:
    from optimizer.demand import window_seconds

    long = Deadline(requests=1.0, start_hour=12.0, end_hour=48.0)  # 36 hours
    assert window_seconds(long, 24) == (((3600,) * 24, 1),)
    rows = window_seconds(long, 168)
    # runs of 1..6 windows from each of 7 days, as far as 36 + 24 x (n - 1) <= 168 hours, and the week's 7 windows
    assert [days for _, days in rows] == [n for n in range(1, 7) for _ in range(7)] + [7]
    assert all(sum(seconds) == 3600 * min(168, 36 + 24 * (days - 1)) for seconds, days in rows)


@pytest.mark.parametrize(("demand", "peak", "last"), [
    (Demand(peak_concurrency=10, profile=DAY), 10, 5), (Demand(hourly_concurrency=(4,) * 23 + (9,)), 9, 9),
    (Demand(hourly_rps=(0.1,) * 23 + (0.25,)), 250_000, 250_000),
    (Demand(peak_rps=2.0, profile=(0.25,) * 24), 500_000, 500_000),
])
def test_the_peak_is_the_busiest_hour(demand: Demand, peak: int, last: int) -> None:
    service = tiny.problem(demand=demand).services[0]
    amounts = hourly_amounts(service, 24)
    assert (demand_of(service).amount, max(amounts), amounts[-1]) == (peak, peak, last)


def test_another_demand_keeps_the_shape() -> None:
    service = tiny.problem(demand=Demand(hourly_concurrency=(4,) * 12 + (10,) * 12)).services[0]
    assert (demand_key(service).path, quantity_of(service)) == ("demand.hourly_concurrency", 10)
    more = with_quantity(service, quantity_of(service) * 3 / 2)
    assert more.demand is not None
    assert more.demand.hourly_concurrency == (6,) * 12 + (15,) * 12


TEXT = """
schema_version: 1
name: timed
services:
  - service_id: chat
    model: m
    slo: {grade: C}
    workload: [{isl_tokens: 500, osl_tokens: 200}]
    demand: DEMAND
"""


def demand_from(folder: Path, stated: str) -> Demand:
    demand = parse_problem(TEXT.replace("DEMAND", stated), "timed.yaml", (), folder).problem.services[0].demand
    assert demand is not None
    return demand


def test_a_row_for_each_hour(tmp_path: Path) -> None:
    rows = [f"{hour},{hour % 24 / 24}\n" for hour in range(168)]
    (tmp_path / "week.csv").write_text("hour,fraction\n" + "".join(reversed(rows)))
    found = demand_from(tmp_path, "{peak_rps: 3, profile: week.csv}")
    assert found.profile == tuple(hour % 24 / 24 for hour in range(168))
    (tmp_path / "counts.csv").write_text("Hour, requests\n" + "".join(f"{hour},{360 * hour}\n" for hour in range(24)))
    assert demand_from(tmp_path, "{profile: counts.csv}").hourly_rps == tuple(hour / 10 for hour in range(24))


def trace(folder: Path, stamps: list[str]) -> None:
    (folder / "trace.csv").write_text("timestamp,path\n" + "".join(f"{stamp},/v1\n" for stamp in stamps))


def test_a_trace_of_one_day_is_counted(tmp_path: Path) -> None:
    # hour h has h + 1 requests, evenly spaced
    stamps = [f"2026-11-02T{h:02d}:{60 * k // (h + 1):02d}:00" for h in range(24) for k in range(h + 1)]
    trace(tmp_path, stamps)
    found = demand_from(tmp_path, "{profile: trace.csv}").hourly_rps
    assert found == pytest.approx([(h + 1) / 3600 for h in range(24)])


def test_days_of_a_trace_are_averaged_or_the_busiest_counts(tmp_path: Path) -> None:
    # 60 requests an hour on the first day, 120 on the second
    first = [f"2026-11-02T{h:02d}:{m:02d}:00+09:00" for h in range(24) for m in range(60)]
    second = [f"2026-11-03T{h:02d}:{m:02d}:{s:02d}+09:00" for h in range(24) for m in range(60) for s in (0, 30)]
    trace(tmp_path, [*second, *first])
    mean = demand_from(tmp_path, "{profile: {file: trace.csv, timezone: Asia/Tokyo}}").hourly_rps
    most = demand_from(tmp_path, "{profile: {file: trace.csv, timezone: Asia/Tokyo, level: busiest}}").hourly_rps
    # the last hour of the second day ends with its last request: only the first day covers it whole
    assert mean == pytest.approx([90 / 3600] * 23 + [60 / 3600])
    assert most == pytest.approx([120 / 3600] * 24)


@pytest.mark.parametrize(("stated", "expected"), [
    ("{profile: none.csv}", "services.0.demand.profile: found 'none.csv', no such file"),
    ("{profile: [1.0]}", "profile: found 1 numbers; allowed: 24 (a day) or 168 (a week from Monday)"),
    ("{peak_rps: 1, profile: half.csv}", "half.csv: hour: found 12 hours; allowed: each hour from 0 to 23"),
    ("{profile: bad.csv}", "bad.csv: line 3, rps: found 'x'; allowed: a number from 0"),
    ("{profile: bad.csv}", "bad.csv: line 4, hour: found 0 a second time; allowed: each hour once"),
    ("{profile: bad.csv}", "bad.csv: line 5, rps: found '-1'; allowed: a number from 0"),
    ("{profile: what.csv}", "what.csv: line 1: found the columns a, b; allowed: hour with one of fraction"),
    ("{profile: {file: half.csv, days: 7}}", "services.0.demand.profile.days: found an unknown key"),
    ("{profile: short.csv}", "short.csv: found 1.0 h, which do not reach"),
    ("{profile: {file: short.csv, timezone: Mars}}", "services.0.demand.profile.timezone: found 'Mars'"),
    ("{peak_concurrency: 5, hourly_rps: ONES}", "found peak_concurrency and hourly_rps; allowed: exactly one of"),
    ("{hourly_rps: NOTHING}", "hourly_rps: found 0 in every hour; allowed: some hour with a demand"),
    ("{peak_rps: 1, profile: TOO_MUCH}", "profile.0: found 1.5; allowed: less than or equal to 1"),
    ("{hourly_concurrency: ONES, profile: ONES}", "profile: found one beside demands by the hour"),
])
def test_what_is_no_day_is_refused(tmp_path: Path, stated: str, expected: str) -> None:
    (tmp_path / "half.csv").write_text("hour,share\n" + "".join(f"{hour},1\n" for hour in range(12)))
    (tmp_path / "bad.csv").write_text("hour,rps\n0,1\n1,x\n0,1\n2,-1\n")
    (tmp_path / "what.csv").write_text("a,b\n1,2\n")
    (tmp_path / "short.csv").write_text("time\n2026-11-02T00:00:00\n2026-11-02T01:00:00\n")
    lists = {"NOTHING": [0.0] * 24, "TOO_MUCH": [1.5] * 24, "ONES": [1] * 24}
    for name, values in lists.items():
        stated = stated.replace(name, str(values))
    with pytest.raises(InputError) as caught:
        demand_from(tmp_path, stated)
    assert expected in str(caught.value)
