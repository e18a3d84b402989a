"""Second opinions: tiny problems made by hand or at random, brute force in plain Python, and HiGHS through MathOpt."""

from tests.oracles.brute_force import (
    Answer,
    cheapest,
    cheapest_plans,
    first_in_every_tie_break,
    plan_speed,
    small_instance,
)
from tests.oracles.highs import highs_cost
from tests.oracles.instances import Instance, Steps, instance, offer, price_ends, random_instance, runs

__all__ = [
    "Answer",
    "Instance",
    "Steps",
    "cheapest",
    "cheapest_plans",
    "first_in_every_tie_break",
    "highs_cost",
    "instance",
    "offer",
    "plan_speed",
    "price_ends",
    "random_instance",
    "runs",
    "small_instance",
]
