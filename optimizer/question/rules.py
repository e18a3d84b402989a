"""The rules of every plan, stated once; each has a twin in `verify/` that never sees a solver.

Symbols: n_s nodes of stay s; u_tw uses of way w in situation t (a period, with a loss or without); C_w what one use
carries of the period's demand D, never more than all of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

from optimizer.question.fillings import fillings
from optimizer.question.program import Known, Program
from optimizer.question.question import NOTHING, THOUSANDTHS, Host, Loss, Question, Situation
from optimizer.traffic.class_split import TooFew

Terms = list[tuple[int, int]]
"""(column, weight)."""


def fit_on_nodes(question: Question, program: Program, known: Known) -> None:
    """In each situation what serves fits on the nodes that stand and are not lost.

    Whole nodes: sum u <= sum n. Replicas whose sizes and nodes' GPUs divide one another: for every size g,
    sum floor(g_w / g) u <= sum floor(G_s / g) n, which is exact for such sizes. Other sizes: nodes are filled by
    patterns that leave no room for a further replica.
    """
    for situation in known.situations:
        for host, ways in question.ways_of.items():
            stands = _left(question, program, situation, host)
            if stands:
                uses = _uses(question, program, situation, ways, stands)
                _fit_host(question, program, uses, stands)


def _left(question: Question, program: Program, situation: Situation, host: Host) -> list[tuple[int, int, int]]:
    """Return (column, factor, GPUs): nodes of a host that stand in a situation, lost ones as columns taken away."""
    period, loss, found = situation.period, situation.loss, []
    by_kind: dict[int, list[int]] = defaultdict(list)
    for i in question.standing(period, host):
        supply = question.supplies[question.stays[i].supply]
        if not loss.takes(supply):
            found.append((i, 1, supply.gpus))
            by_kind[supply.gpus].append(i)
    for gpus, columns in by_kind.items():
        lost = loss.nodes.count((str(host), gpus))
        for nth in range(lost):  # the nth node of this kind is gone if there are so many
            most = sum(program.most[column] for column in columns)
            gone = program.column(1)
            program.row([*((column, 1) for column in columns), (gone, -most)], most=nth)
            found.append((gone, -1, gpus))
    return found


def _uses(
    question: Question, program: Program, situation: Situation, ways: Iterable[int], stands: list[tuple[int, int, int]]
) -> list[tuple[int, int]]:
    """Return (way, column) of what may serve on a host; nodes with one way to be used share the stay's column."""
    mine, found = tuple(ways), []
    for way in mine:
        one = question.ways[way]
        if len(mine) == 1 and not one.gpus and len(stands) == 1 and stands[0][1] == 1:
            column = stands[0][0]
        else:
            room = sum(program.most[column] * (gpus // (one.gpus or gpus)) for column, factor, gpus in stands
                       if factor == 1)
            most = min(room, most_uses(question, way, situation.period))
            if not most:
                continue
            column = program.column(most)
        program.uses[situation, way] = column
        found.append((way, column))
    return found


def most_uses(question: Question, way: int, period: int) -> int:
    """Return a number of uses of a way in a period that no plan needs to exceed, whatever else serves.

    D / C nodes carry a demand alone, and k times the largest node stands in for k lost ones.
    """
    one, asked = question.ways[way], question.periods[period]
    lost = 0 if question.replaced else question.lose_nodes
    if one.service in question.waiting:
        windows = [(work.seconds[period], work.amount) for work in question.works if work.service == one.service]
        largest = question.largest[one.service]
        return max((-(-amount // (one.capacity * seconds)) + -(-lost * largest // one.capacity)
                    for seconds, amount in windows if seconds), default=0)
    demand = asked.demand[one.service]
    if not demand:
        return 0
    if question.routes(one.service):
        load = sum((part / held for part, held in zip(asked.classes[one.service], one.classes, strict=True) if held),
                   Fraction(0))
        return math.ceil(load) + lost
    if not one.capacity:
        return 0
    largest = min(demand, question.largest[one.service])
    return -(-(demand + lost * largest) // min(one.capacity, demand))


def _fit_host(
    question: Question, program: Program, uses: list[tuple[int, int]], stands: list[tuple[int, int, int]]
) -> None:
    if not uses or (len(uses) == 1 and uses[0][1] == stands[0][0]):
        return
    if not question.ways[uses[0][0]].gpus:
        there = [(column, -factor) for column, factor, _ in stands]
        program.row([*((column, 1) for _, column in uses), *there], most=0)
        return
    sizes = sorted({question.ways[way].gpus for way, _ in uses})
    if is_chain([*sizes]):
        for size in sizes:
            taken = [(column, question.ways[way].gpus // size) for way, column in uses]
            program.row([*taken, *((column, -factor * (gpus // size)) for column, factor, gpus in stands)], most=0)
        return
    _fit_by_patterns(question, program, uses, stands, tuple(sizes))


def is_chain(sizes: list[int]) -> bool:
    """Say whether each size divides the next, so that counting slots of each size tells what fits.

    >>> is_chain([1, 2, 8]), is_chain([2, 3])
    (True, False)
    """
    return all(large % small == 0 for small, large in pairwise(sizes))


def _fit_by_patterns(
    question: Question, program: Program, uses: list[tuple[int, int]], stands: list[tuple[int, int, int]],
    sizes: tuple[int, ...],
) -> None:
    """Every node is filled by one pattern, and the patterns together have room for all replicas of each size."""
    room: dict[int, Terms] = {size: [] for size in sizes}
    for gpus in sorted({gpus for _, _, gpus in stands}):
        nodes = [(column, -factor) for column, factor, size in stands if size == gpus]
        most = sum(program.most[column] for column, weight in nodes if weight < 0)
        filled = []
        for pattern in fillings(gpus, sizes):
            filled.append(program.column(most))
            for size, count in zip(sizes, pattern, strict=True):
                room[size].append((filled[-1], -count))
        if filled:
            program.row([*((column, 1) for column in filled), *nodes], most=0)
    for size in sizes:
        program.row([*((c, 1) for way, c in uses if question.ways[way].gpus == size), *room[size]], most=0)


class _Serving:
    """What may serve each service in each situation, looked up once for all rules."""

    def __init__(self, question: Question, program: Program) -> None:
        self.found: dict[tuple[Situation, int], list[tuple[int, int, int]]] = defaultdict(list)
        for (situation, way), column in program.uses.items():
            service = question.ways[way].service
            self.found[situation, service].append((column, question.carries(way, situation.period), way))


def _from_apis(question: Question, program: Program, situation: Situation, service: int) -> Terms:
    """Return what hosted APIs carry of a service in a situation: the same after every loss but that of the provider."""
    lost, found = situation.loss.place[:1], []
    for i, one in enumerate(question.hosted):
        column = program.hosted.get((situation.period, i))
        if one.service == service and column is not None and (one.api.provider,) != lost:
            found.append((column, one.each[situation.period]))
    return found


def _demands(question: Question, known: Known) -> Iterator[tuple[Situation, int, int]]:
    """Yield (situation, service, demand) of what must be carried at once, classes that are routed apart left out."""
    for situation in known.situations:
        for service, asked in enumerate(question.periods[situation.period].demand):
            if asked and not question.routes(service):
                yield situation, service, asked


def _ask(program: Program, service: int, terms: Iterable[tuple[int, int]], least: int) -> None:
    """Ask for at least so much for a service, unless it is cut: sum w x + least b >= least."""
    cut = program.cuts.get(service)
    program.row([*terms, *([] if cut is None else [(cut, least)])], least=least)


def meet_demand(question: Question, program: Program, known: Known) -> None:
    """In each situation every service gets at least what it asks then: sum C u >= D."""
    table = _Serving(question, program).found
    for situation, service, asked in _demands(question, known):
        nodes = ((column, carried) for column, carried, _ in table[situation, service])
        _ask(program, service, [*nodes, *_from_apis(question, program, situation, service)], asked)


def finish_work(question: Question, program: Program, known: Known) -> None:
    """Work that may wait is done within its window, after each loss too: sum seconds C u >= requests."""
    table = _Serving(question, program).found
    for work in question.works:
        for loss in dict.fromkeys(situation.loss for situation in known.situations):
            _finish(program, question, table, work.service, work.seconds, work.amount, Situation(0, loss))


def _finish(
    program: Program, question: Question, table: dict[tuple[Situation, int], list[tuple[int, int, int]]], service: int,
    seconds: tuple[int, ...], amount: int, sample: Situation, keep: Callable[[int], bool] = lambda way: True,
    without: Loss | None = None,
) -> None:
    terms = [
        (column, carried * second)
        for period, second in enumerate(seconds) if second
        for column, carried, way in table[Situation(period, sample.loss), service] if keep(way)
    ]
    apis = [term for period, second in enumerate(seconds) if second
            for term in _from_apis(question, program, Situation(period, without or sample.loss), service)]
    _ask(program, service, [*terms, *apis], amount)


def split_classes(question: Question, program: Program, known: Known) -> None:
    """Nodes carry every request class that is routed apart, as far as the cuts known so far say: sum w u >= r.

    The split itself is continuous and has no columns. Nodes that keep all cuts and do not carry the classes give one
    more cut, which holds for all nodes that do (`traffic.class_split`). After any k lost nodes: for some t among the
    weights, sum min(w, t) u >= r + k t.
    """
    for (situation, service), cuts in known.cuts.items():
        columns = [program.uses.get((situation, way)) for way in ways_for(question, service)]
        for cut in cuts:
            if isinstance(cut, TooFew):
                _more_of_some(program, service, columns, cut)
                continue
            held = [(c, w) for c, w in zip(columns, cut.weights, strict=True) if c is not None]
            if cut.lose_nodes:
                _keep_after_loss(program, service, held, cut.least, cut.lose_nodes)
            else:
                _ask(program, service, held, cut.least)


def ways_for(question: Question, service: int) -> list[int]:
    """List the ways of a service; cuts on classes count weights in this order."""
    return [i for i, way in enumerate(question.ways) if way.service == service]


def _more_of_some(program: Program, service: int, columns: list[int | None], cut: TooFew) -> None:
    """Of some way there must be more: sum b >= 1, u >= (count + 1) b."""
    picks = []
    for column, count in zip(columns, cut.counts, strict=True):
        if column is not None and count < program.most[column]:
            picks.append(program.column(1))
            program.row([(column, 1), (picks[-1], -(count + 1))], least=0)
    _ask(program, service, ((pick, 1) for pick in picks), 1)


def _keep_after_loss(
    program: Program, service: int, held: Terms, least: int, lost: int, beside: Terms | None = None
) -> None:
    """Without any k of what serves the rest still carries the least: for one t, sum min(C, t) u >= D + k t.

    Exact: the k dearest lost ones carry at most k t more than min(., t) counts, with t what the k-th of them carries.
    At least D / (the largest C) are left, which lifts the relaxation. What cannot be lost counts beside, and may carry
    all of it.
    """
    levels, safe = sorted({carried for _, carried in held if carried}), beside or []
    if not levels:
        _ask(program, service, safe, max(least, 1))
        return
    if not safe:
        used = ((column, 1) for column, carried in held if carried)
        _ask(program, service, used, -(-least // levels[-1]) + lost)
        _ask(program, service, held, least + lost * levels[0])
    program.one_of([*([(safe, least)] if safe else []), *(
        ([*((column, min(carried, level)) for column, carried in held), *safe], least + lost * level)
        for level in levels)], program.cuts.get(service))


def survive_node_loss(question: Question, program: Program, known: Known) -> None:
    """With spare nodes of its own every service keeps its demand, and its work, without any k of its nodes."""
    if question.replaced or not question.lose_nodes:
        return
    table = _Serving(question, program).found
    for situation, service, asked in _demands(question, known):
        held = [(column, carried) for column, carried, _ in table[situation, service]]
        _keep_after_loss(program, service, held, asked, question.lose_nodes,
                         _from_apis(question, program, situation, service))
    for work in question.works:
        _finish_after_loss(question, program, table, work.service, work.seconds, work.amount)


def _finish_after_loss(
    question: Question, program: Program, table: dict[tuple[Situation, int], list[tuple[int, int, int]]], service: int,
    seconds: tuple[int, ...], amount: int,
) -> None:
    """What each period keeps after its worst loss, sum min(C, t) u - k t for its best t, does the work in time."""
    kept: Terms = []
    for period, second in enumerate(seconds):
        held = [(column, carried) for column, carried, _ in table[Situation(period), service]] if second else []
        if not held:
            continue
        most = min(sum(carried * program.most[column] for column, carried in held), -(-amount // second))
        left, picks = program.column(most), []
        kept.append((left, second))
        for level in sorted({carried for _, carried in held}):
            picks.append(program.column(1))
            terms = [(column, min(carried, level)) for column, carried in held]
            program.row([*terms, (left, -1)], least=question.lose_nodes * level, when=picks[-1])
        picks.append(program.column(1))
        program.row([(left, -1)], least=0, when=picks[-1])  # or nothing is left
        program.row(((pick, 1) for pick in picks), least=1)
    kept += [term for period, second in enumerate(seconds) if second
             for term in _from_apis(question, program, Situation(period), service)]
    _ask(program, service, kept, amount)


def survive_group_loss(question: Question, program: Program, known: Known) -> None:
    """With spare nodes of its own every service keeps its demand and its work without any one provider, or region."""
    if question.replaced or not (question.lose_provider or question.lose_region):
        return
    table = _Serving(question, program).found
    places = {host: question.supplies[question.stays[stays[0]].supply].offer.place
              for host, stays in question.stays_of.items()}
    for asked, parts in ((question.lose_provider, 1), (question.lose_region, 2)):
        providers = {(one.api.provider,) for one in question.hosted} if parts == 1 else set()
        for lost in sorted({place[:parts] for place in places.values()} | providers) if asked else ():
            loss = Loss("provider", place=lost)

            def left(way: int, lost: tuple[str, ...] = lost, parts: int = parts) -> bool:
                return places[question.ways[way].host][:parts] != lost

            for situation, service, amount in _demands(question, known):
                terms = ((c, carried) for c, carried, way in table[situation, service] if left(way))
                apis = _from_apis(question, program, Situation(situation.period, loss), service)
                _ask(program, service, [*terms, *apis], amount)
            for work in question.works:
                _finish(program, question, table, work.service, work.seconds, work.amount, Situation(0), left, loss)


def cap_spot_share(question: Question, program: Program, known: Known) -> None:
    """What is not spot carries 1 - share of every demand and of all work."""
    if question.spot_share is None:
        return
    table, firm = _Serving(question, program).found, 1 - question.spot_share
    spot = {host for host, stays in question.stays_of.items()
            if question.supplies[question.stays[stays[0]].supply].offer.kind == "spot"}

    def is_firm(way: int) -> bool:
        return question.ways[way].host not in spot

    for situation, service, asked in _demands(question, known):
        if situation.loss == NOTHING:
            terms = ((c, carried) for c, carried, way in table[situation, service] if is_firm(way))
            apis = _from_apis(question, program, situation, service)
            _ask(program, service, [*terms, *apis], math.ceil(asked * firm))
    for work in question.works:
        amount = math.ceil(work.amount * firm)
        _finish(program, question, table, work.service, work.seconds, amount, Situation(0), is_firm)


def respect_stock(question: Question, program: Program, known: Known) -> None:
    """No pool gives more than it holds: of bought nodes in all, of rented ones at any one time."""
    pools: dict[str, list[int]] = defaultdict(list)
    for i, stay in enumerate(question.stays):
        for pool in question.supplies[stay.supply].pools:
            pools[pool].append(i)
    for pool, stock in question.stock.items():
        bought = [i for i in pools[pool] if question.supplies[question.stays[i].supply].bought]
        rented = [i for i in pools[pool] if not question.supplies[question.stays[i].supply].bought]
        if bought:
            program.row(((i, 1) for i in bought), most=stock)
        for columns in dict.fromkeys(_at_one_time(question, rented)):
            program.row(((i, 1) for i in columns), most=stock)


def _at_one_time(question: Question, stays: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the stays that stand together, period by period."""
    for period in range(len(question.periods)):
        here = tuple(i for i in stays if question.stays[i].covers(period))
        if here:
            yield here


def limit_nodes(question: Question, program: Program, known: Known) -> None:
    """In each period at least the fewest and at most the most nodes stand."""
    if not question.min_nodes and question.max_nodes is None:
        return
    for columns in dict.fromkeys(tuple(question.standing(period)) for period in range(len(question.periods))):
        program.row(((i, 1) for i in columns), least=question.min_nodes or None, most=question.max_nodes)


def hold_nodes(question: Question, program: Program, known: Known) -> None:
    """Nodes that are bought or committed already stand in each period."""
    for offer_id, least in question.at_least:
        mine = [i for i, stay in enumerate(question.stays) if question.supplies[stay.supply].offer.offer_id == offer_id]
        for period in range(len(question.periods)):
            program.row(((i, 1) for i in mine if question.stays[i].covers(period)), least=least)


def limit_gpu_types(question: Question, program: Program, known: Known) -> None:
    """Nodes of at most K GPU types stand, over the whole plan or in each period: n <= most y, sum y <= K."""
    gpus: dict[str, list[int]] = defaultdict(list)
    for i, stay in enumerate(question.stays):
        gpus[question.supplies[stay.supply].offer.gpu_id].append(i)
    if question.max_gpu_types is None or question.max_gpu_types >= len(gpus):
        return
    for period in range(len(question.periods)) if question.types_by_period else (None,):
        used = []
        for mine in gpus.values():
            used.append(program.column(1))
            for i in mine:
                if period is None or question.stays[i].covers(period):
                    program.row([(i, 1), (used[-1], -program.most[i])], most=0)
        program.row(((column, 1) for column in used), most=question.max_gpu_types)


def choose_engines(question: Question, program: Program, known: Known) -> None:
    """One engine serves everything, or everything on one GPU type: u <= most e, sum e <= 1."""
    if question.engine_policy == "any":
        return
    chosen: dict[str, dict[str, int]] = defaultdict(dict)
    for (_, way), column in list(program.uses.items()):
        one = question.ways[way]
        engines = chosen[one.option.gpu_id if question.engine_policy == "per_gpu" else ""]
        if one.engine not in engines:
            engines[one.engine] = program.column(1)
        program.row([(column, 1), (engines[one.engine], -program.most[column])], most=0)
    for engines in chosen.values():
        program.row(((column, 1) for column in engines.values()), most=1)


def cap_power(question: Question, program: Program, known: Known) -> None:
    """In each period owned nodes together draw no more than the cap at full load."""
    if question.watts is None:
        return
    for columns in dict.fromkeys(tuple(question.standing(period)) for period in range(len(question.periods))):
        watts = ((i, question.supplies[question.stays[i].supply].watts) for i in columns)
        program.row(watts, most=question.watts)


def cap_spending(question: Question, program: Program, known: Known) -> None:
    """What is taken from a purse with a cap stays within it: a fiscal year's purchases, its running costs."""
    for purse in question.purses:
        if purse.cap is not None:
            apis = [(column, amount) for (period, i), column in program.hosted.items()
                    for name, amount in question.hosted[i].spends[period] if name == purse.name]
            scale = THOUSANDTHS if apis else 1
            nodes = ((i, amount * scale) for i, amount in _taken(question, purse.name))
            program.row([*nodes, *apis], most=purse.cap * scale)


def _taken(question: Question, purse: Hashable) -> Terms:
    return [(i, amount) for i, stay in enumerate(question.stays) for name, amount in stay.spends if name == purse]


def pay_contracts(question: Question, program: Program, known: Known) -> None:
    """A provider with a contract bills max(minimum, spend less volume tiers) + fee in place of the plain spend.

    The tiers' discounts grow, so the discounted spend is the least of its pieces: one piece is picked, and the bill is
    at least that piece's line.
    """
    for purse in question.purses:
        bill = purse.bill
        if bill is None:
            continue
        terms = _taken(question, purse.name)
        most = sum(amount * program.most[i] for i, amount in terms)
        billed, used = program.column(max(most, bill.minimum) + bill.fee, 1), program.column(1)
        for i, amount in terms:
            program.costs[i] -= amount
            program.row([(i, 1), (used, -program.most[i])], most=0)
        if bill.signed:
            program.row([(used, 1)], least=1)
        program.row([(billed, 1), (used, -(bill.minimum + bill.fee))], least=0)
        pieces, picks = bill.within(most).pieces(), []
        scale = math.lcm(*(part.denominator for _, slope, rest in pieces for part in (slope, rest)))
        for _, slope, rest in pieces:
            picks.append(program.column(1))
            line, constant = int(slope * scale), int(rest * scale)
            room = line * most + constant
            program.row(
                [(billed, scale), (used, -scale * bill.fee), *((i, -line * amount) for i, amount in terms),
                 (picks[-1], -room)], least=constant - room)
        program.row(((pick, 1) for pick in picks), least=1)


def keep_budget(question: Question, program: Program, known: Known) -> None:
    """The cost is at most the budget."""
    if question.budget is not None:
        cut = set(program.cuts.values())
        paid = ((column, cost) for column, cost in enumerate(program.costs) if column not in cut)
        program.row(paid, most=question.budget)


RULES: tuple[Callable[[Question, Program, Known], None], ...] = (
    fit_on_nodes, meet_demand, finish_work, split_classes, respect_stock, limit_nodes, hold_nodes, limit_gpu_types,
    choose_engines, cap_power, survive_node_loss, survive_group_loss, cap_spot_share, cap_spending, pay_contracts,
    keep_budget,
)
"""All of them. The first adds the columns of uses that others look at, the last looks at the whole cost."""


def _open_apis(question: Question, program: Program) -> None:
    """Add what hosted APIs carry, and their bill, of which no part of a unit is left out: 1000 b >= sum price parts."""
    bill = []
    for i, one in enumerate(question.hosted):
        for period, most in enumerate(one.parts):
            if most:
                program.hosted[period, i] = program.column(most)
                bill.append((program.hosted[period, i], -one.price[period]))
    if bill:
        most = -(-sum(-price * program.most[column] for column, price in bill) // THOUSANDTHS)
        program.row([(program.column(most, 1), THOUSANDTHS), *bill], least=0)


def program_of(question: Question, known: Known) -> Program:
    """State a question as a program, with the situations and cuts known so far."""
    program = Program([stay.price for stay in question.stays], [stay.most for stay in question.stays])
    _open_apis(question, program)
    program.cuts = {service: program.column(1, cost) for service, cost in enumerate(question.cut_costs)}
    for rule in RULES:
        rule(question, program, known)
    return program
