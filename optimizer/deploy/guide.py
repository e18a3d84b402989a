"""The README of an exported folder: what it runs, what has to be supplied, how it is started."""

from __future__ import annotations

from optimizer.deploy.cluster.guides import STEPS as CLUSTER_STEPS
from optimizer.deploy.cluster.guides import TITLES as CLUSTER_TITLES
from optimizer.deploy.cluster.objects import MODELS
from optimizer.deploy.compose import GATE_PORT, node_names
from optimizer.deploy.environment import HOST_MEMORY_FACTOR, HOST_MEMORY_FLOOR_GIB, EngineRun, Environment
from optimizer.deploy.following import following_lines
from optimizer.deploy.metrics import unwatched
from optimizer.deploy.names import cell, one_line
from optimizer.deploy.nginx import KEY_ADVICE
from optimizer.deploy.pools import pools_of, standing_in
from optimizer.deploy.schedule import cycle_hours, hours_text, slots_of
from optimizer.deploy.skypilot import SERVICE_PORT, balancer_confs, endpoint_variable, infra
from optimizer.deploy.terraform.guide import steps as terraform_steps
from optimizer.deploy.testing import load_test_lines


def guide(environment: Environment, target: str) -> str:
    """Write the README of a target."""
    plan, inputs = environment.plan, environment.plan.inputs
    parts = [
        [f"# {environment.name}", "",
         f"The inference environment of the plan for `{plan.problem}`, for {TITLES[target]}. Written by gpumix "
         f"{inputs.gpumix_version} from problem {inputs.problem_sha256[:12]} and catalog {inputs.catalog_sha256[:12]}; "
         "change the problem and export again rather than these files."],
        _tables(environment), _hours(environment), following_lines(environment),
        _checkpoints(environment, target), STEPS[target](environment),
        *((load_test_lines(environment, target), _notes(environment)) if target != "terraform" else ()),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _tables(environment: Environment) -> list[str]:
    share = "share" if not cycle_hours(environment.plan) else "share in its busiest hour"
    lines = ["## What runs", "",
             f"| deployment | service | nodes | replicas | engine | precision | GPUs a replica | sequences | {share} |",
             "|---|---|---|---|---|---|---|---|---|"]
    for run in environment.runs:
        one = run.deployment
        lines.append(
            f"| {run.name} | {cell(one.service_id)} | {one.nodes} x {cell(one.offer_id)} | {one.replicas} | "
            f"{one.engine_id} | {one.precision} | {one.gpu_count} x {run.gpu.gpu_id} | {one.concurrency_per_replica} | "
            f"{one.load_fraction:.1%} |")
    lines += ["", "| service | reached at | promise |", "|---|---|---|"]
    for pool in pools_of(environment):
        service = pool.service
        promised = [f"{service.target_tokens_per_s:g} tokens/s a user"] if service.target_tokens_per_s else []
        promised += [f"TTFT {service.ttft_limit_ms:g} ms"] if service.ttft_limit_ms else []
        promised += [f"whole response {service.e2e_limit_ms:g} ms"] if service.e2e_limit_ms else []
        what = f"{service.service_id}, requests of {pool.what}" if pool.what else service.service_id
        lines.append(f"| {cell(what)} | {' and '.join(pool.paths)} | {', '.join(promised) or 'throughput only'} |")
    return lines


def _hours(environment: Environment) -> list[str]:
    """Write which replicas run in which hours, and what part of their service's requests they get."""
    cycle = cycle_hours(environment.plan)
    if not cycle:
        return []
    names = [run.name for run in environment.runs]
    lines = ["## Hour by hour", "",
             "Replicas of each deployment, in brackets their share of the service's requests: what the balancer's "
             "weights send there while these replicas run, so that none gets more than it carries. `schedule.json` "
             "says the same to programs.", "",
             f"| hours | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for slot in slots_of(environment):
        cells = (f"{slot.replicas[name]} ({slot.shares[name]:.1%})" if slot.replicas[name] else "0" for name in names)
        lines.append(f"| {hours_text(slot.hours, cycle)} | {' | '.join(cells)} |")
    return lines


def _checkpoints(environment: Environment, target: str) -> list[str]:
    if not environment.unnamed or target == "terraform":
        return []
    how = {"compose": "as that variable in the node's `.env`",
           "skypilot": "with `--env VARIABLE=NAME`"}.get(target, f"as that key of the ConfigMap `{MODELS}`")
    lines = ["## Checkpoints to name", "",
             "The catalog knows no checkpoint that the engine loads in the precision of the plan. Name one "
             f"{how}, or export again with `--checkpoint SERVICE=NAME`.", "",
             "| deployment | name it as | wanted |", "|---|---|---|"]
    for run in environment.unnamed:
        key = run.name if target in CLUSTER_STEPS else run.model_variable
        lines.append(f"| {run.name} | {key} | {cell(run.wanted)} |")
    return lines


def _notes(environment: Environment) -> list[str]:
    memory = f"{HOST_MEMORY_FACTOR:g} x its weights + {HOST_MEMORY_FLOOR_GIB} GiB"
    notes = [f"Host memory of a replica is assumed: {memory}."]
    if cycle_hours(environment.plan):
        notes.append("The plan starts and stops nodes by the hour. These files hold the most of each deployment at one "
                     "time; what starts and stops them by `schedule.json` is yours, early enough to load a model.")
    if any(service.routing for _, service in environment.services):
        notes.append("Request classes are routed apart: a client chooses the path of its request's lengths.")
    notes += [f"{run.name} gets no requests: it stands in for nodes that are lost, by hand."
              for run in standing_in(environment)]
    notes += unwatched(environment)
    seen: dict[str, EngineRun] = {run.deployment.engine_id: run for run in environment.runs}
    for engine_id, run in seen.items():
        name = "the service as their model" if "{name}" in run.serving.container_flags else "the checkpoint"
        notes.append(f"Clients name {name}: {engine_id} answers under that name.")
    notes += [f"{engine_id} ({run.image}): {one_line(run.serving.notes)}."
              for engine_id, run in seen.items() if run.serving.notes]
    notes += [f"Flags, image and metrics of {engine_id} as of {run.serving.as_of}: "
              f"{' , '.join(run.serving.source_url.split(' ; '))}" for engine_id, run in seen.items()]
    return ["## What this rests on", "", *(f"- {note}" for note in notes)]


def _users(environment: Environment) -> str:
    users = sorted({run.serving.user for run in environment.runs})
    return ", ".join(users)


def _compose(environment: Environment) -> list[str]:
    nginx = environment.companions["load_balancer"].user
    lines = [
        "## Start", "",
        "On every node (NVIDIA Container Toolkit installed), copy the folder of its deployment and in it:", "",
        f"1. `secrets/api_keys`: a line `\"Bearer KEY\" 1;` for each key that is let in (read by nginx, user {nginx}). "
        f"{KEY_ADVICE}",
        "2. `secrets/tls_crt`, `secrets/tls_key`: a certificate for the name `gpumix-node`.",
        "3. `secrets/hf_token`: a Hugging Face token, empty where the checkpoint is open.",
        f"4. `.env` after `.env.example`; `MODEL_DIR` must be writable by the engine's user ({_users(environment)}).",
        "5. `docker compose up -d`. Files in `secrets/` must be readable by the users that the containers run as.", "",
        "| deployment | start it on |", "|---|---|"]
    lines += [f"| nodes/{run.name} | {', '.join(node_names(run))} |" for run in environment.runs]
    return [*lines, "", *_balancer("the addresses of the nodes")]


def _balancer(addresses: str) -> list[str]:
    return [
        "In `balancer/`, on any machine that reaches them:", "",
        "1. `secrets/api_keys` (as above), `secrets/tls_crt` and `secrets/tls_key` for the name that users call,",
        "   `secrets/node_ca`: the authority that signed the nodes' certificate, `secrets/metrics_key`: one of the "
        "keys, bare,", "   `secrets/grafana_password`, `secrets/alert_webhook`: the webhook that alerts go to.",
        f"2. `.env` after `.env.example`: {addresses}.",
        f"3. `docker compose up -d`. Requests go to port 443 (inside {GATE_PORT}), dashboards to 127.0.0.1:3000.",
    ]


def _skypilot(environment: Environment) -> list[str]:
    lines = ["## Start", "", "In `services/`, with a certificate for the name `gpumix-node` in `secrets/tls_crt` and "
             "`secrets/tls_key`:", "", "```sh", "export API_KEY=... HF_TOKEN=..."]
    for run in environment.runs:
        named = "" if run.checkpoint is not None else f" --env {run.model_variable}=CHECKPOINT"
        lines.append(f"sky serve up -n {run.name} {run.name}.yaml --secret API_KEY --secret HF_TOKEN{named}")
    lines += ["```", ""]
    pools = [run for run in environment.runs if infra(run, environment).startswith("ssh/")]
    if pools:
        named = ", ".join(f"`{run.name}` ({run.node.count} x {cell(run.node.offer_id)})" for run in pools)
        lines += ["Machines that SkyPilot does not rent are node pools of `~/.sky/ssh_node_pools.yaml` (`sky ssh up`): "
                  f"{named}.", ""]
    confs = [path for path in balancer_confs(environment) if path != "balancer.conf"]
    if confs:
        lines += ["In some hours only some replicas of a deployment run beside another deployment. SkyServe has one "
                  "address for all of them, so the balancer needs other weights then: in the slot whose first hour is "
                  "NNN (`schedule.json`), put `balancer/hours/NNN.conf` in place of `balancer.conf` and restart the "
                  "balancer; in hours without a file `balancer.conf` is right.", ""]
    variables = ", ".join(endpoint_variable(run) for run in environment.runs)
    return [*lines, *_balancer(f"{variables} as HOST:PORT, from `sky serve status --endpoint NAME`"),
            f"4. In `targets/NAME.yml` the replicas' own addresses (HOST:{SERVICE_PORT}, from `sky serve status "
            "NAME`), for Prometheus.", "",
            "SkyServe's own container agent runs with the image's user; engines and gate give up root before they "
            "start. Between SkyServe's load balancer and a replica requests are not encrypted."]


STEPS = {"compose": _compose, "skypilot": _skypilot, "terraform": terraform_steps, **CLUSTER_STEPS}
TITLES = {"compose": "Docker Compose", "skypilot": "SkyPilot", "terraform": "Terraform", **CLUSTER_TITLES}
