"""What a provider bills for all its nodes together, in whole micro-dollars an hour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from optimizer.schema.problem import Contract
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

CONTRACTS = "contracts"
"""Cost line of what contracts add to the prices of the nodes; below zero where volume discounts take more away."""


@dataclass(frozen=True)
class Bill:
    """A contract in integers: bill = max(minimum, spend less tiers, rounded up) + fee."""

    provider: str
    minimum: int
    """Micro-dollars an hour."""
    fee: int
    """Micro-dollars an hour."""
    tiers: tuple[tuple[int, Fraction], ...]
    """(spend in micro-dollars an hour above which it holds, what is left of each dollar beyond)."""
    signed: bool

    def pieces(self) -> tuple[tuple[int, Fraction, Fraction], ...]:
        """Return the spend after tiers as (from this spend on, slope, constant): slope x spend + constant.

        >>> from optimizer.schema.problem import Tier
        >>> bill_of("acme", Contract(tiers=(Tier(above_usd_per_month=730.0, discount_fraction=0.1),))).pieces()
        ((0, Fraction(1, 1), Fraction(0, 1)), (1000000, Fraction(9, 10), Fraction(100000, 1)))
        """
        found, slope, constant = [(0, Fraction(1), Fraction(0))], Fraction(1), Fraction(0)
        for above, left in self.tiers:
            constant += (slope - left) * above
            slope = left
            found.append((above, slope, constant))
        return tuple(found)

    def within(self, most: int) -> Bill:
        """Return the bill without the tiers that no spend up to the most reaches."""
        return replace(self, tiers=tuple(tier for tier in self.tiers if tier[0] < most))

    def after_tiers(self, spend: int) -> Fraction:
        """Return the spend less its volume discounts, exactly."""
        _, slope, constant = next(piece for piece in reversed(self.pieces()) if spend >= piece[0])
        return slope * spend + constant

    def billed(self, spend: int, used: bool) -> int:
        """Return what is billed for a spend; `used` says whether there is any node.

        >>> from optimizer.schema.problem import Tier
        >>> contract = Contract(minimum_usd_per_month=1460.0, fee_usd_per_month=73.0,
        ...                     tiers=(Tier(above_usd_per_month=1460.0, discount_fraction=0.5),))
        >>> [bill_of("acme", contract).billed(spend, True) for spend in (1_000_000, 2_000_000, 3_000_000)]
        [2100000, 2100000, 2600000]
        >>> bill_of("acme", contract).billed(0, False)
        0
        """
        if not used and not self.signed:
            return 0
        return max(self.minimum, math.ceil(self.after_tiers(spend))) + self.fee


def _micro(usd_per_month: float) -> int:
    """Turn dollars a month into micro-dollars an hour, rounded up: the cost is never told too low."""
    return math.ceil(exact(usd_per_month) * MICRO / HOURS_PER_MONTH)


def bill_of(provider: str, contract: Contract) -> Bill:
    """Put a contract into integers; thresholds are rounded up, so that a tier never begins early."""
    tiers = tuple((_micro(tier.above_usd_per_month), 1 - exact(tier.discount_fraction)) for tier in contract.tiers)
    return Bill(
        provider, _micro(contract.minimum_usd_per_month), _micro(contract.fee_usd_per_month), tiers, contract.signed)


def bills_of(contracts: Mapping[str, Contract]) -> tuple[Bill, ...]:
    """Put the contracts of a problem into integers, by provider."""
    return tuple(bill_of(provider, contracts[provider]) for provider in sorted(contracts))


def billed_beyond(bills: tuple[Bill, ...], spend: Mapping[str, int], nodes: Mapping[str, int]) -> int:
    """Return what all bills together add to the prices of the nodes, in micro-dollars an hour; discounts take away.

    Args:
        bills: of the problem.
        spend: by provider, at the prices of the nodes.
        nodes: by provider.
    """
    return sum(
        bill.billed(spend.get(bill.provider, 0), nodes.get(bill.provider, 0) > 0) - spend.get(bill.provider, 0)
        for bill in bills
    )
