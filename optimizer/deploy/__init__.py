"""The inference environment that a plan describes, as files: engines, load balancer, metrics, dashboard, alerts."""

from optimizer.deploy.environment import Environment, environment_of
from optimizer.deploy.targets import TARGETS, files_of

__all__ = ["TARGETS", "Environment", "environment_of", "files_of"]
