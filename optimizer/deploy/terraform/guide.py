"""What the README says of Terraform."""

from __future__ import annotations

from optimizer.deploy.environment import Environment
from optimizer.deploy.names import cell
from optimizer.deploy.terraform.files import elsewhere


def steps(environment: Environment) -> list[str]:
    """Say how the nodes are made, and which are not made here."""
    lines = ["## Start", "",
             "These modules add the nodes of the plan to clusters that stand (EKS, GKE, AKS), one for each place. Each "
             "asks for the values in its `variables.tf`:", "", "```sh", "terraform init", "terraform apply", "```", "",
             "Nodes bear the label and the taint that the engines of `gpumix export --to kubernetes` (or `helm`, "
             "`kustomize`, `kserve`) ask for; run that on the same clusters next. Install the GPU vendor's device "
             "plugin and GPU Feature Discovery where the cloud does not.", "",
             "Reserved and committed nodes are ordinary machines here: buy the reservation of the plan by itself, and "
             "the bill is reduced by it."]
    nodes = elsewhere(environment)
    if nodes:
        lines += ["", "Not made here:", "", *(f"- {node.count} x {cell(node.offer_id)} ({cell(node.provider)})"
                                              for node in nodes)]
    return lines
