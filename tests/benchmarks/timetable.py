"""200 offers over 24 and 168 hours: the proven cheapest timetable, against HiGHS and CP-SAT on the same reduced model.

python -m tests.benchmarks.timetable

Processor seconds, so that a shared machine does not decide. HiGHS and CP-SAT end at a limit where they do not prove.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable

from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
from optimizer.timetable.case import TimeCase
from optimizer.timetable.prove import TimeProven, by_cp_sat, prove_timetable
from tests.oracles.timetables import highs_time_cost, time_case, time_row

OFFERS, PEAK, SEEDS, LIMIT_S = 200, 400, 5, 20.0


def drawn(seed: int, hours: int) -> TimeCase:
    """Draw a wave of demand, and offers whose price follows what they carry: reserved, own, on demand, spot in turn."""
    draw = random.Random(seed)
    wave = [PEAK * (0.15 + 0.85 * math.sin(math.pi * (hour % 24) / 24) ** 2 * draw.uniform(0.9, 1.1))
            for hour in range(hours)]
    rows, elastic = [], {}
    for number in range(OFFERS):
        capacity = draw.choice([1, 2, 4, 8]) * draw.randint(4, 40)
        price = capacity * draw.uniform(0.02, 0.08) * (0.55, 0.5, 1.0, 0.7)[number % 4]
        name = f"o{number:03d}"
        rows.append(time_row(name, int(price * 1e6), min(capacity, int(max(wave))), number))
        elastic[name] = number % 4 > 1
    slots = [(1, (int(amount),)) for amount in wave]
    return time_case(rows, elastic, slots, stock=(None,) * OFFERS, reduced=True)


def spent(run: Callable[[], int | None]) -> tuple[float, int | None]:
    """Return processor seconds of a call, and the cost it proved."""
    start = time.process_time()
    try:
        found = run()
    except TimeoutError:
        found = None
    return time.process_time() - start, found


def compared(case: TimeCase, settings: SolveSettings) -> tuple[list[float], list[bool]]:
    """Return (processor seconds of gpumix, HiGHS and CP-SAT, which of them proved), all of one optimum."""
    runs: list[Callable[[], int | None]] = [
        lambda: prove_timetable(case, settings, Clock(settings)).cost,
        lambda: highs_time_cost(case, LIMIT_S),
        lambda: _cost_if_proven(by_cp_sat(case, settings, Clock(settings), 0)),
    ]
    found = [spent(run) for run in runs]
    costs = [cost for _, cost in found]
    assert costs[0] is not None
    assert set(costs) <= {costs[0], None}, costs
    return [seconds for seconds, _ in found], [cost is not None for cost in costs]


def _cost_if_proven(found: TimeProven) -> int | None:
    return found.cost if found.status == "optimal" else None


def main() -> None:
    """Print one line for each size."""
    settings = SolveSettings(time_limit_s=LIMIT_S)
    print("| hours | node counts | gpumix | HiGHS | CP-SAT | proven within the limit |\n|---|---|---|---|---|---|")
    for hours in (24, 168):
        cases = [drawn(seed, hours) for seed in range(SEEDS)]
        counts = statistics.median(len(case.bases) + len(case.elastic) * len(case.slots) for case in cases)
        found = [compared(case, settings) for case in cases]
        ours, highs, cp_sat = (statistics.median(seconds[i] for seconds, _ in found) for i in range(3))
        proven = [sum(done[i] for _, done in found) for i in range(3)]
        print(f"| {hours} | {counts:.0f} | {ours * 1000:.1f} ms | {highs:.1f} s | {cp_sat:.1f} s "
              f"| {proven[0]}, {proven[1]} and {proven[2]} of {SEEDS} |")


if __name__ == "__main__":
    main()
