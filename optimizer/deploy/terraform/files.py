"""The Terraform of a plan: a root module for each place at a cloud that is known here."""

from __future__ import annotations

from optimizer.deploy.environment import Environment
from optimizer.deploy.places import places_of
from optimizer.deploy.schedule import nodes_by_hour
from optimizer.deploy.terraform.groups import CLOUDS, Cloud, NodeGroup
from optimizer.deploy.terraform.hcl import Block, Expression, Names, hcl
from optimizer.errors import Fault, InputError
from optimizer.schema.plan import Node


def terraform_files(environment: Environment) -> dict[str, str]:
    """Write a module for each place, in a folder of its own where there are several: path -> text.

    Raises:
        InputError: no node of the plan is of a cloud that is known here, or an offer has no instance type.
    """
    modules = {place: part for place, part in places_of(environment).items() if part.runs[0].node.provider in CLOUDS}
    if not modules:
        found = ", ".join(sorted({run.node.provider for run in environment.runs}))
        raise InputError([Fault("options", "--to terraform", f"nodes of {found}", f"nodes of {', '.join(CLOUDS)}")])
    faults = [Fault("offers", f"{run.node.offer_id}.instance_type", "nothing", "the cloud's name of the machine")
              for part in modules.values() for run in part.runs if not run.instance_type]
    if faults:
        raise InputError(faults)
    several = len(places_of(environment)) > 1
    return {f"places/{place}/{path}" if several else path: text for place, part in modules.items()
            for path, text in _module(part).items()}


def elsewhere(environment: Environment) -> list[Node]:
    """List the nodes that no module makes: owned ones, and those of other providers."""
    found = {run.node.offer_id: run.node for run in environment.runs if run.node.provider not in CLOUDS}
    return list(found.values())


def _module(part: Environment) -> dict[str, str]:
    node = part.runs[0].node
    cloud = CLOUDS[node.provider]
    return {"main.tf": hcl([cloud.group(group) for group in groups_of(part)]),
            "providers.tf": hcl([cloud.settings(node.region)]), "variables.tf": hcl(_variables(cloud)),
            "versions.tf": hcl([_versions(cloud)])}


def groups_of(part: Environment) -> list[NodeGroup]:
    """List the node groups of one place."""
    found: dict[str, NodeGroup] = {}
    for run in part.runs:
        node = run.node
        counts = nodes_by_hour(part, node.offer_id) or [node.count]
        found[node.offer_id] = NodeGroup(
            len(found) + 1 if node.offer_id not in found else found[node.offer_id].number, node.offer_id,
            run.instance_type, run.gpu.vendor, node.region, node.kind == "spot", min(counts), node.count)
    return list(found.values())


def _variables(cloud: Cloud) -> list[Block]:
    return [Block("variable", (name,), {"description": what, "type": Expression(kind)})
            for name, (kind, what) in cloud.variables.items()]


def _versions(cloud: Cloud) -> Block:
    name = cloud.provider.rpartition("/")[2]
    required = Names({"source": cloud.provider, "version": cloud.version})
    return Block("terraform", (), {"required_version": ">= 1.5"}, (Block("required_providers", (), {name: required}),))
