"""Values of the plan for the charts of others: vLLM's production-stack, and llm-d's model service.

Keys as these charts read them: vllm-project/production-stack at a6c01db0 (vllm-stack 0.1.12), and
llm-d-incubation/llm-d-modelservice at 30519355 (0.4.12).
"""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.engines import CPUS, node_selector, tolerations
from optimizer.deploy.cluster.objects import TOKEN
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import CACHE, EngineRun, Environment
from optimizer.loadtest.starting import MODEL

VLLM = "vllm"
OWN = {"vllm", "serve", MODEL}
"""Words of the command that these charts write themselves, as they do these flags with their values ..."""

PLACED = ("--host", "--port")
STACK_KEYS = {"--max-model-len": "maxModelLen", "--max-num-seqs": "maxNumSeqs", "--dtype": "dtype",
              "--tensor-parallel-size": "tensorParallelSize", "--gpu-memory-utilization": "gpuMemoryUtilization"}
"""... and the flags that production-stack has keys for."""


def fits(run: EngineRun) -> bool:
    """Whether these charts can start a deployment: vLLM, with a checkpoint that has a name."""
    return run.deployment.engine_id == VLLM and run.checkpoint is not None


def values_of_others(environment: Environment) -> dict[str, str]:
    """Write values for deployments of vLLM; production-stack's router does not weigh, so one deployment a service."""
    found = {f"values/llm-d-{run.name}.yaml": dump(llm_d_values(run)) for run in environment.runs if fits(run)}
    alone = [run for run in environment.runs
             if fits(run) and len(environment.of_service(run.deployment.service_id)) == 1]
    if alone and len(alone) == len(environment.runs):
        models = [stack_model(run) for run in alone]
        found["values/production-stack.yaml"] = dump({
            "servingEngineSpec": {"enableEngine": True, "containerPort": alone[0].serving.port, "modelSpec": models},
            "routerSpec": {"enableRouter": True, "routingLogic": "roundrobin"}})
    return found


def flags_of(run: EngineRun, without: tuple[str, ...]) -> list[str]:
    """Return the flags of a command, each with its value, but those that are named."""
    words, kept = [word for word in run.command(MODEL) if word not in OWN and word != run.serving.program], []
    while words:
        flag = words.pop(0)
        value = [] if not words or words[0].startswith("--") else [words.pop(0)]
        if flag not in without:
            kept += [flag, *value]
    return kept


def value_of(run: EngineRun, flag: str) -> str | None:
    """Return the value of a flag of the command, None where it is not set."""
    words = run.command(MODEL)
    return words[words.index(flag) + 1] if flag in words else None


def stack_model(run: EngineRun) -> dict[str, Any]:
    """Write one entry of production-stack's `modelSpec`."""
    repository, _, tag = run.image.rpartition(":")
    stated = {key: value for flag, key in STACK_KEYS.items() if (value := value_of(run, flag)) is not None}
    whole = {"maxModelLen", "maxNumSeqs", "tensorParallelSize"}
    config: dict[str, Any] = {key: int(value) if key in whole else value for key, value in stated.items()}
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": [value]}
                                   for key, value in node_selector(run).items()]}]
    return {
        "name": run.name, "repository": repository, "tag": tag, "modelURL": run.checkpoint,
        "replicaCount": run.deployment.replicas, "requestCPU": CPUS, "requestMemory": f"{run.host_memory_gib}Gi",
        "limitMemory": f"{run.host_memory_gib}Gi", "requestGPU": run.deployment.gpu_count,
        "requestGPUType": f"{run.gpu.vendor}.com/gpu", "shmSize": f"{run.serving.shared_memory_gib:g}Gi",
        "pvcStorage": f"{run.host_memory_gib}Gi", "hf_token": {"secretName": TOKEN, "secretKey": "token"},
        "vllmConfig": {**config, "enablePrefixCaching": True, "extraArgs": flags_of(run, (*PLACED, *STACK_KEYS))},
        "nodeSelectorTerms": terms, "tolerations": tolerations(run)}


def llm_d_values(run: EngineRun) -> dict[str, Any]:
    """Write the values of llm-d's model service for one deployment, decode alone."""
    gpu = f"{run.gpu.vendor}.com/gpu"
    memory = f"{run.host_memory_gib}Gi"
    container = {
        "name": "vllm", "image": run.image, "modelCommand": "custom", "command": ["vllm", "serve"],
        "args": [run.checkpoint, *flags_of(run, ())], "mountModelVolume": True,
        "env": [{"name": key, "value": value} for key, value in run.environment.items() if key != "HF_HOME"],
        "ports": [{"containerPort": run.serving.port, "name": "http", "protocol": "TCP"}],
        "resources": {"limits": {"memory": memory}, "requests": {"memory": memory, "cpu": str(CPUS)}},
        "volumeMounts": [{"name": "home", "mountPath": CACHE}, {"name": "shm", "mountPath": "/dev/shm"}]}
    return {
        "modelArtifacts": {"name": run.deployment.service_id, "uri": f"hf://{run.checkpoint}", "size": memory,
                           "authSecretName": TOKEN, "labels": {"llm-d.ai/inference-serving": "true",
                                                               "llm-d.ai/model": run.name}},
        "accelerator": {"type": run.gpu.vendor, "resources": {run.gpu.vendor: gpu}},
        "routing": {"servicePort": run.serving.port, "proxy": {"enabled": False}},
        "prefill": {"create": False},
        "decode": {"create": True, "replicas": run.deployment.replicas,
                   "parallelism": {"tensor": run.deployment.gpu_count}, "containers": [container],
                   "volumes": [{"name": "home", "emptyDir": {}}, {"name": "shm", "emptyDir": {
                       "medium": "Memory", "sizeLimit": f"{run.serving.shared_memory_gib:g}Gi"}}],
                   "nodeSelector": node_selector(run),
                   "tolerations": tolerations(run)}}
