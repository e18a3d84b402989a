"""The cheapest answer to any question: programs solved until nodes carry routed classes and survive every loss."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from optimizer.errors import DisagreementError
from optimizer.question.money import cost_of
from optimizer.question.program import Known, Program
from optimizer.question.question import Loss, Question, Situation, Stay
from optimizer.question.reduce import reduced
from optimizer.question.rules import program_of, ways_for
from optimizer.strategies.cp_sat import by_cp_sat, model_of
from optimizer.strategies.found import Counts, Effort, Status
from optimizer.strategies.highs import by_highs
from optimizer.strategies.rounding import strengthened
from optimizer.traffic.class_split import ClassCut, TooFew, class_loads, losses, missing_cut

DETERMINISTIC_LIMIT = 12.0
"""CP-SAT's own time for each program where the user sets no limit: some half a minute on one core."""

HIGHS_NODES = 400
"""Nodes of HiGHS's search tree where the user sets no limit."""

LARGE = 60_000
"""Columns beyond which HiGHS is not tried without a time limit: one node of its tree may take minutes."""

TIE_LIMIT = 1.0
"""CP-SAT's deterministic time for fewest node-hours among answers of one cost; what it reaches stands."""

LEAST_SECOND_LOOK_S = 0.05
"""Seconds that HiGHS has at least to look for something cheaper."""

MOST_HARD = 5
"""Programs of long searches that are followed by another where the user sets no limit in seconds: minutes in all."""

MOST_ROUNDS = 1_000
"""Programs solved before a search for routed classes or losses is given up."""


Solve = Callable[[Program, Effort, int], Counts]


@dataclass(frozen=True)
class Found:
    """What is known of the answer to a question."""

    status: Status
    question: Question
    """The question after its reductions: stays and ways are counted in its order."""
    nodes: tuple[int, ...] = ()
    """By stay; empty without a plan."""
    uses: dict[tuple[Situation, int], int] = field(default_factory=dict)
    """(situation, way) -> how many serve then: all periods, and each loss in which replicas are placed again."""
    hosted: dict[tuple[int, int], int] = field(default_factory=dict)
    """(period, position in `Question.hosted`) -> parts of the demand that a hosted API carries."""
    cost: int | None = None
    bound: int = 0
    """No plan costs less, in the question's unit of money."""
    method: str = ""
    cut: tuple[int, ...] = ()
    """Services that are left out, where some may be."""

    @cached_property
    def chosen(self) -> tuple[tuple[Stay, int], ...]:
        """The stays of which there are any, with their nodes."""
        return tuple((stay, count) for stay, count in zip(self.question.stays, self.nodes, strict=False) if count)

    @property
    def has_plan(self) -> bool:
        """Whether there are nodes to show."""
        return self.cost is not None


def search(
    question: Question, effort: Effort, reduce: bool = True, solve: Solve | None = None, ties: bool = True
) -> Found:
    """Find the cheapest plan; among equals the one of fewest node-hours.

    The program knows routed classes by cuts and losses by the situations that showed to matter; each answer is checked
    exactly, and what it breaks joins the program. As every program is a relaxation, the first answer that breaks
    nothing is the optimum, and any bound on the way is one for the question.

    Args:
        question: what to answer.
        effort: limits of the search.
        reduce: whether to drop what no cheapest plan needs first.
        solve: how each program is minimised, given the effort and a cost below which no plan is; default `solved`.
        ties: whether equals are told apart; else the first of them stands.

    Raises:
        ModelTooLargeError: some sum may exceed the solver's integers.
        DisagreementError: two engines contradict each other.
    """
    question = reduced(question) if reduce else question
    known, bound, hard = Known.of(question), 0, 0
    if question.works and question.losses():
        known.situations += [Situation(p, loss) for loss in question.losses() for p in range(len(question.periods))]
    for _ in range(MOST_ROUNDS):
        program = program_of(question, known)
        counts = (solve or solved)(program, effort, bound)
        bound = max(bound, counts.bound)
        if counts.status == "infeasible":
            return Found("infeasible", question, method=counts.method)
        if not counts.values:
            break
        if counts.status == "optimal" and ties and not effort.expired():
            counts = _fewest_node_hours(question, program, counts, effort)
        cut = tuple(service for service, column in program.cuts.items() if counts.values[column])
        served = question.without(cut) if program.cuts else question
        if not _learn(served, known, program, counts):
            hosted = _hosted(program, counts)
            cost = cost_of(question, counts.values[: len(question.stays)], hosted)
            uses = {key: counts.values[column] for key, column in program.uses.items() if counts.values[column]}
            uses |= placed_again(served, program, counts) if ties else {}
            return Found(counts.status, question, counts.values[: len(question.stays)], uses, hosted, cost,
                         min(bound, cost), counts.method, cut)
        hard += counts.hard
        if effort.expired() or (effort.end is None and hard >= MOST_HARD):
            break
    return Found("unknown", question, bound=bound)


def _hosted(program: Program, counts: Counts) -> dict[tuple[int, int], int]:
    return {key: counts.values[column] for key, column in program.hosted.items() if counts.values[column]}


def solved(program: Program, effort: Effort, least: int = 0) -> Counts:
    """Solve one program: CP-SAT soon, else the relaxation with its roundings, HiGHS, CP-SAT from what they found."""
    start = time.monotonic()
    whole = Effort(effort.end, effort.deterministic if effort.end or effort.deterministic else DETERMINISTIC_LIMIT,
                   effort.seed)
    first = by_cp_sat(program, whole.within(10.0, 0.1), (), least)
    if first.status == "optimal":
        return confirmed(program, first, time.monotonic() - start, whole)
    if first.status == "infeasible" or effort.expired():
        return first
    strong = strengthened(program, whole)
    if strong is None:
        return by_cp_sat(program, whole)
    tighter, bound, _ = strong
    best = replace(first, bound=max(first.bound, bound))
    if len(program.costs) <= LARGE or effort.end is not None:
        left = whole.left()
        part = whole if left is None else Effort(time.monotonic() + left / 2, whole.deterministic, whole.seed)
        nodes = None if left is not None else HIGHS_NODES
        best = best.better(by_highs(tighter, part, best.values, nodes), program)
    if best.status != "optimal" and not effort.expired():
        best = best.better(by_cp_sat(tighter, whole, best.values, best.bound), program)
    return replace(best, hard=True)


def confirmed(program: Program, counts: Counts, spent_s: float, effort: Effort) -> Counts:
    """Let HiGHS look for something cheaper than what CP-SAT calls the optimum, for as long as CP-SAT took.

    CP-SAT 9.15 is reported to have called an all-linear optimum that was not (or-tools issue 5293). What HiGHS finds is
    counted again in whole numbers, so only a real contradiction counts.

    Raises:
        DisagreementError: HiGHS found counts that keep every row and cost less.
    """
    part = effort.within(max(LEAST_SECOND_LOOK_S, spent_s), float("inf"))
    other = by_highs(program, part)
    if other.values and program.cost_of(other.values) < program.cost_of(counts.values):
        models = {"cp_sat_model.txt": str(model_of(program)[0].proto), "program.txt": repr(program)}
        raise DisagreementError(program.cost_of(counts.values), program.cost_of(other.values), models)
    return counts


def _fewest_node_hours(question: Question, program: Program, counts: Counts, effort: Effort) -> Counts:
    """Among answers of this cost take one of fewest node-hours, then of fewest GPUs in use."""
    hours = [sum(question.periods[p].weight for p in range(stay.first, stay.last)) for stay in question.stays]
    gpus = {column: max(1, question.ways[way].gpus) for (_, way), column in program.uses.items()
            if column >= len(question.stays)}
    most = 1 + sum(weight * program.most[column] for column, weight in gpus.items())
    costs = [0] * len(program.costs)
    for place, weight in enumerate(hours):
        costs[place] = weight * most
    for column, weight in gpus.items():
        costs[column] = weight
    tied = Program(costs, program.most, list(program.rows), program.uses)
    tied.row(((column, cost) for column, cost in enumerate(program.costs)), most=program.cost_of(counts.values))
    if tied.largest_sum() >= 2**61:
        return counts
    better = by_cp_sat(tied, effort.within(5.0, TIE_LIMIT), counts.values)
    return replace(counts, values=better.values) if better.values else counts


def _learn(question: Question, known: Known, program: Program, counts: Counts) -> bool:
    """Add what an answer breaks: cuts on classes that it does not carry, losses that it does not survive."""
    more = False
    for situation in known.situations:
        for service in range(question.services):
            if question.periods[situation.period].demand[service] and question.routes(service):
                cuts = list(_missing_cuts(question, program, counts, situation, service))
                known.cuts.setdefault((situation, service), []).extend(cuts)
                more = more or bool(cuts)
    if more:
        return True
    for situation in _losses_to_place(question, program, counts):
        if situation not in known.situations and _placed(question, program, counts, situation) is None:
            known.situations.append(situation)
            more = True
    return more


def _missing_cuts(
    question: Question, program: Program, counts: Counts, situation: Situation, service: int
) -> Iterator[ClassCut | TooFew]:
    ways = ways_for(question, service)
    columns = [program.uses.get((situation, way)) for way in ways]
    held = [0 if column is None else counts.values[column] for column in columns]
    loads = class_loads(question.periods[situation.period].classes[service],
                        [question.ways[way].classes for way in ways])
    groups: list[list[Hashable]] = []
    if not question.replaced:
        places = {host: question.supplies[question.stays[mine[0]].supply].offer.place
                  for host, mine in question.stays_of.items()}
        groups = [[places[question.ways[way].host][:parts] for way in ways]
                  for asked, parts in ((question.lose_provider, 1), (question.lose_region, 2)) if asked]
    lost = 0 if question.replaced else question.lose_nodes
    for loss in losses(held, groups, lost):
        cut = missing_cut(loads, loss, held)
        if cut is not None:
            yield cut


def _losses_to_place(question: Question, program: Program, counts: Counts) -> Iterator[Situation]:
    """Yield each loss that can happen to an answer, in each period: of what stands there."""
    for loss in question.losses():
        for period in range(len(question.periods)):
            stands = [question.supplies[question.stays[i].supply] for i in question.standing(period)
                      if counts.values[i]]
            used = {(question.hosted[i].api.provider,) for (p, i) in _hosted(program, counts) if p == period}
            if any(map(loss.takes, stands)) or loss.place in used or (
                    loss.nodes and _can_lose(question, counts, loss, period)):
                yield Situation(period, loss)


def _can_lose(question: Question, counts: Counts, loss: Loss, period: int) -> bool:
    held: dict[tuple[str, int], int] = defaultdict(int)
    for i in question.standing(period):
        supply = question.supplies[question.stays[i].supply]
        held[str(supply.host), supply.gpus] += counts.values[i]
    return question.can_happen(loss, held)


def _placed(question: Question, program: Program, counts: Counts, situation: Situation) -> dict[int, int] | None:
    """Place replicas again on the nodes that a loss leaves, on as few GPUs as can be found; None where they do not fit.

    Engines stay those of the answer where one must serve everything or everything on a GPU type.
    """
    here = [(stay, counts.values[i]) for i, stay in enumerate(question.stays)
            if stay.covers(situation.period) and counts.values[i]]
    stays = tuple(Stay(stay.supply, 0, 1, 0, count) for stay, count in here)
    hosted = _hosted(program, counts)
    apis = tuple(
        replace(one, parts=(hosted.get((situation.period, i), 0),), each=(one.each[situation.period],), price=(0,),
                spends=()) for i, one in enumerate(question.hosted))
    part = replace(
        question, hosted=apis, periods=(question.periods[situation.period],), stays=stays, works=(), stock={},
        purses=(), budget=None, min_nodes=0, max_nodes=None, at_least=(), max_gpu_types=None, watts=None,
        spot_share=None)
    again = Situation(0, situation.loss)
    known = Known([again])
    for _ in range(MOST_ROUNDS):
        placing = program_of(part, known)
        for i, stay in enumerate(stays):
            placing.row([(i, 1)], least=stay.most)
        for (_, way), column in placing.uses.items():
            placing.costs[column] = max(1, question.ways[way].gpus)
        found = by_cp_sat(placing, Effort(deterministic=TIE_LIMIT))
        if not found.values:
            return None
        cuts = [(service, cut) for service in range(part.services) if part.routes(service)
                for cut in _missing_cuts(part, placing, found, again, service)]
        if not cuts:
            return {way: found.values[column] for (_, way), column in placing.uses.items() if found.values[column]}
        for service, cut in cuts:
            known.cuts.setdefault((again, service), []).append(cut)
    return None


def placed_again(question: Question, program: Program, counts: Counts) -> dict[tuple[Situation, int], int]:
    """Say where replicas run after each loss that can happen."""
    found: dict[tuple[Situation, int], int] = {}
    for situation in _losses_to_place(question, program, counts):
        if any(key[0] == situation for key in program.uses):
            continue
        for way, count in (_placed(question, program, counts, situation) or {}).items():
            found[situation, way] = count
    return found

