"""Docker Compose: a file for each deployment, started on each of its nodes, and one for load balancer and metrics."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.dashboard import PROVISIONED_DASHBOARDS, PROVISIONED_DATASOURCE, dashboard_json
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import CACHE, SETTINGS, EngineRun, Environment
from optimizer.deploy.metrics import ALERTMANAGER_PORT, alert_rules, alertmanager_config, labels_of, prometheus_config
from optimizer.deploy.names import variable
from optimizer.deploy.nginx import (
    HEALTH,
    Listener,
    Route,
    Server,
    Upstream,
    nginx_conf,
    weights,
)
from optimizer.deploy.pools import pools_of, routes_of
from optimizer.loadtest.starting import MODEL

GATE_PORT = 8443
METRICS_PORT = 9113
"""Where the load balancer hands on the nodes' metrics, inside its own network."""

PIDS = 8192
AUTHORITY = "/run/secrets/node_ca"
TOKEN = "/run/secrets/hf_token"

HARDENED: dict[str, Any] = {
    "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "restart": "unless-stopped"}
SMALL: dict[str, Any] = {"resources": {"limits": {"cpus": "2", "memory": "2G", "pids": 512}}}
"""Load balancer, metrics and dashboard take little."""


def secrets(*names: str) -> dict[str, Any]:
    """Name secrets that lie in files beside the compose file."""
    return {name: {"file": f"./secrets/{name}"} for name in names}


def node_names(run: EngineRun) -> list[str]:
    """Name the nodes of a deployment."""
    return [f"{run.name}-node-{number}" for number in range(1, run.deployment.nodes + 1)]


def _checkpoint(run: EngineRun) -> str:
    """Write the checkpoint for a compose file: its name, or the variable that must hold it."""
    if run.checkpoint is None:
        return f"${{{run.model_variable}:?name a checkpoint}}"
    return literal(run.checkpoint)


def literal(text: str) -> str:
    """Write a text so that Compose puts nothing in.

    >>> literal("a$b")
    'a$$b'
    """
    return text.replace("$", "$$")


def _gpus(run: EngineRun, number: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return what gives a replica its GPUs: deploy reservations, service keys, variables."""
    first = number * run.deployment.gpu_count
    ids = [str(first + index) for index in range(run.deployment.gpu_count)]
    if run.gpu.vendor == "nvidia":
        device = {"driver": "nvidia", "device_ids": ids, "capabilities": ["gpu"]}
        return {"reservations": {"devices": [device]}}, {}, {}
    keys = {"devices": ["/dev/kfd", "/dev/dri"], "group_add": ["video", "render"]}
    return {}, keys, {"ROCR_VISIBLE_DEVICES": ",".join(ids)}


def engine_service(run: EngineRun, number: int) -> dict[str, Any]:
    """Write one replica."""
    reserved, keys, visible = _gpus(run, number)
    words = [_checkpoint(run) if word == MODEL else literal(word) for word in run.command(MODEL)]
    limits = {"memory": f"${{ENGINE_MEMORY:-{run.host_memory_gib}G}}", "pids": PIDS}
    service: dict[str, Any] = {
        "image": run.image, "entrypoint": [], "command": words, "user": run.serving.user,
        "environment": {**{key: literal(value) for key, value in run.environment.items()}, "HF_TOKEN_PATH": TOKEN,
                        **visible},
        "volumes": [{"type": "bind", "source": "${MODEL_DIR:?a folder that the engine's user may write}",
                     "target": CACHE}],
        "tmpfs": ["/tmp"], "shm_size": f"{run.serving.shared_memory_gib:g}gb",
        "ulimits": {"memlock": -1, "stack": 67108864}, "secrets": ["hf_token"], **keys, **HARDENED,
        "deploy": {"resources": {"limits": limits, **reserved}},
        "healthcheck": {
            "test": ["CMD", "curl", "-fsS", f"http://127.0.0.1:{run.serving.port}{run.serving.health_path}"],
            "interval": "15s", "timeout": "10s", "retries": 4, "start_period": "30m"},
    }
    if run.settings:
        service["configs"] = [{"source": "settings", "target": SETTINGS}]
    return service


def gate_conf(run: EngineRun, addresses: list[str], resolver: str | None, listener_port: int, secure: bool,
              keys: str) -> str:
    """Write the gate of a node: TLS and API keys before its replicas, which share the requests evenly.

    Args:
        addresses: host and port of each replica.
        secure: whether it speaks TLS itself.
        keys: file of the keys that are let in.
    """
    upstreams = [Upstream("engines", tuple(Server(address, resolve=resolver is not None) for address in addresses))]
    upstreams += [Upstream(f"replica-{index}", (Server(address, resolve=resolver is not None),))
                  for index, address in enumerate(addresses)]
    routes = [Route("/v1/", "engines", "/v1/"), Route(HEALTH, "engines", run.serving.health_path, keyed=False)]
    routes += [Route(f"/replica-{index}/metrics", f"replica-{index}", run.serving.metrics_path)
               for index in range(len(addresses))]
    return nginx_conf(tuple(upstreams), (Listener(listener_port, tuple(routes), secure),), resolver, None, keys)


def nginx_service(image: str, user: str, config: str) -> dict[str, Any]:
    """Write nginx with one of the file's configurations."""
    return {
        "image": image, "user": user, "read_only": True, "tmpfs": ["/tmp"],
        "configs": [{"source": config, "target": "/etc/nginx/nginx.conf"}], **HARDENED, "deploy": SMALL,
        "healthcheck": {"test": ["CMD", "curl", "-fsSk", f"https://127.0.0.1:{GATE_PORT}{HEALTH}"],
                        "interval": "15s", "timeout": "5s", "retries": 4, "start_period": "30m"},
    }


def node_compose(run: EngineRun, environment: Environment) -> dict[str, Any]:
    """Write the compose file of one node."""
    engines = {f"engine-{number}": engine_service(run, number) for number in range(run.replicas_per_node)}
    companion = environment.companions["load_balancer"]
    gate = nginx_service(companion.image, companion.user, "gate") | {
        "ports": [f"${{NODE_ADDRESS:-0.0.0.0}}:{GATE_PORT}:{GATE_PORT}"],
        "secrets": ["api_keys", "tls_crt", "tls_key"],
        "depends_on": {name: {"condition": "service_started"} for name in engines},
    }
    configs = {"gate": {"file": "./gate.conf"}}
    if run.settings:
        configs["settings"] = {"file": "./settings.yaml"}
    return {"name": run.name, "services": {**engines, "gate": gate}, "configs": configs,
            "secrets": secrets("api_keys", "tls_crt", "tls_key", "hf_token")}


def node_files(run: EngineRun, environment: Environment) -> dict[str, str]:
    """Write the files of one deployment's nodes."""
    addresses = [f"engine-{number}:{run.serving.port}" for number in range(run.replicas_per_node)]
    variables = {"MODEL_DIR": "", "NODE_ADDRESS": "0.0.0.0", "ENGINE_MEMORY": f"{run.host_memory_gib}G"}
    if run.checkpoint is None:
        variables[run.model_variable] = ""
    files = {
        "compose.yaml": dump(node_compose(run, environment)),
        "gate.conf": gate_conf(run, addresses, "127.0.0.11", GATE_PORT, True, "/run/secrets/api_keys"),
        ".env.example": "".join(f"{key}={value}\n" for key, value in variables.items()),
    }
    if run.settings:
        files["settings.yaml"] = dump(run.settings)
    return {f"nodes/{run.name}/{name}": text for name, text in files.items()}


def balancer_conf(environment: Environment) -> str:
    """Write the load balancer: each node weighs what it carries of its service."""
    pools, upstreams = pools_of(environment), []
    for pool in pools:
        found = weights([share / run.deployment.nodes for run, share in pool.shares])
        upstreams.append(Upstream(pool.upstream, tuple(
            Server(f"{node}:{GATE_PORT}", weight) for (run, _), weight in zip(pool.shares, found, strict=True)
            for node in node_names(run))))
    metrics = [Route(f"/{node}/replica-{number}", f"{node}:{GATE_PORT}", f"/replica-{number}/metrics", keyed=False)
               for run in environment.runs for node in node_names(run) for number in range(run.replicas_per_node)]
    listeners = (Listener(GATE_PORT, routes_of(pools)), Listener(METRICS_PORT, tuple(metrics), secure=False))
    return nginx_conf(tuple(upstreams), listeners, None, AUTHORITY)


def scrape_jobs(environment: Environment) -> list[dict[str, Any]]:
    """Scrape every replica by way of the load balancer, which alone knows the nodes' addresses."""
    return [
        {"job_name": f"{node}-replica-{number}", "metrics_path": f"/{node}/replica-{number}",
         "authorization": {"credentials_file": "/run/secrets/metrics_key"},
         "static_configs": [{"targets": [f"balancer:{METRICS_PORT}"],
                             "labels": {**labels_of(run), "replica": f"{node}-{number}"}}]}
        for run in environment.runs for node in node_names(run) for number in range(run.replicas_per_node)]


def balancer_compose(environment: Environment, hosts: dict[str, str], template: bool = False) -> dict[str, Any]:
    """Write the compose file of load balancer, Prometheus and Grafana.

    Args:
        hosts: name -> variable of its address; or, for a template, the variables that nginx puts in itself.
        template: whether balancer.conf holds variables.
    """
    parts = environment.companions
    balancer = nginx_service(parts["load_balancer"].image, parts["load_balancer"].user, "balancer")
    balancer |= {"ports": [f"${{PORT:-443}}:{GATE_PORT}"], "secrets": ["api_keys", "tls_crt", "tls_key", "node_ca"]}
    if template:
        balancer["configs"] = [{"source": "balancer", "target": "/etc/nginx/templates/nginx.conf.template"}]
        balancer["command"] = ["nginx", "-c", "/tmp/nginx.conf", "-g", "daemon off;"]
        balancer["environment"] = {"NGINX_ENVSUBST_OUTPUT_DIR": "/tmp", "NGINX_ENVSUBST_FILTER": "^ENDPOINT_",
                                   **{name: asked(name) for name in hosts.values()}}
    else:
        balancer["extra_hosts"] = {name: asked(address) for name, address in hosts.items()}
    prometheus = {
        "image": parts["prometheus"].image, "user": parts["prometheus"].user, "read_only": True, "tmpfs": ["/tmp"],
        "command": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus",
                    "--storage.tsdb.retention.time=30d"],
        "configs": [{"source": "prometheus", "target": "/etc/prometheus/prometheus.yml"},
                    {"source": "alerts", "target": "/etc/prometheus/alerts.yml"}],
        "secrets": ["metrics_key"], "volumes": ["prometheus:/prometheus"], **HARDENED, "deploy": SMALL,
        "healthcheck": _wget("http://127.0.0.1:9090/-/healthy"),
    }
    grafana = {
        "image": parts["grafana"].image, "user": parts["grafana"].user,
        "environment": {"GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/grafana_password",
                        "GF_USERS_ALLOW_SIGN_UP": "false", "GF_ANALYTICS_REPORTING_ENABLED": "false"},
        "configs": [{"source": source, "target": f"/etc/grafana/{target}"} for source, target in (
            ("datasource", "provisioning/datasources/datasource.yaml"),
            ("dashboards", "provisioning/dashboards/dashboards.yaml"), ("dashboard", "dashboards/dashboard.json"))],
        "secrets": ["grafana_password"], "volumes": ["grafana:/var/lib/grafana"], "ports": ["127.0.0.1:3000:3000"],
        **HARDENED, "deploy": SMALL, "healthcheck": _wget("http://127.0.0.1:3000/api/health"),
    }
    alertmanager = {
        "image": parts["alertmanager"].image, "user": parts["alertmanager"].user, "read_only": True, "tmpfs": ["/tmp"],
        "command": ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
        "configs": [{"source": "alertmanager", "target": "/etc/alertmanager/alertmanager.yml"}],
        "secrets": ["alert_webhook"], "volumes": ["alertmanager:/alertmanager"], **HARDENED, "deploy": SMALL,
        "healthcheck": _wget(f"http://127.0.0.1:{ALERTMANAGER_PORT}/-/healthy"),
    }
    files = {"balancer": "balancer.conf", "prometheus": "prometheus.yml", "alerts": "alerts.yml",
             "alertmanager": "alertmanager.yml", "datasource": "grafana/datasource.yaml",
             "dashboards": "grafana/dashboards.yaml", "dashboard": "grafana/dashboard.json"}
    return {
        "name": f"{environment.name}-balancer",
        "services": {"balancer": balancer, "prometheus": prometheus, "grafana": grafana,
                     "alertmanager": alertmanager},
        "configs": {name: {"file": f"./{path}"} for name, path in files.items()},
        "secrets": secrets("api_keys", "tls_crt", "tls_key", "node_ca", "metrics_key", "grafana_password",
                           "alert_webhook"),
        "volumes": {"prometheus": {}, "grafana": {}, "alertmanager": {}},
    }


def asked(name: str) -> str:
    """Write a variable that has to be set."""
    return f"${{{name}:?its address}}"


def _wget(url: str) -> dict[str, Any]:
    return {"test": ["CMD", "wget", "-q", "-O", "/dev/null", url], "interval": "15s", "timeout": "5s", "retries": 4}


def monitoring_files(environment: Environment, jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Write what Prometheus and Grafana read."""
    return {
        "prometheus.yml": dump(prometheus_config(jobs)),
        "alerts.yml": dump(alert_rules(environment)),
        "alertmanager.yml": dump(alertmanager_config("/run/secrets/alert_webhook")),
        "grafana/datasource.yaml": dump(PROVISIONED_DATASOURCE),
        "grafana/dashboards.yaml": dump(PROVISIONED_DASHBOARDS),
        "grafana/dashboard.json": dashboard_json(environment),
    }


def compose_files(environment: Environment) -> dict[str, str]:
    """Write everything for Docker Compose: path -> text."""
    files = {path: text for run in environment.runs for path, text in node_files(run, environment).items()}
    hosts = {node: variable(node) for run in environment.runs for node in node_names(run)}
    balancer = {
        "compose.yaml": dump(balancer_compose(environment, hosts)),
        "balancer.conf": balancer_conf(environment),
        ".env.example": "".join(f"{name}=\n" for name in hosts.values()) + "PORT=443\n",
        **monitoring_files(environment, scrape_jobs(environment)),
    }
    return files | {f"balancer/{path}": text for path, text in balancer.items()}
