"""YAML that every parser reads the same way, version 1.1 or 1.2."""

from __future__ import annotations

import re
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
"""Text that needs no quotes: no number, date or mark can look like it ..."""

SPOKEN = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})
"""... but these words."""


class _Dumper(yaml.SafeDumper):
    """Quotes all text that is not plainly text, and writes lines of text as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    tag = "tag:yaml.org,2002:str"
    if "\n" in value:
        return dumper.represent_scalar(tag, value, style="|")
    plain = PLAIN.fullmatch(value) and value.lower() not in SPOKEN
    return dumper.represent_scalar(tag, value, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def dump(*documents: Any, comment: str = "") -> str:
    """Write YAML documents, keys in the order given.

    Args:
        comment: lines that stand first, each behind a #.
    """
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "---\n".join(
        yaml.dump(one, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6, default_flow_style=False)
        for one in documents)
