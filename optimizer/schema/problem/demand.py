"""How much comes: at the peak, or by a deadline."""

from math import prod
from typing import Annotated, Self

from pydantic import Field, model_validator

from optimizer.schema.base import HUGE, Count, Frozen, Positive


class Demand(Frozen):
    """How much comes at the peak: requests in flight, a rate, or users and their habits."""

    peak_concurrency: Count | None = None
    """Requests in flight at the peak."""
    peak_rps: Positive | None = None
    """Requests a second at the peak."""
    daily_active_users: Positive | None = None
    """Users who come on one day."""
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
            )
            if said
        ]
        if len(ways) != 1:
            raise ValueError(
                f"found {' and '.join(ways) or 'nothing'}; "
                "allowed: exactly one of peak_concurrency, peak_rps, or the daily_active_users group"
            )
        if given and len(given) < len(users):
            missing = [key for key in users if key not in given]
            raise ValueError(f"found {', '.join(given)}; allowed: with {', '.join(missing)} beside")
        if self.percentile is not None and self.peak_concurrency is not None:
            raise ValueError("percentile: found one beside peak_concurrency; allowed: only with a rate or users")
        if self.active_hours is not None:
            others = prod(value for key, value in users.items() if value is not None and key != "active_hours")
            rate = others / self.active_hours / 3600
            if not rate < HUGE:
                found = f"users that send {rate:.3g} requests/s at the peak"
                raise ValueError(f"found {found}; allowed: less than {HUGE:.0e}")
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
