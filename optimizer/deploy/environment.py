"""What a plan asks to be run: engines on nodes with every flag, and the promises to be watched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optimizer.candidates.names import resolve_model
from optimizer.deploy.names import dns_name, numbered, variable
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, LoadedProblem
from optimizer.load.serving import COMPANIONS, ServingFacts
from optimizer.loadtest.starting import (
    EVERYWHERE,
    FRACTION,
    MODEL,
    Checkpoint,
    arguments,
    checkpoint_of,
    memory_fraction,
    settings_of,
    unstarted,
)
from optimizer.memory import weights_bytes
from optimizer.schema.catalog import Gpu, LlmModel
from optimizer.schema.plan import Deployment, Node, Plan, RunningReplicas, ServicePlan, spread_of
from optimizer.schema.problem import Service
from optimizer.schema.serving import Companion, Serving
from optimizer.units import GIB

SETTINGS = "/etc/engine/settings.yaml"
"""Where a container finds the engine's settings file."""

CACHE = "/cache"
"""The one folder that an engine may write: checkpoints and compiled kernels."""

LOOPBACK = "127.0.0.1"
"""The node itself alone; `EVERYWHERE` is every network of a container that publishes no port."""

NO_ENGINE = "stated"
"""What a plan calls the engine of a capacity that is stated without one."""

HOST_MEMORY_FACTOR, HOST_MEMORY_FLOOR_GIB = 1.5, 16
"""Host memory of a replica, assumed: 1.5 x its weights, which pass through it, and 16 GiB."""


@dataclass(frozen=True)
class EngineRun:
    """One deployment: identical nodes, each with the same number of replicas of one engine."""

    name: str
    """A DNS label, once in the environment."""
    service_name: str
    deployment: Deployment
    node: Node
    gpu: Gpu
    instance_type: str
    """The provider's name of the machine, empty where the catalog has none."""
    product_label: str | None
    """What Kubernetes calls the GPU."""
    serving: Serving
    image: str
    checkpoint: str | None
    """None: named by the variable when it is started."""
    wanted: str
    """What the checkpoint has to be, in words."""
    words: tuple[str, ...]
    """The command, with `{model}` for the checkpoint and `{port}` for the port."""
    settings: dict[str, Any]
    fraction: float
    host_memory_gib: int

    @property
    def model_variable(self) -> str:
        """Environment variable that names the checkpoint."""
        return variable(self.name, "model")

    @property
    def replicas_per_node(self) -> int:
        """Replicas on each node."""
        return self.deployment.replicas // self.deployment.nodes

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the container."""
        stated = self.serving.environment
        return {key: value.replace(FRACTION, f"{self.fraction:g}") for key, value in stated.items()}

    def command(self, model: str, port: int | None = None, host: str = EVERYWHERE) -> list[str]:
        """Return the command with the checkpoint, as a target writes it, and where it listens put in.

        Args:
            host: the address to listen on. Engines ask for no key: where the network of the node is theirs, as it is
                without containers of their own, they must listen on `LOOPBACK`, behind the gate.
        """
        values = {MODEL: model, "{port}": str(port or self.serving.port), "{settings}": SETTINGS,
                  "{name}": self.deployment.service_id, "{host}": host, EVERYWHERE: host, "::": host}
        return [_replaced(word, values) for word in self.words]


def _replaced(word: str, values: dict[str, str]) -> str:
    return values.get(word, word)


@dataclass(frozen=True)
class Environment:
    """Everything that a plan asks to be run."""

    name: str
    plan: Plan
    services: tuple[tuple[str, ServicePlan], ...]
    """DNS name and promise of each service."""
    runs: tuple[EngineRun, ...]
    facts: ServingFacts
    asked: tuple[Service, ...] = ()
    """The services as the problem states them."""

    @property
    def companions(self) -> dict[str, Companion]:
        """Containers beside the engines, by role."""
        return self.facts.companions

    def of_service(self, service_id: str) -> list[EngineRun]:
        """List what serves a service."""
        return [run for run in self.runs if run.deployment.service_id == service_id]

    @cached_property
    def unnamed(self) -> list[EngineRun]:
        """What has no checkpoint yet."""
        return [run for run in self.runs if run.checkpoint is None]


def setting_of(one: Deployment | RunningReplicas) -> tuple[str, str, str, str, int, int]:
    """Return what tells deployments apart: service, offer, engine, precision, tensor parallel, GPUs of a replica."""
    return one.service_id, one.offer_id, one.engine_id, one.precision, one.tp_size, one.gpu_count


def before_losses(plan: Plan) -> Plan:
    """Return a plan with what runs while nothing is lost: replicas placed again after a loss start then, not now."""
    if not any(period.losses for period in plan.periods):
        return plan
    most: dict[tuple[str, str, str, str, int, int], tuple[int, int]] = {}
    for period in plan.periods:
        for one in period.running:
            nodes, replicas = most.get(setting_of(one), (0, 0))
            most[setting_of(one)] = max(nodes, one.nodes), max(replicas, one.replicas)
    return plan.model_copy(update={"deployments": tuple(
        one.model_copy(update=dict(zip(("nodes", "replicas"), most[setting_of(one)], strict=True)))
        for one in plan.deployments if setting_of(one) in most)})


def environment_of(
    plan: Plan, loaded: LoadedProblem, catalog: Catalog, facts: ServingFacts, checkpoints: dict[str, str]
) -> Environment:
    """Work out what has to be run for a plan.

    Args:
        checkpoints: service id -> checkpoint to load in place of the model's own.

    Raises:
        InputError: the catalog does not say how something is run, or a checkpoint is named for no service.
    """
    plan = before_losses(plan)
    services = {service.service_id: service for service in loaded.problem.services}
    faults = [
        Fault(loaded.label, "limits.kinds", f"api, on which the plan sends {one.service_id} to {one.provider}",
              "kinds of nodes: the files start engines, and the key of an API is for a gateway of your own")
        for one in plan.hosted]
    faults += [
        Fault("options", "--checkpoint", f"{name}=...", f"one of the services: {', '.join(services)}")
        for name in checkpoints if name not in services
    ]
    faults += [
        Fault("companions.yaml", role, "nothing", "an image")
        for role in COMPANIONS if role not in facts.companions
    ]
    faults += [fault for one in plan.deployments for fault in _unserved(one, plan, catalog, facts)]
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    names = {service_id: dns_name(service_id) for service_id in services}
    nodes = {node.offer_id: node for node in plan.nodes}
    runs = [
        _run(name, names, services[one.service_id], one, nodes[one.offer_id], loaded, catalog, facts, checkpoints)
        for name, one in zip(numbered([names[d.service_id] for d in plan.deployments]), plan.deployments, strict=True)
    ]
    promised = tuple((names[one.service_id], one) for one in plan.services)
    return Environment(_own_name(plan.problem), plan, promised, tuple(runs), facts, loaded.problem.services)


def _own_name(problem: str) -> str:
    """Return a name that no cluster has already: `default` and `kube-...` are Kubernetes' own."""
    name = dns_name(problem)
    return f"inference-{name}" if name == "default" or name.startswith("kube-") else name


def _unserved(one: Deployment, plan: Plan, catalog: Catalog, facts: ServingFacts) -> list[Fault]:
    """List what the catalog does not say of a deployment's container."""
    serving = facts.engines.get(one.engine_id)
    if one.engine_id == NO_ENGINE:
        place = f"{one.service_id},{one.offer_id}"
        return [Fault("capacities.csv", place, "a capacity without engine_id", "the engine that has it")]
    if serving is None:
        known = f"how it is started (known: {', '.join(facts.engines)}); an overlay can add it"
        return [Fault("serving.yaml", one.engine_id, "nothing", known)]
    faults = []
    if one.precision not in serving.precisions:
        allowed = f"how the engine serves it; an overlay can add it (known: {', '.join(serving.precisions)})"
        faults.append(Fault("serving.yaml", f"{one.engine_id}.precisions.{one.precision}", "nothing", allowed))
    faults += [Fault("serving.yaml", f"{one.engine_id}.layout.{part}", "nothing",
                     f"the flags that start a replica of layout {one.layout}; an overlay can add them")
               for part in unstarted(serving, spread_of(one))]
    gpu_id = next(node.gpu_id for node in plan.nodes if node.offer_id == one.offer_id)
    vendor = catalog.gpus[gpu_id].vendor
    if serving.image_for(gpu_id, vendor) is None:
        faults.append(Fault("serving.yaml", f"{one.engine_id}.images.{vendor}", "nothing",
                            f"an image that runs on {gpu_id}; an overlay can add it"))
    return faults


def _run(
    name: str, names: dict[str, str], service: Service, one: Deployment, node: Node, loaded: LoadedProblem,
    catalog: Catalog, facts: ServingFacts, checkpoints: dict[str, str],
) -> EngineRun:
    """Describe the containers of one deployment."""
    serving, engine, gpu = facts.engines[one.engine_id], catalog.engines[one.engine_id], catalog.gpus[node.gpu_id]
    model = resolve_model(service, catalog, loaded.own_models)
    found = checkpoint_of(serving, model, one.precision)
    if service.service_id in checkpoints:
        found = Checkpoint(checkpoints[service.service_id], () if found.name else found.flags)
    fraction = memory_fraction(engine, gpu, one.tp_size)
    settings = settings_of(serving, one.precision, spread_of(one), fraction)
    words = arguments(serving, found, one.precision, spread_of(one), one.concurrency_per_replica,
                      service.full_context_tokens, fraction)
    extra = (*serving.listen.split(), *serving.container_flags.split(),
             *(serving.settings_flags.split() if settings else ()), *_longer_context(serving, model, service))
    rented = catalog.offers.get(one.offer_id)
    label = facts.gpu_labels.get(node.gpu_id)
    return EngineRun(
        name=name, service_name=names[service.service_id], deployment=one, node=node, gpu=gpu,
        instance_type=rented.instance_type if rented else "",
        product_label=label.product if label else None, serving=serving,
        image=serving.image_for(node.gpu_id, gpu.vendor) or "",
        checkpoint=found.name, wanted=_wanted(model, service, one.precision),
        words=(serving.program or words[0], *words[1:], *extra), settings=settings, fraction=fraction,
        host_memory_gib=_host_memory_gib(catalog, model, one.precision),
    )


def _longer_context(serving: Serving, model: LlmModel | None, service: Service) -> tuple[str, ...]:
    """Return the flag that lets the engine take a context beyond the config's limit, () where none is needed."""
    if model is None or service.full_context_tokens <= model.context_limit_tokens or not model.context_override:
        return ()
    if not serving.context_flag:
        found = f"a context of {service.full_context_tokens} tokens, which needs {model.context_extension}"
        allowed = "a flag of the engine that overrides the config"
        raise InputError([Fault("serving.yaml", "context_flag", found, allowed)])
    return serving.context_flag, model.context_override


def _wanted(model: LlmModel | None, service: Service, precision: str) -> str:
    """Say what checkpoint is needed; copies that the catalog knows by name are named."""
    name = (model.hf_id if model is not None else None) or service.model
    copies = [alias for alias in model.aliases if "/" in alias and " " not in alias] if model is not None else []
    known = f" (copies known by name: {', '.join(copies)})" if copies else ""
    return f"{name} in {precision}{known}"


def _host_memory_gib(catalog: Catalog, model: LlmModel | None, precision: str) -> int:
    """Return GiB of host memory for one replica."""
    weights = weights_bytes(model, catalog.precisions[precision]) / GIB if model is not None else 0.0
    return math.ceil(HOST_MEMORY_FACTOR * weights) + HOST_MEMORY_FLOOR_GIB
