"""What can be had: the priced offers that a problem's policy admits, and those that it refuses, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from optimizer.candidates.rejection import Rejection
from optimizer.costs import PricedOffer
from optimizer.messages import Message
from optimizer.schema.problem import Limits

OfferIds = dict[str, dict[int, list[str]]]
"""GPU type -> GPUs of a node -> ids of its admitted offers."""


def policy_refusal(offer: PricedOffer, limits: Limits) -> Message | None:
    """Say which rule of the problem keeps an offer out, or None."""
    if offer.kind not in limits.kinds:
        return Message("policy.kind", kind=offer.kind)
    if offer.kind == "reserved" and offer.term_months > limits.max_term_months:
        return Message("policy.term", months=offer.term_months, most=limits.max_term_months)
    for selection, name, key in (
        (limits.gpus, offer.gpu_id, "gpus"), (limits.providers, offer.provider, "providers"),
        (limits.regions, offer.region, "regions"),
    ):
        refused = selection.refuses(name)
        if refused:
            return Message(f"policy.{key}-{refused}", name=name)
    if not offer.sold_new and not limits.used and offer.offer_id not in limits.at_least:
        return Message("policy.used", sold=offer.sold)
    if offer.unlicensed and not limits.allow_geforce_in_datacenter:
        return Message("policy.licence")
    return Message("policy.no-stock") if offer.obtainable == 0 else None


def policy_of(limits: Limits) -> Hashable:
    """Return all of the limits that `policy_refusal` looks at, beside the stock that prices hold."""
    return (limits.kinds, limits.max_term_months, limits.gpus, limits.providers, limits.regions, limits.used,
            limits.allow_geforce_in_datacenter, tuple(sorted(limits.at_least)))


@dataclass(frozen=True)
class Market:
    """All priced offers of a catalog, parted by the policy of a problem."""

    offers: Sequence[PricedOffer]
    """All of them, in the order of their ids."""
    admitted: tuple[PricedOffer, ...]
    refused: tuple[Rejection, ...]
    """By GPU and reason."""
    offer_ids: OfferIds
    kept: dict[Hashable, tuple[PricedOffer, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Admitted offers that stay under some reduction, by what it looks at."""

    @classmethod
    def of(cls, offers: Sequence[PricedOffer], limits: Limits) -> Market:
        """Part the offers."""
        refused: dict[tuple[str, Message], list[str]] = defaultdict(list)
        offer_ids: OfferIds = {}
        admitted = []
        for offer in offers:
            why = policy_refusal(offer, limits)
            if why:
                refused[offer.gpu_id, why].append(offer.offer_id)
            else:
                admitted.append(offer)
                offer_ids.setdefault(offer.gpu_id, {}).setdefault(offer.gpu_count, []).append(offer.offer_id)
        return cls(offers, tuple(admitted), tuple(
            Rejection("", gpu, None, None, None, tuple(ids), "policy", why)
            for (gpu, why), ids in sorted(refused.items())
        ), offer_ids)
