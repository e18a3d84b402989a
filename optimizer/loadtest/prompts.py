"""Prompts of a load test: so many words, another prompt for every request of every invocation."""

from __future__ import annotations

import random
import secrets

WORDS = (
    "the", "and", "for", "you", "that", "with", "this", "have", "from", "they", "will", "one", "all", "would", "there",
    "their", "what", "out", "about", "who", "get", "which", "when", "make", "can", "like", "time", "just", "him",
    "know", "take", "people", "into", "year", "your", "good", "some", "could", "them", "see", "other", "than", "then",
    "now", "look", "only", "come", "its", "over", "think", "also", "back", "after", "use", "two", "how", "our", "work",
    "first", "well", "way", "even", "new", "want",
)
"""Short common English words: about one token each in any tokeniser."""


def new_salt() -> str:
    """Return a salt that no other invocation has: engines keep the prompts of earlier tests in their prefix cache."""
    return secrets.token_hex(8)


def prompt_of(words: int, seed: str) -> str:
    """Return a prompt of so many words, another one for each seed.

    Two prompts share their first n words with probability 64^-n, so that none is a prefix of another and none fills a
    block of 16 tokens that a prefix cache could answer from.

    >>> prompt_of(3, "1"), prompt_of(3, "1") == prompt_of(3, "2")
    ('take for have', False)
    """
    return " ".join(random.Random(seed).choices(WORDS, k=max(1, words)))


def shared_prompt_of(words: int, shared_fraction: float, salt: str, seed: str) -> str:
    """Return a prompt whose first part is the same for all requests of one salt, and the rest its own.

    >>> one, other = (shared_prompt_of(4, 0.5, "salt", seed).split() for seed in "ab")
    >>> one[:2] == other[:2], one[2:] == other[2:]
    (True, False)
    """
    shared = round(shared_fraction * words)
    if not shared:
        return prompt_of(words, seed)
    return f"{prompt_of(shared, f'{salt}-shared')} {prompt_of(words - shared, seed)}"
