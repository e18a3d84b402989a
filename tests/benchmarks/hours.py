"""200 offers over 24 and 168 hours: the proven cheapest nodes by the hour, by staircases and by the plain program.

python -m tests.benchmarks.hours

Processor seconds, so that a shared machine does not decide. The plain program ends at a limit where it does not prove.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable

from optimizer.question.question import Question
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from optimizer.strategies.search import Found, search
from tests.oracles.hours import day_question, node

OFFERS, PEAK, SEEDS, LIMIT_S = 200, 400, 5, 20.0


def drawn(seed: int, hours: int) -> Question:
    """Draw a wave of demand, and offers whose price follows what they carry: reserved, own, on demand, spot in turn."""
    draw = random.Random(seed)
    wave = [PEAK * (0.15 + 0.85 * math.sin(math.pi * (hour % 24) / 24) ** 2 * draw.uniform(0.9, 1.1))
            for hour in range(hours)]
    kinds = []
    for number in range(OFFERS):
        capacity = draw.choice([1, 2, 4, 8]) * draw.randint(4, 40)
        price = capacity * draw.uniform(0.02, 0.08) * (0.55, 0.5, 1.0, 0.7)[number % 4]
        carries = {(0, "vllm"): min(capacity, int(max(wave)))}
        kinds.append((node(f"o{number:03d}", int(price * 1e6)), number % 4 > 1, carries))
    return day_question(kinds, [(1, (int(amount),)) for amount in wave])


def spent(run: Callable[[], Found]) -> tuple[float, int | None]:
    """Return processor seconds of a call, and the cost it proved."""
    start = time.process_time()
    found = run()
    return time.process_time() - start, found.cost if found.status == "optimal" else None


def main() -> None:
    """Print one line for each size."""
    print("| hours | stays | gpumix | plain program | proven within the limit |\n|---|---|---|---|---|")
    for hours in (24, 168):
        questions = [drawn(seed, hours) for seed in range(SEEDS)]
        counts = statistics.median(len(question.stays) for question in questions)
        ours = [spent(lambda question=question: answer(question, Effort())) for question in questions]
        plain = [spent(lambda question=question: search(question, Effort(time.monotonic() + LIMIT_S)))
                 for question in questions]
        assert all(cost in (None, best) for (_, best), (_, cost) in zip(ours, plain, strict=True))
        quick, slow = (statistics.median(seconds for seconds, _ in found) for found in (ours, plain))
        proven = [sum(cost is not None for _, cost in found) for found in (ours, plain)]
        print(f"| {hours} | {counts:.0f} | {quick * 1000:.1f} ms | {slow:.1f} s "
              f"| {proven[0]} and {proven[1]} of {SEEDS} |")


if __name__ == "__main__":
    main()
