"""Headings of columns, by their ids in the catalogs."""

from __future__ import annotations

from optimizer.messages import Message


def heads(*names: str) -> tuple[Message | str, ...]:
    """Return headings; an empty name heads nothing."""
    return tuple(Message(f"head.{name}") if name else "" for name in names)
