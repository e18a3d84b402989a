"""A node group for each offer, as each cloud has it.

Arguments as the providers have them: hashicorp/aws 6.69.1, hashicorp/google and hashicorp/azurerm of October 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optimizer.deploy.cluster.engines import OFFER_LABEL
from optimizer.deploy.names import dns_name
from optimizer.deploy.terraform.hcl import Block, Expression

DISK_GB = 200
"""For images; checkpoints lie on claims of their own."""


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Nodes of one offer, as few and as many as the plan has at one time."""

    number: int
    """In the plan, from 1."""
    offer_id: str
    instance_type: str
    vendor: str
    region: str
    spot: bool
    fewest: int
    most: int

    @property
    def name(self) -> str:
        """A name that every cloud takes but Azure, which allows twelve letters and digits."""
        return dns_name(self.offer_id)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the nodes; GPU Feature Discovery adds its own."""
        return {OFFER_LABEL: dns_name(self.offer_id, 63)}

    @property
    def changes(self) -> bool:
        """Whether nodes come and go."""
        return self.fewest < self.most


@dataclass(frozen=True, slots=True)
class Cloud:
    """How one cloud is written."""

    provider: str
    version: str
    settings: Callable[[str], Block]
    """Region -> the provider's block."""
    variables: dict[str, tuple[str, str]]
    """Name -> type and what it is."""
    group: Callable[[NodeGroup], Block]


def _kept(group: NodeGroup, argument: str) -> tuple[Block, ...]:
    """Leave the number of nodes to the autoscaler, where nodes come and go."""
    kept = Block("lifecycle", arguments={"ignore_changes": [Expression(argument)]})
    return (kept,) if group.changes else ()


def _aws(group: NodeGroup) -> Block:
    """https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html: an AMI with NVIDIA's driver."""
    return Block("resource", ("aws_eks_node_group", group.name), {
        "cluster_name": Expression("var.cluster_name"), "node_group_name": group.name,
        "node_role_arn": Expression("var.node_role_arn"), "subnet_ids": Expression("var.subnet_ids"),
        "instance_types": [group.instance_type], "capacity_type": "SPOT" if group.spot else "ON_DEMAND",
        "ami_type": "AL2023_x86_64_NVIDIA", "disk_size": DISK_GB, "labels": group.labels,
    }, (Block("scaling_config", arguments={"desired_size": group.fewest if group.changes else group.most,
                                           "min_size": group.fewest, "max_size": group.most}),
        Block("taint", arguments={"key": f"{group.vendor}.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}),
        *_kept(group, "scaling_config[0].desired_size")))


def _google(group: NodeGroup) -> Block:
    """https://cloud.google.com/kubernetes-engine/docs/how-to/gpus: these machine types hold their GPUs."""
    scaling = Block("autoscaling", arguments={"total_min_node_count": group.fewest, "total_max_node_count": group.most,
                                              "location_policy": "ANY"})
    fixed: dict[str, Any] = {} if group.changes else {"node_count": group.most}
    taint = Block("taint", arguments={"key": f"{group.vendor}.com/gpu", "value": "present", "effect": "NO_SCHEDULE"})
    node = Block("node_config", arguments={"machine_type": group.instance_type, "spot": group.spot,
                                           "disk_size_gb": DISK_GB, "labels": group.labels}, blocks=(taint,))
    return Block("resource", ("google_container_node_pool", group.name), {
        "name": group.name, "cluster": Expression("var.cluster_name"), "location": Expression("var.location"),
        "node_locations": Expression("var.node_locations"), **fixed,
    }, (*((scaling,) if group.changes else ()), node))


def _azure(group: NodeGroup) -> Block:
    """https://learn.microsoft.com/azure/aks/use-nvidia-gpu: AKS installs NVIDIA's driver."""
    spot = {"priority": "Spot", "eviction_policy": "Delete", "spot_max_price": -1} if group.spot else {}
    bounds = {"auto_scaling_enabled": True, "min_count": group.fewest, "max_count": group.most} if group.changes else {}
    return Block("resource", ("azurerm_kubernetes_cluster_node_pool", group.name), {
        "name": f"gpu{group.number}", "kubernetes_cluster_id": Expression("var.kubernetes_cluster_id"),
        "vm_size": group.instance_type, "node_count": group.fewest if group.changes else group.most, **bounds, **spot,
        "os_disk_size_gb": DISK_GB, "vnet_subnet_id": Expression("var.subnet_id"), "node_labels": group.labels,
        "node_taints": [f"{group.vendor}.com/gpu=present:NoSchedule"],
    }, _kept(group, "node_count"))


CLOUDS = {
    "aws": Cloud("hashicorp/aws", ">= 6.0, < 7.0", lambda region: Block("provider", ("aws",), {"region": region}), {
        "cluster_name": ("string", "Name of the EKS cluster."),
        "node_role_arn": ("string", "ARN of the role that nodes take."),
        "subnet_ids": ("list(string)", "Subnets of the nodes, in zones that have the instance types."),
    }, _aws),
    "gcp": Cloud("hashicorp/google", ">= 7.0, < 9.0", lambda region: Block("provider", ("google",), {
        "project": Expression("var.project"), "region": region}), {
        "project": ("string", "Project of the GKE cluster."),
        "cluster_name": ("string", "Name of the GKE cluster."),
        "location": ("string", "Zone or region of the GKE cluster."),
        "node_locations": ("list(string)", "One zone that has the machine types: counts of nodes are for each zone."),
    }, _google),
    "azure": Cloud("hashicorp/azurerm", ">= 4.0, < 6.0", lambda region: Block("provider", ("azurerm",), {
        "subscription_id": Expression("var.subscription_id")}, (Block("features"),)), {
        "subscription_id": ("string", "Subscription of the AKS cluster."),
        "kubernetes_cluster_id": ("string", "Id of the AKS cluster."),
        "subnet_id": ("string", "Subnet of the nodes."),
    }, _azure),
}
"""Provider of the catalog -> how it is written."""
