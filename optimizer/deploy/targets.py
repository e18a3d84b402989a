"""What an environment is written for, and its whole folder."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.deploy.compose import compose_files
from optimizer.deploy.environment import Environment
from optimizer.deploy.guide import guide
from optimizer.deploy.helm import helm_files
from optimizer.deploy.kserve import kserve_files
from optimizer.deploy.kubernetes import kubernetes_files
from optimizer.deploy.kustomize import kustomize_files
from optimizer.deploy.places import by_place
from optimizer.deploy.schedule import schedule_files
from optimizer.deploy.skypilot import skypilot_files
from optimizer.deploy.terraform import terraform_files
from optimizer.errors import Fault, InputError

TARGETS: dict[str, Callable[[Environment], dict[str, str]]] = {
    "compose": compose_files,
    "kubernetes": by_place(kubernetes_files),
    "kustomize": by_place(kustomize_files),
    "helm": by_place(helm_files),
    "kserve": by_place(kserve_files),
    "skypilot": skypilot_files,
    "terraform": terraform_files,
}
"""Name -> what writes its files: path -> text."""


BY_NODE = ("compose", "skypilot")
"""Targets whose files are of a node each, with the replicas of one service."""


def files_of(environment: Environment, target: str) -> dict[str, str]:
    """Write all files of a target, in the order of their paths.

    Raises:
        InputError: the target cannot take what the plan asks for.
    """
    if environment.plan.sharing == "nodes" and target in BY_NODE:
        allowed = "none; --to kubernetes packs replicas onto shared nodes by the GPUs they ask for"
        raise InputError([Fault(environment.plan.problem, "sharing", f"nodes, for --to {target}", allowed)])
    files = {"README.md": guide(environment, target)} | schedule_files(environment) | TARGETS[target](environment)
    return dict(sorted(files.items()))
