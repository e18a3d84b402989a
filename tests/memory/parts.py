"""Shipped facts by short names, for tests of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.load import Catalog
from optimizer.memory import CacheLayout, MemoryFit, cache_layout, memory_fit
from optimizer.schema.catalog import Engine, EngineOverhead, Gpu, LlmModel, Precision

LLAMA, DEEPSEEK, GPT_OSS = "llama-3.1-8b-instruct", "deepseek-v3", "gpt-oss-20b"


@dataclass(frozen=True)
class Parts:
    """What a fit is computed from."""

    catalog: Catalog

    def model(self, name: str = LLAMA, **facts: Any) -> LlmModel:
        return self.catalog.models[name].model_copy(update=facts)

    def precision(self, name: str = "bf16") -> Precision:
        return self.catalog.precisions[name]

    def gpu(self, name: str) -> Gpu:
        return self.catalog.gpus[name]

    @property
    def vllm(self) -> Engine:
        return self.catalog.engines["vllm"]

    def fit(self, model: str, precision: str, gpu: str, tp_size: int, **given: Any) -> MemoryFit:
        return memory_fit(self.model(model), self.precision(precision), self.vllm, self.gpu(gpu), tp_size, **given)

    def layout(
        self, model: LlmModel, tp_size: int = 1, batched_tokens: int = 2048, overhead: EngineOverhead | None = None
    ) -> CacheLayout:
        return cache_layout(model, self.precision(), overhead or self.vllm.overhead, tp_size, batched_tokens)
