"""Every flag and metric of serving.yaml is one of the engine's own, by its argument list and sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from optimizer.load.serving import ServingFacts, load_serving
from optimizer.schema.serving import Serving

NAMES = yaml.safe_load((Path(__file__).parent / "data" / "engine_names.yaml").read_text(encoding="utf-8"))
ENGINES = load_serving().engines


def texts(how: Serving) -> Iterator[str]:
    """List every text of an engine that holds flags."""
    yield from (how.command, how.listen, how.container_flags, how.context_flag, how.settings_flags)
    yield from how.layout.values()
    for precision in how.precisions.values():
        yield precision.flags
        yield from precision.loads.values()


@pytest.mark.parametrize("engine_id", ENGINES)
def test_every_flag_is_written_out_as_the_engine_names_it(engine_id: str, serving: ServingFacts) -> None:
    """In full: argparse also takes a beginning that only one flag has, until another one begins the same."""
    used = {word for text in texts(serving.engines[engine_id]) for word in text.split() if word.startswith("--")}
    assert used
    assert used <= set(NAMES[engine_id]["flags"]), NAMES[engine_id]["source"]
    assert len(NAMES[engine_id]["flags"]) > 30


@pytest.mark.parametrize("engine_id", ENGINES)
def test_every_metric_is_one_that_the_engine_exports(engine_id: str, serving: ServingFacts) -> None:
    """A counter may stand in a source without the _total, a histogram without the _sum, that its client adds."""
    stated = {name for name in serving.engines[engine_id].metrics.model_dump().values() if name}
    known = set(NAMES[engine_id]["metrics"])
    assert stated
    assert {name for name in stated if not {name, re.sub(r"_(total|sum)$", "", name)} & known} == set()
