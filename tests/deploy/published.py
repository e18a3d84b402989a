"""The published rules that exported files are held against, each from a package that carries them."""

from __future__ import annotations

import functools
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane
import jsonschema
import kubernetes_validate
import promql_parser
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from tests.deploy.custom import assert_custom, is_custom

COMPOSE = jsonschema.Draft7Validator(get_builtin_schema("vendor.compose-spec"))
KUBERNETES = kubernetes_validate.latest_version()
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

KUSTOMIZE = "kustomize.config.k8s.io/"

MAP_BODY = """    map $http_authorization $let_in {
        default 0;
        include """

TEMPLATE = re.compile(r"\$\{[A-Z0-9_]+\}")


def documents(text: str) -> list[Any]:
    return list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def assert_compose(text: str) -> dict[str, Any]:
    """Hold a compose file against the compose specification's schema, and every name in it against what it defines."""
    (data,) = documents(text)
    COMPOSE.validate(data)
    for service in data["services"].values():
        assert {one["source"] for one in service.get("configs", ())} <= set(data["configs"])
        assert set(service.get("secrets", ())) <= set(data["secrets"])
        assert set(service.get("depends_on", ())) <= set(data["services"])
    return dict(data)


def assert_kubernetes(text: str) -> list[dict[str, Any]]:
    """Hold manifests against the Kubernetes OpenAPI schemas, and custom resources against theirs; no key unknown."""
    found = documents(text)
    for one in found:
        assert_object(one)
    return found


def assert_object(one: dict[str, Any]) -> None:
    """Hold one object against what defines it; kustomizations are held by `kubectl kustomize`."""
    if is_custom(one):
        assert_custom(one)
    elif not one["apiVersion"].startswith(KUSTOMIZE):
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


def assert_nginx(text: str) -> list[str]:
    """Hold a configuration against nginx's grammar and directives; return the servers of its upstreams."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nginx.conf"
        assert text.count(MAP_BODY) == 1  # crossplane knows no contents of a map
        path.write_text(TEMPLATE.sub("host:1", text.replace("        default 0;\n", "")), encoding="utf-8")
        payload = crossplane.parse(str(path), single=True, strict=True, check_ctx=True, check_args=True)
    assert payload["status"] == "ok", payload["errors"]

    def servers(block: list[dict[str, Any]]) -> Iterator[str]:
        for statement in block:
            if statement["directive"] == "upstream":
                yield from (" ".join(inner["args"]) for inner in statement["block"] if inner["directive"] == "server")
            else:
                yield from servers(statement.get("block", []))

    return list(servers(payload["config"][0]["parsed"]))


def metrics_in(expression: str) -> set[str]:
    """Parse an expression of PromQL and return the metrics that it reads."""
    promql_parser.parse(expression)
    found = re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def expressions(rules: str, dashboard: str) -> list[str]:
    """List what alerts and panels ask for."""
    (data,) = documents(rules)
    asked = [rule["expr"] for group in data["groups"] for rule in group["rules"]]
    return asked + [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel.get("targets", ())]
