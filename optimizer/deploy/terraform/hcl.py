"""HCL as `terraform fmt` writes it: equals signs of neighbouring arguments under one another."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Expression:
    """Words that Terraform works out, such as var.cluster_name."""

    text: str


class Names(dict[str, Any]):
    """A mapping whose keys are written without quotes."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its type, its labels, its arguments, and the blocks in it."""

    kind: str
    labels: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()


def value_of(value: Any, indent: str = "") -> str:
    """Write a value; nothing in a text is taken for an expression.

    >>> value_of("a${b}"), value_of([1, True]), value_of(Expression("var.x"))
    ('"a$${b}"', '[1, true]', 'var.x')
    """
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, dict):
        bare = isinstance(value, Names)
        inner = _arguments({key if bare else json.dumps(key): one for key, one in value.items()}, indent + "  ")
        return "\n".join(["{", *inner, f"{indent}}}"]) if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(value_of(one) for one in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    return json.dumps(value)


def _arguments(arguments: dict[str, Any], indent: str) -> list[str]:
    """Write arguments; a value of several lines ends the stretch that shares a column."""
    lines: list[str] = []
    stretch: list[tuple[str, str]] = []

    def write() -> None:
        """Write the stretch so far."""
        width = max((len(key) for key, _ in stretch), default=0)
        lines.extend(f"{indent}{key.ljust(width)} = {text}" for key, text in stretch)
        stretch.clear()

    for key, value in arguments.items():
        text = value_of(value, indent)
        if "\n" in text:
            write()
            lines.append(f"{indent}{key} = {text}")
        else:
            stretch.append((key, text))
    write()
    return lines


def lines_of(block: Block, indent: str = "") -> list[str]:
    """Write a block."""
    head = " ".join([block.kind, *(json.dumps(label) for label in block.labels), "{"])
    inner = _arguments(block.arguments, indent + "  ")
    for one in block.blocks:
        inner += [*([""] if inner else []), *lines_of(one, indent + "  ")]
    return [indent + head, *inner, f"{indent}}}"] if inner else [f"{indent}{head}}}"]


def hcl(blocks: list[Block]) -> str:
    """Write a file of blocks."""
    return "\n\n".join("\n".join(lines_of(block)) for block in blocks) + "\n"
