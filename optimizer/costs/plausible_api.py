"""Whether the price of a hosted API can be believed: held against itself, against arithmetic, and against others.

Nothing here refuses a price: what is doubtful is said where the catalog is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from statistics import median

from optimizer.costs.api import Mix, blended_usd_per_token
from optimizer.costs.plausible import ABOVE, BELOW, LEAST_PEERS, usd_per_gpu_hour
from optimizer.load import Catalog
from optimizer.messages import Message
from optimizer.schema.catalog import ApiPrice, Gpu

ASKED = Mix(input_fraction=Fraction(8, 10))
"""Tokens that prices are compared by: eight of input for two of output, as a chat with some context has them."""

NARROWEST = 4.0
"""Arithmetic in 4 bits over arithmetic in 8, at most: the B300 has 3.3 times as many (15 against 4.5 PFLOPS dense,
https://www.nvidia.com/en-us/data-center/dgx-b300/); others have twice as many, or the same."""

OPERATIONS_PER_PARAMETER = 2
"""A multiplication and an addition for every active parameter and token."""

ROUTER = "huggingface_"
"""Before the name of a provider whose API is reached through Hugging Face's router, which adds nothing to its price."""


def seller(price: ApiPrice) -> str:
    """Return who runs the model: one provider reached by two ways is no second opinion.

    >>> seller(ApiPrice(provider="huggingface_groq", api_model="m", model_id="m", input_usd_per_million=1.0,
    ...                 output_usd_per_million=3.0, source_url="x", as_of="2026"))
    'groq'
    """
    return price.provider.removeprefix(ROUTER)


def operations_per_s(gpu: Gpu) -> float:
    """Return the most operations a second that a GPU can do in any precision; 0: none is stated."""
    narrow = max(gpu.fp8_tflops or 0.0, gpu.int8_tops or 0.0)
    return max(narrow * NARROWEST, gpu.fp16_tflops or 0.0) * 1e12


class ApiMarket:
    """What others ask for the tokens of a model, and what their arithmetic costs at least."""

    def __init__(self, catalog: Catalog) -> None:
        """Gather prices by model, and the cheapest arithmetic that can be rented."""
        self.catalog = catalog
        self.asked: dict[str, list[ApiPrice]] = {}
        """Model -> prices."""
        for price in catalog.apis.values():
            self.asked.setdefault(price.model_id, []).append(price)
        self.usd_per_operation = min(self._usd_per_operation(), default=0.0)

    def _usd_per_operation(self) -> Iterator[float]:
        for offer in self.catalog.offers.values():
            usd, operations = usd_per_gpu_hour(offer, self.catalog), operations_per_s(self.catalog.gpus[offer.gpu_id])
            if usd is not None and operations:
                yield usd / 3600 / operations

    def least_usd_per_million(self, price: ApiPrice) -> float:
        """Return what a million tokens cost at least: two operations for each active parameter, at full speed.

        On the GPU of the catalog that does most operations for a dollar, without memory, attention or a profit: no
        price is below it, unless its unit is mistaken.
        """
        model = self.catalog.models.get(price.model_id)
        active = model.active_parameters_billion * 1e9 if model else 0.0
        return 1e6 * OPERATIONS_PER_PARAMETER * active * self.usd_per_operation

    def peers(self, price: ApiPrice) -> dict[str, float]:
        """Return other sellers -> their median price of a million tokens, eight of input for two of output."""
        found: dict[str, list[float]] = {}
        for other in self.asked.get(price.model_id, ()):
            if seller(other) != seller(price):
                found.setdefault(seller(other), []).append(_usd(other))
        return {name: median(prices) for name, prices in sorted(found.items())}

    def doubts(self, price: ApiPrice) -> Iterator[Message]:
        """Yield what is doubtful about a price. Zero is free, which some tiers are, and is no doubt."""
        asked, made, cached = price.input_usd_per_million, price.output_usd_per_million, price.cached_usd_per_million
        if cached is not None and cached > asked:
            yield Message("doubt.api-cached", cached=cached, asked=asked)
        if made < asked:
            yield Message("doubt.api-output", made=made, asked=asked)
        least, usd, others = self.least_usd_per_million(price), _usd(price), self.peers(price)
        if 0 < usd < least:
            yield Message("doubt.api-arithmetic", price=usd, least=least)
        elif usd > 0 and len(others) >= LEAST_PEERS:
            low, high = min(others.values()), max(others.values())
            if not low / BELOW <= usd <= high * ABOVE:
                yield Message("doubt.api-price", price=usd, model=price.model_id, low=low, high=high)


def _usd(price: ApiPrice) -> float:
    return float(blended_usd_per_token(price, ASKED) * 1_000_000)
