"""Step 7: every plan that no other beats in both cost and a promise, each proven."""

from optimizer.frontier.picks import Pick, picks
from optimizer.frontier.points import Frontier, FrontierPoint
from optimizer.frontier.walk import AXES, single_gpu_curves, trace_frontier

__all__ = ["AXES", "Frontier", "FrontierPoint", "Pick", "picks", "single_gpu_curves", "trace_frontier"]
