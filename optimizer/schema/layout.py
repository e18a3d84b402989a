"""How one replica spreads over its GPUs."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = re.compile(r"(tp|pp|dp|ep|n)([1-9][0-9]{0,3})")
_WHOLE = re.compile(rf"{_PART.pattern}(-{_PART.pattern})*")


@dataclass(frozen=True, slots=True, order=True)
class ReplicaLayout:
    """Degrees of parallelism of one replica: it owns `tp_size` x `pp_size` x `dp_size` GPUs on `nodes` nodes.

    `dp_size` is data parallelism of the attention: each rank has its own requests and KV cache, the experts are shared.
    `ep_size` is over how many of those GPUs the experts are laid out whole (1: every expert is cut by tensor
    parallelism).
    """

    tp_size: int = 1
    pp_size: int = 1
    dp_size: int = 1
    ep_size: int = 1
    nodes: int = 1

    @property
    def gpu_count(self) -> int:
        """GPUs of the replica."""
        return self.tp_size * self.pp_size * self.dp_size

    @property
    def is_plain(self) -> bool:
        """Whether tensor parallelism on one node is all there is."""
        return self.pp_size == self.dp_size == self.ep_size == self.nodes == 1

    @property
    def name(self) -> str:
        """Write the layout in one word.

        >>> ReplicaLayout(4).name, ReplicaLayout(1, dp_size=8, ep_size=8).name, ReplicaLayout(8, 2, nodes=2).name
        ('tp4', 'tp1-dp8-ep8', 'tp8-pp2-n2')
        """
        parts = (("pp", self.pp_size), ("dp", self.dp_size), ("ep", self.ep_size), ("n", self.nodes))
        return "-".join([f"tp{self.tp_size}", *(f"{part}{size}" for part, size in parts if size > 1)])

    @staticmethod
    def parse(name: str) -> ReplicaLayout:
        """Read a layout that is written in one word.

        Raises:
            ValueError: the word is none, or names a part twice.

        >>> ReplicaLayout.parse("tp1-dp8-ep8") == ReplicaLayout(1, dp_size=8, ep_size=8)
        True
        """
        parts = dict(_PART.findall(name)) if _WHOLE.fullmatch(name) else {}
        if len(parts) != name.count("-") + 1:
            raise ValueError(f"layout: found {name!r}; allowed: a word such as tp4, tp4-pp2 or tp1-dp8-ep8")
        sizes = {part: int(size) for part, size in parts.items()}
        return ReplicaLayout(*(sizes.get(part, 1) for part in ("tp", "pp", "dp", "ep", "n")))

