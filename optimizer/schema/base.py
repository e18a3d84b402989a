"""The one base of every schema type, and the vocabulary that several of them share.

The schema modules do not postpone their annotations: pydantic would read each back from text, a third of what start-up
spends on these types.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

HUGE = 1_000_000_000_000
"""No quantity a user states may reach this: the solver's integers are 63 bits wide."""

SMALLEST = 1e-9
"""No positive quantity a user states may be smaller: a float divided by it stays finite."""

SHORTEST_LIFE_YEARS = 0.1
"""Nothing is bought for less: an annuity over no time has no value."""


class Frozen(BaseModel):
    """Immutable, strict, and closed: an unknown key is a fault, and no number may be NaN or infinite."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        defer_build=True,  # a validator is built when first used: start-up pays only for what it reads
        protected_namespaces=(),
    )


Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", min_length=1, max_length=120)]
"""Lower-case letters, digits, dot, underscore and dash."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]

Count = Annotated[int, Field(ge=1, lt=HUGE)]
"""A whole number from 1."""

CountOrZero = Annotated[int, Field(ge=0, lt=HUGE)]
"""A whole number from 0."""

Positive = Annotated[float, Field(ge=SMALLEST, lt=HUGE)]
NonNegative = Annotated[float, Field(ge=0, lt=HUGE)]
Fraction01 = Annotated[float, Field(ge=0, le=1)]

Kind = Literal["on_demand", "reserved", "spot", "marketplace", "owned"]
"""How a node is obtained."""

Supplied = Literal["on_demand", "reserved", "spot", "marketplace", "owned", "api"]
"""How capacity is obtained: as nodes, or as tokens of a hosted API, which needs no node."""

Currency = Literal["USD", "JPY", "EUR"]

Evidence = Literal["measured", "interpolated", "estimated"]
"""Where a speed comes from, best first."""

EVIDENCE_ORDER: tuple[Evidence, ...] = ("measured", "interpolated", "estimated")

Sold = Literal["new", "remaining", "used", "ended"]
"""How a product can be had: made and sold new; new from remaining stock; used only; no longer at all but used."""

PriceEvidence = Literal["quoted", "list", "assumed"]
"""Where a price comes from: an offer made, a published list, or an assumption with a range."""

Grade = Literal["A", "B", "C"]

GRADE_TOKENS_PER_S: dict[Grade, float] = {"A": 70.0, "B": 30.0, "C": 15.0}
"""Output tokens/s each user sees at the peak, by grade (the owner's provisioning process, step 1)."""


def grade_of(tokens_per_s_per_user: float | None) -> Grade | None:
    """Return the best grade that a user speed reaches.

    >>> grade_of(70), grade_of(29.9), grade_of(14)
    ('A', 'C', None)
    """
    if tokens_per_s_per_user is None:
        return None
    return next((g for g, floor in GRADE_TOKENS_PER_S.items() if tokens_per_s_per_user >= floor), None)
