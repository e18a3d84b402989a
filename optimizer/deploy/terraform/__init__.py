"""Terraform: the nodes of the plan as node groups of clusters at AWS, Google Cloud and Azure."""

from optimizer.deploy.terraform.files import terraform_files

__all__ = ["terraform_files"]
