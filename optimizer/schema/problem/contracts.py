"""What was agreed with a provider about all its nodes together: commitments, fixed fees and volume tiers."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from optimizer.schema.base import Fraction01, Frozen, NonNegative


class Tier(Frozen):
    """A discount on the part of a month's spend that lies above a threshold."""

    above_usd_per_month: NonNegative
    """Spend from which it counts, at the prices of the nodes (adjustments included)."""
    discount_fraction: Fraction01
    """Share taken off what lies above, up to the next tier."""


class Contract(Frozen):
    """One provider's contract: bill = max(minimum, spend less tiers) + fee, a month."""

    minimum_usd_per_month: NonNegative = 0.0
    """Least that is billed."""
    fee_usd_per_month: NonNegative = 0.0
    """Billed beside it, such as a support plan."""
    tiers: Annotated[tuple[Tier, ...], Field(max_length=20)] = ()
    """Volume discounts, by rising thresholds; each holds for the part above its own threshold only."""
    signed: bool = False
    """Minimum and fee are billed even if no node of the provider is used; else only with one."""

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        marks = [tier.above_usd_per_month for tier in self.tiers]
        faults = [
            f"tiers: found {later:g} behind {mark:g}; allowed: rising thresholds"
            for mark, later in pairwise(marks) if later <= mark
        ]
        faults += [
            f"tiers: found a discount of {later.discount_fraction:g} behind {tier.discount_fraction:g}; "
            "allowed: discounts that rise with the spend"
            for tier, later in pairwise(self.tiers) if later.discount_fraction < tier.discount_fraction
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self
