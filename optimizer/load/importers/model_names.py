"""Which of our models the name of a hosted API means: exactly the same weights, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from optimizer.schema.llm import LlmModel

OTHER_WEIGHTS = re.compile(r"-(turbo|ultra|fast|lite|fp4|fp8|int4|awq|gptq|gguf|batch|free|nitro|flex)\b")
"""Endings under which providers sell faster, smaller or throttled versions: other weights, or another service."""


def plain(name: str) -> str:
    """Reduce a provider's name of a model to what two spellings of it share: no folders, one kind of separator.

    >>> plain("accounts/fireworks/models/llama-v3p3-70b-instruct"), plain("meta-llama/Llama-3.3-70B-Instruct")
    ('llama-3-3-70b-instruct', 'llama-3-3-70b-instruct')
    >>> plain("meta.llama3-1-8b-instruct-v1:0"), plain("deepseek-v3p1")
    ('llama-3-1-8b-instruct', 'deepseek-v3-1')
    """
    tail = name.lower().rsplit("/", 1)[-1]
    tail = re.sub(r"-v?\d+:\d+$", "", re.sub(r"^([a-z-]+\.)?(meta|openai|mistral|qwen|deepseek|google)\.", "", tail))
    tail = re.sub(r"^(meta-)?llama-?v?(?=\d)", "llama-", re.sub(r"(\d)p(\d)", r"\1.\2", tail))
    return re.sub(r"[^a-z0-9]+", "-", tail).strip("-")


@dataclass(frozen=True)
class ModelNames:
    """Names to find models by."""

    models: Mapping[str, LlmModel]

    def find(self, name: str) -> tuple[str, str]:
        """Return the model that a name means and "", or "" and the reason why none.

        >>> ModelNames({}).find("x/Some-Model")
        ('', 'none of our models')
        """
        key = plain(name)
        if OTHER_WEIGHTS.search(key):
            return "", "a faster, smaller or throttled version of a model"
        found = self._known.get(key)
        if found is None:
            return "", "none of our models"
        if any(f"{key}{ending}" in self._known for ending in ("-instruct", "-chat", "-it", "-chat-hf")):
            return "", "the base model or the one for chat: the name does not tell"
        return found, ""

    @cached_property
    def _known(self) -> dict[str, str]:
        """Return plain name -> model; copies stored in other precisions are no names of the weights themselves."""
        names = {plain(model.hf_id or model_id): model_id for model_id, model in self.models.items()}
        return {plain(model_id): model_id for model_id in self.models} | names
