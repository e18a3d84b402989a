"""The llm-inferno optimizer's instances: servers with targets, on accelerators of limited number."""

from optimizer.referee.inferno.judge import judge

__all__ = ["judge"]
