"""Helm: a chart that is the same for every plan, with the plan in its values; values for charts of others."""

from optimizer.deploy.helm.files import helm_files

__all__ = ["helm_files"]
