"""Values for the charts of others hold keys that these read, and every flag of the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.deploy import files_of
from optimizer.deploy.helm.others import PLACED, fits, flags_of, llm_d_values, stack_model
from tests.deploy.conftest import SHIPPED, Make
from tests.deploy.published import documents

KEYS = yaml.safe_load((Path(__file__).parent / "data" / "chart_values.yaml").read_text(encoding="utf-8"))


def known(chart: str, part: str, values: dict[str, Any]) -> bool:
    return set(values) <= set(KEYS[chart][part])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_key_is_one_that_the_chart_reads(environment: Make, name: str) -> None:
    made = environment(name)
    for path, text in files_of(made, "helm").items():
        if "values/llm-d" in path:
            (values,) = documents(text)
            assert known("llm-d", "top", values)
            assert all(known("llm-d", part, values[part]) for part in ("modelArtifacts", "accelerator", "routing",
                                                                       "decode"))
        elif path.endswith("production-stack.yaml"):
            (values,) = documents(text)
            assert known("production-stack", "top", values)
            assert known("production-stack", "routerSpec", values["routerSpec"])
            for model in values["servingEngineSpec"]["modelSpec"]:
                assert known("production-stack", "modelSpec", model)
                assert known("production-stack", "vllmConfig", model["vllmConfig"])


def test_every_flag_of_the_plan_is_there(environment: Make) -> None:
    (run,) = environment("measured-curves-llama-70b").runs
    assert fits(run)
    words = run.command(str(run.checkpoint))
    assert ["vllm", "serve", *llm_d_values(run)["decode"]["containers"][0]["args"]] == words
    config = stack_model(run)["vllmConfig"]
    assert (config["tensorParallelSize"], config["maxNumSeqs"], config["maxModelLen"]) == (
        run.deployment.tp_size, run.deployment.concurrency_per_replica, 4096)
    assert config["extraArgs"] == ["--quantization", "fp8", "--served-model-name", "analyst"]
    assert flags_of(run, PLACED)[-2:] == ["--served-model-name", "analyst"]
