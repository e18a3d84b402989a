"""A saved plan held against today's problem and catalog, and two plans held against each other."""

from optimizer.replay.difference import Difference, difference
from optimizer.replay.replayed import Replay, replay

__all__ = ["Difference", "Replay", "difference", "replay"]
