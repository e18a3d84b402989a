"""How much comes: at the peak, or by a deadline."""

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from optimizer.schema.base import HUGE, Count, CountOrZero, Fraction01, Frozen, Name, NonNegative, Positive

PROFILE_HOURS = (24, 168)
"""Hours of a profile: a day from midnight, or a week from Monday 00:00."""


class ProfileFile(Frozen):
    """A CSV file that gives the demand by the hour."""

    file: Name
    """Beside the problem file, or seen from here: a row for each hour, or a trace with a row for each request."""
    hours: Literal[24, 168] = 24
    """Of a trace: whether it is counted into the hours of a day or of a week."""
    timezone: Name = "UTC"
    """Of a trace: whose hours they are, and of times without an offset."""
    level: Literal["mean", "busiest"] = "mean"
    """Of a trace of several days: the mean of each hour, or its busiest day."""


def _as_numbers(value: object) -> object:
    """Refuse a file where the loader had no chance to read it."""
    if isinstance(value, str | Mapping):
        raise ValueError(f"found {value!r}; allowed: 24 or 168 numbers; a file is read with the problem's own")
    return value


def _a_day_or_week(stated: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse what is no day and no week, and hours that never ask anything."""
    if len(stated) not in PROFILE_HOURS:
        raise ValueError(f"found {len(stated)} numbers; allowed: 24 (a day) or 168 (a week from Monday)")
    if not any(stated):
        raise ValueError("found 0 in every hour; allowed: some hour with a demand")
    return stated


Profile = Annotated[
    tuple[Fraction01, ...],
    AfterValidator(_a_day_or_week),
    BeforeValidator(_as_numbers, json_schema_input_type=tuple[Fraction01, ...] | str | ProfileFile),
]
"""Shares of the peak by hour; in a problem file also a CSV file."""


def _unless_stated(value: Any) -> bool:
    """Leave what is not stated out of what is written, so that it reads as before there was such a key."""
    return value is None


TYPICAL_HABITS = {"uses_per_user_per_day": 3.0, "requests_per_use": 4.0, "active_hours": 9.0, "peak_to_mean": 2.5}
"""Of users of an internal assistant (catalogs/use_cases.yaml), for a demand that states daily_active_users alone."""


class Demand(Frozen):
    """How much comes: requests in flight, a rate, or users and their habits, at the peak or hour by hour."""

    peak_concurrency: Count | None = None
    """Requests in flight at the peak."""
    peak_rps: Positive | None = None
    """Requests a second at the peak."""
    daily_active_users: Positive | None = None
    """Users who come on one day; alone it is enough: habits are then those of an internal assistant (three uses of four
    requests over nine hours, 2.5 times the mean at the peak)."""
    uses_per_user_per_day: Positive | None = None
    """How often each of them uses the service on that day."""
    requests_per_use: Positive | None = None
    """Requests sent in one use."""
    active_hours: Annotated[float, Field(gt=0, le=24)] | None = None
    """Hours a day over which the requests are spread."""
    peak_to_mean: Annotated[float, Field(ge=1, lt=HUGE)] | None = None
    """Rate at the peak over the mean rate in the active hours."""
    percentile: Annotated[float, Field(ge=0.5, le=0.999999)] | None = None
    """Share of moments in which a replica's requests in flight stay within its limit (Poisson); default 0.99."""
    profile: Profile | None = Field(default=None, exclude_if=_unless_stated)
    """Share of the peak in each hour: 24 numbers (a day from midnight) or 168 (a week from Monday), or a CSV file."""
    hourly_concurrency: Annotated[tuple[CountOrZero, ...], AfterValidator(_a_day_or_week)] | None = Field(
        default=None, exclude_if=_unless_stated)
    """Requests in flight in each hour, 24 or 168, in place of a peak."""
    hourly_rps: Annotated[tuple[NonNegative, ...], AfterValidator(_a_day_or_week)] | None = Field(
        default=None, exclude_if=_unless_stated)
    """Requests a second in each hour, 24 or 168, in place of a peak."""

    @property
    def profile_hours(self) -> int | None:
        """Return over how many hours the demand is stated, None for one peak."""
        stated = self.profile or self.hourly_concurrency or self.hourly_rps
        return len(stated) if stated else None

    @model_validator(mode="before")
    @classmethod
    def _typical_habits(cls, stated: Any) -> Any:
        """Take typical habits where the number of users stands alone; the answer prints them with the demand."""
        if isinstance(stated, Mapping) and stated.get("daily_active_users") is not None and not any(
                stated.get(key) is not None for key in TYPICAL_HABITS):
            return {**stated, **TYPICAL_HABITS}
        return stated

    @model_validator(mode="after")
    def _one_way_of_stating_it(self) -> Self:
        users = {
            "daily_active_users": self.daily_active_users,
            "uses_per_user_per_day": self.uses_per_user_per_day,
            "requests_per_use": self.requests_per_use,
            "active_hours": self.active_hours,
            "peak_to_mean": self.peak_to_mean,
        }
        given = [key for key, value in users.items() if value is not None]
        ways = [
            way
            for way, said in (
                ("peak_concurrency", self.peak_concurrency is not None),
                ("peak_rps", self.peak_rps is not None),
                ("daily_active_users", bool(given)),
                ("hourly_concurrency", self.hourly_concurrency is not None),
                ("hourly_rps", self.hourly_rps is not None),
            )
            if said
        ]
        if len(ways) != 1:
            raise ValueError(
                f"found {' and '.join(ways) or 'nothing'}; allowed: exactly one of peak_concurrency, peak_rps, "
                "the daily_active_users group, hourly_concurrency, hourly_rps"
            )
        if given and len(given) < len(users):
            missing = [key for key in users if key not in given]
            raise ValueError(f"found {', '.join(given)}; allowed: with {', '.join(missing)} beside")
        in_flight = (self.peak_concurrency, self.hourly_concurrency)
        if self.percentile is not None and in_flight != (None, None):
            raise ValueError("percentile: found one beside peak_concurrency; allowed: only with a rate or users")
        if self.active_hours is not None:
            others = prod(value for key, value in users.items() if value is not None and key != "active_hours")
            rate = others / self.active_hours / 3600
            if not rate < HUGE:
                found = f"users that send {rate:.3g} requests/s at the peak"
                raise ValueError(f"found {found}; allowed: less than {HUGE:.0e}")
        return self

    @model_validator(mode="after")
    def _shares_are_of_a_peak(self) -> Self:
        if self.profile is not None and (self.hourly_concurrency, self.hourly_rps) != (None, None):
            raise ValueError("profile: found one beside demands by the hour; allowed: only beside a peak")
        return self


class Deadline(Frozen):
    """Work of an asynchronous service and the window it must be done in."""

    requests: Positive | None = None
    """Requests to finish in the window."""
    output_tokens: Positive | None = None
    """Output tokens to produce in the window, instead of requests."""
    start_hour: Annotated[float, Field(ge=0, lt=24)]
    """Hour of the day at which the work may start."""
    end_hour: Annotated[float, Field(ge=0, le=48)]
    """Hour at which it must be done; smaller than the start means the next day."""

    @property
    def window_hours(self) -> float:
        """Length of the window in hours."""
        span = self.end_hour - self.start_hour
        return span if span > 0 else span + 24

    @model_validator(mode="after")
    def _work_is_stated_once(self) -> Self:
        if (self.requests is None) == (self.output_tokens is None):
            raise ValueError("found both or none of requests, output_tokens; allowed: exactly one of them")
        if self.window_hours * 3600 < 1 or self.end_hour == self.start_hour:
            raise ValueError(f"end_hour: found {self.end_hour:g}, the start itself; allowed: at least a second later")
        return self
