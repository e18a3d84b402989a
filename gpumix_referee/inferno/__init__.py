"""The llm-inferno optimizer's instances: servers with targets, on accelerators of limited number."""

from gpumix_referee.inferno.judge import judge

__all__ = ["judge"]
