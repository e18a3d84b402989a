"""What the catalog does not say of a container is refused or asked for, never made up."""

from __future__ import annotations

import pytest

from optimizer.deploy import files_of
from optimizer.deploy.metrics import unwatched
from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.load.serving import COMPANIONS, ServingFacts
from optimizer.loadtest.starting import checkpoint_of, memory_fraction, settings_of, start_line
from optimizer.schema.layout import ReplicaLayout
from tests.catalogs import tiny
from tests.deploy.conftest import Make
from tests.deploy.published import documents


def test_every_default_engine_and_precision_can_be_served(shipped: Catalog, serving: ServingFacts) -> None:
    for engine_id, engine in shipped.engines.items():
        if engine.default:
            assert set(engine.precisions) <= set(serving.engines[engine_id].precisions), engine_id
    assert set(serving.companions) == set(COMPANIONS)
    assert set(serving.engines) <= set(shipped.engines)
    assert set(serving.gpu_labels) <= set(shipped.gpus)


@pytest.mark.parametrize(("engine_id", "precision", "native", "line"), [
    ("vllm", "bf16", "bf16", "vllm serve org/m --tensor-parallel-size 2 --max-num-seqs 8 --max-model-len 4096 "
                             "--gpu-memory-utilization 0.9 --dtype bfloat16"),
    ("vllm", "fp8", "bf16", "... --gpu-memory-utilization 0.9 --quantization fp8"),
    ("vllm", "fp8", "fp8", "... --gpu-memory-utilization 0.9"),
    ("vllm", "fp8-kv8", "bf16", "... --kv-cache-dtype fp8 --quantization fp8"),
    ("vllm", "bf16-kv8", "bf16", "... --dtype bfloat16 --kv-cache-dtype fp8"),
    ("vllm", "int4", "bf16", "vllm serve 'm in int4' ..."),
    ("sglang", "fp8", "bf16", "... --quantization fp8"),
    ("sglang", "fp8-kv8", "fp8", "... --kv-cache-dtype fp8_e4m3"),
    ("tensorrt-llm", "fp8", "bf16", "trtllm-serve 'm in fp8' ..."),
    ("tensorrt-llm", "fp8", "fp8", "... --kv_cache_free_gpu_memory_fraction 0.9"),
    ("tensorrt-llm", "fp8-kv8", "fp8",
     '... --extra_llm_api_options <(printf %s '
     '\'{"kv_cache_config": {"dtype": "fp8", "free_gpu_memory_fraction": 0.9}}\')'),
    ("tgi", "fp8", "bf16", "... --max-batch-size 8 --max-total-tokens 4096 --quantize fp8"),
    ("tgi", "int4", "bf16", "text-generation-launcher --model-id 'm in int4' ..."),
    ("llama.cpp", "q4_k_m", "bf16", "llama-server --hf-repo 'm in q4_k_m' --parallel 8 --ctx-size 32768 "
                                    "--n-gpu-layers all"),
])
def test_flags_of_a_precision(
    shipped: Catalog, serving: ServingFacts, engine_id: str, precision: str, native: str, line: str
) -> None:
    how = serving.engines[engine_id]
    found = checkpoint_of(how, tiny.model(hf_id="org/m", native_precision=native), precision)
    fraction = memory_fraction(shipped.engines[engine_id], shipped.gpus["h100-sxm-80gb"], 2)
    written = start_line(how, found, f"m in {precision}", precision, ReplicaLayout(2), 8, 4096, fraction)
    listen = f" {how.listen}".replace("{port}", str(how.port)).replace("{host}", "0.0.0.0")
    assert listen in written  # TensorRT-LLM listens on its own machine only, unless it is told
    written = written.replace(listen, "")
    if line.startswith("... "):
        assert written.endswith(line[4:])
    elif line.endswith(" ..."):
        assert written.startswith(line[:-4])
    else:
        assert written == line


def test_an_engine_that_reserves_by_its_own_rule_states_what_it_leaves(shipped: Catalog) -> None:
    """SGLang on an 80-GiB GPU at tensor parallel 2: 1 - (13.5 + 2 x 0.125) / 80 = 0.828125."""
    assert memory_fraction(shipped.engines["sglang"], shipped.gpus["h100-sxm-80gb"], 2) == 0.828


def test_monitoring_settings_stand_only_in_the_container(serving: ServingFacts) -> None:
    how = serving.engines["tensorrt-llm"]
    assert settings_of(how, "fp8", ReplicaLayout(1), 0.9, everything=False) == {}
    assert settings_of(how, "fp8", ReplicaLayout(1), 0.9)["return_perf_metrics"] is True


def test_a_checkpoint_that_nobody_knows_is_asked_for(environment: Make) -> None:
    made = environment("overnight-summaries")
    (run,) = made.runs
    assert run.checkpoint is None
    assert "Qwen/Qwen2.5-32B-Instruct in fp8" in run.wanted
    compose = documents(files_of(made, "compose")["nodes/summaries-1/compose.yaml"])[0]
    assert compose["services"]["engine-0"]["command"][1] == "${SUMMARIES_1_MODEL:?name a checkpoint}"
    assert documents(files_of(made, "skypilot")["services/summaries-1.yaml"])[0]["envs"] == {"SUMMARIES_1_MODEL": None}
    manifest = next(one for one in documents(files_of(made, "kubernetes")["manifests/10-engine-summaries-1.yaml"])
                    if one["kind"] == "StatefulSet")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][1] == "$(SUMMARIES_1_MODEL)"
    assert container["env"][-1] == {
        "name": "SUMMARIES_1_MODEL", "valueFrom": {"configMapKeyRef": {"name": "checkpoints", "key": "summaries-1"}}}
    named = environment("overnight-summaries", checkpoints={"summaries": "nvidia/Qwen2.5-32B-Instruct-FP8"})
    assert named.runs[0].checkpoint == "nvidia/Qwen2.5-32B-Instruct-FP8"


def test_an_own_model_needs_its_weights(environment: Make) -> None:
    (run,) = environment("own-model").runs
    assert run.checkpoint is None
    assert run.wanted == "own-model/config.json in bf16"


@pytest.mark.parametrize(("change", "message"), [
    ({"engine_id": "deepspeed-mii"}, "serving.yaml: deepspeed-mii: found nothing"),
    ({"precision": "q4_k_m"}, "serving.yaml: tensorrt-llm.precisions.q4_k_m: found nothing"),
])
def test_an_engine_or_precision_without_facts_is_refused(
    environment: Make, change: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        environment("helpdesk-llama3-8b", **change)


def test_a_gpu_of_a_vendor_without_image_is_refused(environment: Make) -> None:
    with pytest.raises(InputError, match=r"tensorrt-llm\.images\.amd: found nothing"):
        environment("helpdesk-llama3-8b", node={"gpu_id": "mi300x-192gb"})


def test_amd_gpus_are_asked_for_in_their_own_way(environment: Make) -> None:
    made = environment("helpdesk-llama3-8b", engine_id="vllm", node={"gpu_id": "mi300x-192gb"})
    (run,) = made.runs
    assert run.image == "vllm/vllm-openai-rocm:v0.30.0"
    service = documents(files_of(made, "compose")["nodes/chat-1/compose.yaml"])[0]["services"]["engine-0"]
    assert service["devices"] == ["/dev/kfd", "/dev/dri"]
    text = files_of(made, "kubernetes")["manifests/10-engine-chat-1.yaml"]
    assert "amd.com/gpu: 1" in text
    assert "nvidia.com" not in text


def test_a_checkpoint_for_no_service_is_refused(environment: Make) -> None:
    with pytest.raises(InputError, match=r"--checkpoint: found nobody=\.\.\.; allowed: one of the services: chat"):
        environment("helpdesk-llama3-8b", checkpoints={"nobody": "org/m"})


def test_a_promise_that_an_engine_does_not_export_is_said(environment: Make) -> None:
    made = environment("helpdesk-llama3-8b", engine_id="llama.cpp", precision="bf16")
    said = unwatched(made)
    assert any("time to first token" in one for one in said)
    assert all(one in files_of(made, "compose")["README.md"] for one in said)


def test_a_node_of_several_replicas_runs_each_on_its_own_gpus(environment: Make) -> None:
    """Two nodes of 8 GPUs, replicas of 4: two a node, GPUs 0-3 and 4-7."""
    made = environment("helpdesk-llama3-8b", node={"gpu_count": 8, "count": 2}, tp_size=4, gpu_count=4, replicas=4,
                       nodes=2)
    services = documents(files_of(made, "compose")["nodes/chat-1/compose.yaml"])[0]["services"]
    devices = [services[f"engine-{number}"]["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"]
               for number in range(2)]
    assert devices == [["0", "1", "2", "3"], ["4", "5", "6", "7"]]
    script = documents(files_of(made, "skypilot")["services/chat-1.yaml"])[0]["run"]
    assert "CUDA_VISIBLE_DEVICES=0,1,2,3" in script
    assert "CUDA_VISIBLE_DEVICES=4,5,6,7" in script
    assert script.count("trtllm-serve") == 2
    assert "--port 8101" in script
    assert "--port 8102" in script


def test_an_image_of_a_gpu_type_comes_before_its_vendors(serving: ServingFacts, shipped: Catalog) -> None:
    sglang = serving.engines["sglang"]
    assert "mi30x" in (sglang.image_for("mi300x-192gb", "amd") or "")
    assert sglang.image_for("mi350x", "amd") is None
    assert sglang.image_for("h100-sxm-80gb", "nvidia") == sglang.images["nvidia"]
    known = {"nvidia", "amd", *shipped.gpus}
    assert all(set(one.images) <= known for one in serving.engines.values())
