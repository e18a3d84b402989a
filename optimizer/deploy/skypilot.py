"""SkyPilot: a service file for each deployment, and load balancer and metrics for any machine."""

from __future__ import annotations

import shlex
from typing import Any

from optimizer.deploy.compose import (
    AUTHORITY,
    GATE_PORT,
    balancer_compose,
    gate_conf,
    monitoring_files,
)
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import CACHE, LOOPBACK, SETTINGS, EngineRun, Environment
from optimizer.deploy.metrics import labels_of
from optimizer.deploy.names import one_line, variable
from optimizer.deploy.nginx import HEALTH, Listener, Server, Upstream, nginx_conf, weights
from optimizer.deploy.pools import pools_of, routes_of
from optimizer.deploy.schedule import RunningSlot, slots_of
from optimizer.errors import Fault, InputError
from optimizer.loadtest.starting import MODEL

SERVICE_PORT = 8080
FIRST_ENGINE_PORT = 8101
DISK_FLOOR_GB = 128
"""For the image and what it compiles; the checkpoint comes on top."""

START_UP_S = 1800
OWN = "/run/inference"
"""Where a node keeps the gate's files, readable by the engine's user alone."""

NOWHERE = ("global",)
"""Regions that name no region."""


def infra(run: EngineRun, environment: Environment) -> str:
    """Return where SkyPilot finds the nodes: a cloud and region, or a pool of machines reached by SSH.

    Owned machines, and those of providers that SkyPilot does not know, are a pool named after the offer.
    """
    cloud = environment.facts.sky_clouds.get(run.node.provider)
    if cloud is None or run.node.kind == "owned":
        return f"ssh/{run.name}"
    region = run.node.region
    return cloud.cloud if region in NOWHERE else f"{cloud.cloud}/{region}"


def resources(run: EngineRun, environment: Environment) -> dict[str, Any]:
    """Write what a node has to have.

    Raises:
        InputError: SkyPilot's name of the GPU is not known.
    """
    names = environment.facts.accelerators(run.gpu.gpu_id, run.node.provider)
    if not names:
        allowed = "a GPU whose SkyPilot name stands in gpu_names.csv; --to kubernetes or compose takes any"
        raise InputError([Fault("gpu_names.csv", run.gpu.gpu_id, "no SkyPilot name", allowed)])
    wanted = [{"accelerators": {name: run.node.gpu_count}} for name in names]
    stated: dict[str, Any] = {
        "infra": infra(run, environment), "use_spot": run.node.kind == "spot", "image_id": f"docker:{run.image}",
        "disk_size": DISK_FLOOR_GB + 2 * run.host_memory_gib, "ports": SERVICE_PORT,
    }
    return stated | (wanted[0] if len(wanted) == 1 else {"any_of": wanted})


def _engine_lines(run: EngineRun) -> list[str]:
    """Start each replica on its own GPUs, as the engine's user, where only the node itself reaches it.

    Raises:
        InputError: the catalog does not say how the engine is told the address to listen on.
    """
    if not any(LOOPBACK in word for word in run.command(MODEL, FIRST_ENGINE_PORT, LOOPBACK)):
        raise InputError([Fault("serving.yaml", f"{run.deployment.engine_id}.listen", repr(run.serving.listen),
                                "flags with {host} and {port}: the engine must listen behind the gate alone")])
    visible = "CUDA_VISIBLE_DEVICES" if run.gpu.vendor == "nvidia" else "ROCR_VISIBLE_DEVICES"
    model = f'"${run.model_variable}"' if run.checkpoint is None else shlex.quote(run.checkpoint)
    lines = []
    for number in range(run.replicas_per_node):
        first = number * run.deployment.gpu_count
        ids = ",".join(str(first + index) for index in range(run.deployment.gpu_count))
        stated = [f"{key}={value}" for key, value in {**run.environment, visible: ids}.items()]
        words = [model if word == MODEL else shlex.quote(word)
                 for word in run.command(MODEL, FIRST_ENGINE_PORT + number, LOOPBACK)]
        lines.append(f"as_user {shlex.join(stated)} {' '.join(words)} &")
    return lines


def run_script(run: EngineRun) -> str:
    """Write what a node runs: its replicas, and the gate before them; none as root."""
    user, group = run.serving.user.split(":")
    settings = [f"as_root install -D -m 0644 ~/inference/settings.yaml {SETTINGS}"] if run.settings else []
    return "\n".join([
        "set -euo pipefail",
        'as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }',
        f"as_user() {{ as_root setpriv --reuid={user} --regid={group} --clear-groups env \"PATH=$PATH\" "
        f'"LD_LIBRARY_PATH=${{LD_LIBRARY_PATH:-}}" "HF_TOKEN_PATH={OWN}/hf_token" "$@"; }}',
        f"as_root install -d -m 0700 -o {user} -g {group} {OWN} {CACHE}", *settings,
        f"as_root install -m 0600 -o {user} -g {group} ~/inference/gate.conf {OWN}/gate.conf",
        'case "$API_KEY" in ""|*[!A-Za-z0-9._~+/=-]*)',
        '  echo "API_KEY: letters, digits and ._~+/=- only" >&2; exit 1;; esac',
        # printf is the shell's own, and files come before what they hold: no secret is seen in a list of processes
        f"as_root install -m 0600 -o {user} -g {group} /dev/null {OWN}/api_keys",
        f"as_root install -m 0600 -o {user} -g {group} /dev/null {OWN}/hf_token",
        f"printf '\"Bearer %s\" 1;\\n' \"$API_KEY\" | as_root tee {OWN}/api_keys > /dev/null",
        f"printf '%s' \"${{HF_TOKEN:-}}\" | as_root tee {OWN}/hf_token > /dev/null",
        "unset API_KEY HF_TOKEN",
        *_engine_lines(run),
        f"as_user nginx -c {OWN}/gate.conf -g 'daemon off;' &",
        "wait -n",
    ]) + "\n"


def service_yaml(run: EngineRun, environment: Environment) -> str:
    """Write the service file of one deployment."""
    mounts = {"~/inference/gate.conf": f"./{run.name}.gate.conf"}
    if run.settings:
        mounts["~/inference/settings.yaml"] = f"./{run.name}.settings.yaml"
    envs: dict[str, str | None] = {} if run.checkpoint is not None else {run.model_variable: None}
    task: dict[str, Any] = {
        "name": run.name,
        "service": {
            "readiness_probe": {"path": HEALTH, "initial_delay_seconds": START_UP_S, "timeout_seconds": 15},
            "replicas": run.deployment.nodes, "load_balancing_policy": "least_load",
            "tls": {"keyfile": "./secrets/tls_key", "certfile": "./secrets/tls_crt"},
        },
        "resources": resources(run, environment),
        **({"envs": envs} if envs else {}),
        "secrets": {"API_KEY": None, "HF_TOKEN": ""},
        "file_mounts": mounts,
        "setup": "if [ \"$(id -u)\" = 0 ]; then apt-get update && apt-get install -y nginx-light; "
                 "else sudo apt-get update && sudo apt-get install -y nginx-light; fi\n",
        "run": run_script(run),
    }
    return dump(task, comment=one_line(f"{run.node.count} x {run.node.offer_id} ({run.node.provider}, "
                                       f"{run.node.region})"))


def endpoint_variable(run: EngineRun) -> str:
    """Return the variable that holds a service's endpoint."""
    return variable("endpoint", run.name)


def balancer_conf(environment: Environment, running: RunningSlot | None = None) -> str:
    """Write the load balancer's template: each deployment weighs its share of its service.

    An endpoint stands for all replicas of a deployment, so that its weight is right while all of them run, or none.

    Args:
        running: the replicas that the weights are for; None for all of them.
    """
    pools, upstreams = pools_of(environment), []
    for pool in pools:
        shares = [share if running is None else running.shares[run.name] for run, share in pool.shares]
        found = weights(shares if any(shares) else [share for _, share in pool.shares])
        upstreams.append(Upstream(pool.upstream, tuple(
            Server(f"${{{endpoint_variable(run)}}}", weight)
            for (run, _), weight in zip(pool.shares, found, strict=True))))
    return nginx_conf(tuple(upstreams), (Listener(GATE_PORT, routes_of(pools)),), None, AUTHORITY)


def balancer_confs(environment: Environment) -> dict[str, str]:
    """Write `balancer.conf`, and `hours/NNN.conf` for slots in which one of several deployments runs in part.

    NNN is the first hour of the slot, of the day from midnight or of the week from Monday 00:00.
    """
    most = {run.name: run.deployment.replicas for run in environment.runs}
    partly = [slot for slot in slots_of(environment)
              if any(0 < count < most[name] and slot.shares[name] < 1 for name, count in slot.replicas.items())]
    return {"balancer.conf": balancer_conf(environment)} | {
        f"hours/{slot.hours[0]:03d}.conf": balancer_conf(environment, slot) for slot in partly}


def scrape_jobs(environment: Environment) -> list[dict[str, Any]]:
    """Scrape every replica at the addresses that stand in a file, for SkyServe gives out new ones."""
    return [
        {"job_name": f"{run.name}-replica-{number}", "metrics_path": f"/replica-{number}/metrics",
         "authorization": {"credentials_file": "/run/secrets/metrics_key"},
         "file_sd_configs": [{"files": [f"/etc/prometheus/targets/{run.name}.yml"]}],
         "relabel_configs": [{"target_label": key, "replacement": value} for key, value in labels_of(run).items()]}
        for run in environment.runs for number in range(run.replicas_per_node)]


def skypilot_files(environment: Environment) -> dict[str, str]:
    """Write everything for SkyPilot: path -> text."""
    files: dict[str, str] = {}
    for run in environment.runs:
        addresses = [f"127.0.0.1:{FIRST_ENGINE_PORT + number}" for number in range(run.replicas_per_node)]
        files[f"services/{run.name}.yaml"] = service_yaml(run, environment)
        files[f"services/{run.name}.gate.conf"] = gate_conf(run, addresses, None, SERVICE_PORT, False,
                                                            f"{OWN}/api_keys")
        if run.settings:
            files[f"services/{run.name}.settings.yaml"] = dump(run.settings)
        files[f"balancer/targets/{run.name}.yml"] = dump([{"targets": []}])
    hosts = {run.name: endpoint_variable(run) for run in environment.runs}
    compose = balancer_compose(environment, hosts, template=True)
    compose["services"]["prometheus"]["volumes"].append("./targets:/etc/prometheus/targets:ro")
    balancer = {
        "compose.yaml": dump(compose), **balancer_confs(environment),
        ".env.example": "".join(f"{name}=\n" for name in hosts.values()) + "PORT=443\n",
        **monitoring_files(environment, scrape_jobs(environment)),
    }
    return files | {f"balancer/{path}": text for path, text in balancer.items()}
