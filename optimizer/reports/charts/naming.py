"""Short names for the labels of a chart: GPUs, places, mixes and money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from optimizer.messages import Message
from optimizer.recommend.naming import bare_name, gpu_names
from optimizer.schema.plan import Node

__all__ = ["amount", "bare_name", "gpu_names", "mix_parts", "place", "wrapped_mix"]

ABBREVIATION = 3
"""Longest provider id that is an abbreviation: aws, gcp, oci."""


def place(node: Node) -> str:
    """Say whose a node is: own ones with their site, rented ones with the provider and how they are held.

    >>> place(Node.model_construct(kind="owned", region="on-prem-jp", provider="owned", term_months=0))
    'own, JP'
    >>> place(Node.model_construct(kind="reserved", region="us-east-1", provider="aws", term_months=12))
    'AWS, 12 months'
    """
    if node.kind == "owned":
        site = node.region.removeprefix("on-prem-")
        return Message("chart.own", site=site.upper() if site != node.region else site)
    provider = node.provider.upper() if len(node.provider) <= ABBREVIATION else node.provider.capitalize()
    if node.kind == "reserved":
        return Message("chart.reserved", provider=provider, n=node.term_months)
    return provider if node.kind == "on_demand" else Message("chart.kind", provider=provider, kind=node.kind)


def mix_parts(nodes: tuple[Node, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """Write nodes as `2 x RTX 5090 (own, JP)`, or `1 x 8xH100 SXM5 (AWS)` when a node has 8; alike ones together."""
    found: Counter[tuple[str, str]] = Counter()
    for node in nodes:
        gpus = "" if node.gpu_count == 1 else f"{node.gpu_count}x"
        found[f"{gpus}{names.get(node.gpu_id, node.gpu_id)}", place(node)] += node.count
    return tuple(Message("chart.mix", count=count, what=what, where=where) for (what, where), count in found.items())


def wrapped_mix(parts: tuple[str, ...], width: int) -> tuple[str, ...]:
    """Set a mix in lines of so many characters; a part longer than that has a line of its own.

    >>> wrapped_mix(("2 x RTX 5090 (own, JP)", "1 x A40 (Runpod)"), 30)
    ('2 x RTX 5090 (own, JP)', '+ 1 x A40 (Runpod)')
    """
    lines: list[str] = []
    for i, part in enumerate(parts):
        piece = f"+ {part}" if i else part
        if lines and len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return tuple(lines)


def amount(currency: str, value: float) -> Message:
    """Write money without cents, in the currency of the chart.

    >>> amount("USD", 1234.5), amount("JPY", 66000)
    ('$1,234', 'JPY 66,000')
    """
    return Message(f"chart.amount-{currency}", value=value)
