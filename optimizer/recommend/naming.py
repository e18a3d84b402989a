"""Names of nodes as people say them."""

from __future__ import annotations

import re
from collections import Counter

from optimizer.costs.owned import machine_of
from optimizer.load import Catalog
from optimizer.schema.plan import Node
from optimizer.schema.recommendation import NamedNodes

BRAND_WORDS = frozenset({"nvidia", "amd", "geforce", "instinct", "blackwell", "edition", "grace", "hopper"})
"""Words of the makers' names that tell no two GPUs apart."""

MEMORY_WORD = re.compile(r"\d+GB")


def bare_name(name: str, with_memory: bool) -> str:
    """Drop the maker's words and what stands in brackets, and the memory unless it is asked for.

    >>> bare_name("NVIDIA GeForce RTX 5090 32GB", False), bare_name("NVIDIA A10G 24GB (AWS)", True)
    ('RTX 5090', 'A10G 24GB')
    """
    words = re.sub(r"\([^)]*\)", " ", name).split()
    kept = [w for w in words if w.lower() not in BRAND_WORDS and (with_memory or not MEMORY_WORD.fullmatch(w))]
    return " ".join(kept) or name


def gpu_names(catalog: Catalog) -> dict[str, str]:
    """Name every GPU as shortly as the catalog allows: the memory stands only where two names would be the same."""
    short = {gpu.gpu_id: bare_name(gpu.name, with_memory=False) for gpu in catalog.gpus.values()}
    count = Counter(short.values())
    return {
        gpu_id: name if count[name] == 1 else bare_name(catalog.gpus[gpu_id].name, with_memory=True)
        for gpu_id, name in short.items()
    }


def named_nodes(node: Node, catalog: Catalog) -> NamedNodes:
    """Return nodes of one offer with their product name: the machine's where they are bought, else the GPU's."""
    gpu = catalog.gpus[node.gpu_id]
    machine = catalog.owned.get(machine_of(node))
    short = gpu_names(catalog)[node.gpu_id]
    product = f"{node.gpu_count} x {gpu.name}" if machine is None else f"{machine.name} ({gpu.name})"
    return NamedNodes(
        offer_id=node.offer_id, count=node.count, product=product,
        label=short if node.gpu_count == 1 else f"{node.gpu_count}x{short}", kind=node.kind,
        term_months=node.term_months, provider=node.provider, region=node.region)
