"""What requests look like: classes of lengths with their shares."""

from typing import Annotated

from pydantic import Field

from optimizer.schema.base import Frozen

Tokens = Annotated[int, Field(ge=1, le=10_000_000)]


class RequestClass(Frozen):
    """One kind of request of a service."""

    isl_tokens: Tokens
    """Input tokens of a request (ISL)."""
    osl_tokens: Tokens
    """Output tokens of a request (OSL)."""
    share_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the service's requests that are of this class; the shares add up to 1."""
