"""Names that every target takes, whatever the problem's names hold."""

from __future__ import annotations

import hashlib
import re

LONGEST = 40
"""Characters of a name: RFC 1123 allows 63, and replica and pod suffixes follow."""


def dns_name(text: str, longest: int = LONGEST) -> str:
    """Return an RFC 1123 label that starts with a letter; a text that has to change keeps a digest of itself.

    >>> dns_name("chat"), dns_name("team.chat_v2"), dns_name("7b")
    ('chat', 'team-chat-v2-ed943d', 's-7b-925a7b')
    """
    if len(text) <= longest and re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", text):
        return text
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    start = plain if plain[:1].isalpha() else f"s-{plain}"
    return f"{start[: longest - 7].strip('-')}-{digest}"


def numbered(names: list[str]) -> list[str]:
    """Number names that come several times, each result once: a-1, a-2, b-1.

    >>> numbered(["a", "a", "b"])
    ['a-1', 'a-2', 'b-1']
    """
    found: list[str] = []
    for name in names:
        number = 1
        while f"{name}-{number}" in found:
            number += 1
        found.append(f"{name}-{number}")
    return found


def variable(*parts: str) -> str:
    """Return an environment variable's name.

    >>> variable("chat-1", "model")
    'CHAT_1_MODEL'
    """
    return "_".join(re.sub(r"[^A-Z0-9]+", "_", part.upper()) for part in parts)


def one_line(text: str) -> str:
    """Return a text on one line, without control characters, for a comment.

    >>> one_line("a\\nb: 1")
    'a b: 1'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cell(text: str) -> str:
    """Write any text into a table of Markdown.

    >>> cell("a|b`c")
    'a/b c'
    """
    return one_line(text).replace("|", "/").replace("`", " ").replace("<", "(").replace(">", ")")
