"""The cheapest nodes by the hour for one interactive service, exactly and without a solver, as the hours fall apart.

Once the standing nodes are chosen, each period buys the cheapest nodes for the rest of its demand, whatever the others
do. Without losses only what the standing nodes carry together counts, so two staircases hold every optimum:

    cost = min over R of  hours x standing(R) + sum over periods of weight x hourly(D - R)

After any k lost nodes, a period's nodes carry D if for some level t sum min(C, t) u >= D + k t. Each level has a
staircase of its own, and standing nodes are sets, counted out within the bound that the staircases give.

Rules that look at several periods or at single nodes are left out: if the optimum keeps them all the same, it is the
optimum under them too; if not, its cost is a bound for the strategies after this one.
"""

from __future__ import annotations

from optimizer.question.question import Question
from optimizer.question.reduce import without_dear_supplies
from optimizer.strategies.found import Effort
from optimizer.strategies.keeps import keeps_rules
from optimizer.strategies.lone import LARGEST_COST, lone_of
from optimizer.strategies.search import Found


def by_staircase(question: Question, effort: Effort, reduce: bool = True) -> Found:
    """Find the cheapest nodes, of fewest node-hours among equals; what breaks a rule left out is a bound alone."""
    if not reduce:
        return Found("unknown", question)
    best = Found("unknown", question) if question.lose_nodes else _cheapest(question)
    if best.status == "unknown":
        best = _cheapest(without_dear_supplies(question))
    if best.cost is None:
        return best
    if question.budget is not None and best.cost > question.budget:
        return Found("infeasible", question, method="staircase")
    return best if keeps_rules(best.question, best.nodes) else Found("unknown", question, bound=best.cost)


def _cheapest(question: Question) -> Found:
    """Return the cheapest nodes under the rules that are not left out; `unknown` where the staircases give up."""
    from optimizer.strategies.standing import cheapest_of  # numpy takes a while to import

    lone = lone_of(question)
    if lone is None or lone.hours * sum(kind.price * kind.most for kind in lone.kinds) >= LARGEST_COST:
        return Found("unknown", question)
    if any(kind.held > kind.most for kind in lone.kinds):
        return Found("infeasible", question)
    return cheapest_of(lone)
