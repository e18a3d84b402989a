"""Facts of an engine that contradict each other are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from optimizer.load import Catalog
from optimizer.schema.engine import Engine, EnginePrecision


@pytest.mark.parametrize(("least", "most"), [(7.5, 9.0), (8.0, 8.0), (None, 9.0), (8.0, None)])
def test_capabilities_that_leave_a_range(least: float | None, most: float | None) -> None:
    assert EnginePrecision(min_compute_capability=least, max_compute_capability=most).max_compute_capability == most


def test_no_capability_is_left() -> None:
    with pytest.raises(ValidationError, match=r"max_compute_capability: found 8; allowed: at least 9"):
        EnginePrecision(min_compute_capability=9.0, max_compute_capability=8.0)


def with_older(engine: Engine, *versions: str) -> dict[str, Any]:
    facts = engine.model_dump()
    older = engine.older_overheads[0].model_dump()
    return {**facts, "older_overheads": tuple({**older, "before_version": version} for version in versions)}


def test_older_versions_rise_as_numbers(shipped: Catalog) -> None:
    vllm = shipped.engines["vllm"]
    assert len(Engine.model_validate(with_older(vllm, "0.8.3", "0.11", "0.17")).older_overheads) == 3
    for versions in (("0.17", "0.8.3"), ("0.8.3", "0.8.3")):
        with pytest.raises(ValidationError, match=rf"found before_version {', '.join(versions)}; allowed: rising"):
            Engine.model_validate(with_older(vllm, *versions))


def test_a_version_is_numbers(shipped: Catalog) -> None:
    with pytest.raises(ValidationError, match="before_version"):
        Engine.model_validate(with_older(shipped.engines["vllm"], "0.8rc1"))
