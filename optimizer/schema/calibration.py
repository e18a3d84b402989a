"""The fitted constants of the speed estimate, with the errors they were found to have on left-out rows."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from optimizer.schema.base import CountOrZero, Frozen, Id, NonNegative, Positive

TPOT_TERMS = ("step_ms", "layer_ms", "weight_read", "kv_read", "sequence_ms", "batch_compute", "prefill_share",
              "allreduce_ms", "link_traffic")
"""A fixed time; one a layer; weights touched over bandwidth; KV in use over bandwidth; a time for each request in
flight; the arithmetic of their tokens; other users' prompts between the steps; layers x log2(GPUs); all-reduce traffic
of steps and prompts over the link."""

TTFT_TERMS = ("base_ms", "prefill", "queue", "step", "link_traffic")
"""A fixed time; the own prompt; half the other users' prompts, arriving together; the step under way; the prompts'
all-reduce traffic over the link."""

TRAITS = ("model", "engine", "family", "memory", "architecture", "gpu", "precision", "mixture", "attention", "link",
          "parallelism", "laboratory", "configuration")
"""What replicas may have in common."""

Logarithm = Annotated[float, Field(ge=-10, le=10)]
"""Natural logarithm of a factor."""


def check_traits(names: Iterable[str]) -> None:
    """Hold that each name is a trait, or several joined by `|`."""
    for name in names:
        if not set(name.split("|")) <= set(TRAITS):
            raise ValueError(f"{name}: found no trait; allowed: {', '.join(TRAITS)}, or several joined by |")


class Kinship(Frozen):
    """How far measured rows of one model deviate from the estimate together, as standard deviations of logarithms.

    By trait: rows that are alike in it share `alike` whatever their requests; of `smooth` and `rough` they share the
    more, the nearer their requests are in ln ISL, ln OSL, log2 GPUs and ln C.
    """

    alike: dict[str, NonNegative] = Field(default_factory=dict)
    smooth: dict[str, NonNegative] = Field(default_factory=dict)
    """Falls as exp(-d^2 / (2 smooth_length^2))."""
    smooth_length: Positive
    rough: dict[str, NonNegative] = Field(default_factory=dict)
    """Falls as exp(-(|d of lengths and GPUs| + |d of ln C|) / rough_length)."""
    rough_length: Positive
    years: NonNegative = 0.0
    """What a year between two versions of the software counts as, in the unit of the distances."""
    run: NonNegative
    """What rows of one curve share, falling as exp(-|ln C - ln C'| / rough_length)."""
    noise: Positive
    """What a row shares with no other."""
    noise_of: dict[str, Positive] = Field(default_factory=dict)
    """The same for single sources."""

    @model_validator(mode="after")
    def _traits_are_known(self) -> Self:
        check_traits((*self.alike, *self.smooth, *self.rough))
        return self


class FittedTerms(Frozen):
    """One quantity: exp(effects) x sum of coefficients x exp(deviations) x terms, in the order of its terms."""

    coefficients: Annotated[dict[str, NonNegative], Field(min_length=1)]
    """Term -> coefficient; the terms are those of `throughput.physics`, and an absent one counts nothing."""
    deviations: dict[str, dict[str, Logarithm]] = Field(default_factory=dict)
    """`term by trait` -> value of the trait -> logarithm on that term."""
    effects: dict[str, dict[str, Logarithm]] = Field(default_factory=dict)
    """Trait -> value -> logarithm on the whole; an engine never seen has the largest of them."""
    drift: dict[str, Logarithm] = Field(default_factory=dict)
    """Engine -> logarithm on the whole for each year that its software is older than what is deployed."""
    effect_spread: dict[str, NonNegative] = Field(default_factory=dict)
    """Trait -> standard deviation of its effects: what a value never seen may add."""
    kinship: Kinship | None = None
    """How measured rows of the same model correct the estimate; absent: they do not."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name in self.deviations:
            term, by, trait = name.partition(" by ")
            if not by or term not in self.coefficients:
                raise ValueError(f"deviations: found {name!r}; allowed: `term by trait` of a term of coefficients")
            check_traits((trait,))
        check_traits((*self.effects, *self.effect_spread))
        return self


class LeftOutErrors(Frozen):
    """Relative errors of rows that were left out of the fit."""

    rows: CountOrZero
    median_error_fraction: NonNegative
    p90_error_fraction: NonNegative
    bar_fraction: NonNegative
    """Half-width of the 90% interval [x / (1 + b), x (1 + b)]: the wider of the two sides."""
    fast_fraction: NonNegative | None = None
    """The same on the fast side: a measurement may be as low as x / (1 + fast); absent: as on the other."""
    slow_fraction: NonNegative | None = None
    """The same on the slow side: it may be as high as x (1 + slow)."""
    laboratories: CountOrZero = 0
    """Laboratories, each left out whole, whose rows found the bar."""

    @property
    def bar(self) -> tuple[float, float]:
        """How far a measurement may lie on the fast and on the slow side."""
        fast = self.bar_fraction if self.fast_fraction is None else self.fast_fraction
        return fast, self.slow_fraction if self.slow_fraction is not None else self.bar_fraction


class Calibration(Frozen):
    """Everything `gpumix catalog calibrate` found."""

    tpot: FittedTerms
    ttft: FittedTerms
    tpot_errors: dict[str, LeftOutErrors]
    """By gap: see `throughput.gaps`."""
    ttft_errors: dict[str, LeftOutErrors]
    rows_by_gpu: dict[str, CountOrZero] = Field(default_factory=dict)
    """GPU -> rows that were fitted."""
    engines_measured: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Memory kind -> engines with rows on such GPUs; one without is not promised to be faster than their median."""
    releases: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Engine -> version -> when it was first measured, in years: 2026.25 is the end of March."""
    version_error_per_root_year: NonNegative = 0.0
    """Standard deviation of ln TPOT between two versions of an engine on the same level, a year apart; it grows with
    the square root of the distance."""
    deployed: dict[str, float] = Field(default_factory=dict)
    """Engine -> the same of the version that `engines.yaml` names: what plans are computed for."""
    rows_fitted: CountOrZero
    points_sha256: str
    """Hash of the measured rows that were fitted."""

    @property
    def kin_of_dates(self) -> bool:
        """Whether it knows when software was measured."""
        return bool(self.deployed)

    @model_validator(mode="after")
    def _terms_are_those_of_the_formula(self) -> Self:
        for name, terms in (("tpot", TPOT_TERMS), ("ttft", TTFT_TERMS)):
            found = getattr(self, name).coefficients
            if not set(found) <= set(terms):
                stated = ", ".join(found)
                raise ValueError(f"{name}.coefficients: found {stated}; allowed: some of {', '.join(terms)}")
        return self


class KinWeights(Frozen):
    """What the measured rows of one model weigh in correcting the estimate, solved once when it is fitted."""

    runs_like: Id
    """Group of models with the same weights shape."""
    quantity: Literal["tpot", "ttft"]
    rows_sha256: str
    """Hash of what the weights follow from: rows, formula and kinship; weights of others are solved anew."""
    weights: str
    """One number a row, parted by spaces."""
