"""The first screen of an answer: named plans side by side, why one of them, what would change the bill, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from optimizer.messages import Message, Voice
from optimizer.reports.cells import padded, width_of, wrapped
from optimizer.reports.sharing_wording import shed_lines, status_of
from optimizer.reports.terminal import BOLD, DIM, GREEN, RED, YELLOW, paint
from optimizer.schema.plan import Plan, ServicePlan
from optimizer.schema.recommendation import Lever, NamedNodes, NamedPlan, NamedService, Recommendation

WIDTH = 80
LONGEST = 25
"""Lines of a first screen: what a terminal shows without scrolling."""

LABEL = 15
"""Cells of the words at the left."""

MOST_SERVICES = 2
"""Services that have a row each; of more the one with the least room stands for all."""

MOST_KINDS = 2
"""Kinds of nodes that are named in a column; further ones are counted."""

ABBREVIATION = 3
"""Longest provider id that is an abbreviation: aws, gcp, oci."""

Row = tuple[str, list[str]]
"""Word at the left, a cell for each column."""


def first_screen(plan: Plan, voice: Voice, label: str) -> str:
    """Return an answer in at most 25 lines of 80 cells.

    Args:
        plan: the answer, with its recommendation where there is a plan.
        voice: language and currency.
        label: how commands name the problem: its path, or a shipped name.
    """
    if plan.recommendation is None:
        lines = list(_without_plan(plan, voice, label))
    else:
        lines = _fitted(plan, plan.recommendation, voice, label)
    return "\n".join(lines) + "\n"


MOST_CUT = 3
"""Services that are cut and named on the screen; `--details` names all."""


def _fitted(plan: Plan, found: Recommendation, voice: Voice, label: str) -> list[str]:
    """Return the screen with as many levers as find room."""
    for levers in range(min(4, len(found.levers)), -1, -1):
        lines = [*_head(plan, found, voice), *_columns(found, voice), "", *_why(found, voice),
                 *_levers(found, levers, voice), *_warnings(plan, voice), *_next(found, voice, label)]
        if len(lines) <= LONGEST:
            return lines
    end = [*_why(found, voice), *_warnings(plan, voice), *_next(found, voice, label)]
    return [*_head(plan, found, voice), *_columns(found, voice)][: LONGEST - len(end)] + end


def _head(plan: Plan, found: Recommendation, voice: Voice) -> Iterator[str]:
    yield from (paint(line, BOLD) for line in wrapped(_title(plan, voice), WIDTH)[:1])
    proven = [one for one in found.plans if one.status in ("optimal", "infeasible")]
    if plan.shed:
        yield from (paint(line, YELLOW) for line in wrapped(voice.say(status_of(plan)), WIDTH))
        for told in shed_lines(plan)[:MOST_CUT]:
            yield from (paint(line, YELLOW) for line in wrapped(f"! {voice.say(told)}", WIDTH))
    elif plan.status != "optimal":
        yield paint(voice.words("screen.unproven", gap=plan.gap_fraction or 0.0), YELLOW)
    else:
        all_proven = len(proven) == len(found.plans) and len(found.plans) > 1
        yield paint(voice.words("screen.proven" if all_proven else "screen.proven-one"), GREEN)


def _title(plan: Plan, voice: Voice) -> str:
    if not plan.services:
        return plan.problem
    if len(plan.services) != 1:
        return voice.words("screen.title-more", problem=plan.problem, n=len(plan.services))
    one = plan.services[0]
    return voice.words("screen.title", problem=plan.problem, model=one.model_id, demand=_demand(one, voice))


def _demand(one: ServicePlan, voice: Voice) -> str:
    if one.kind == "async":
        return voice.words("screen.demand-work")
    if one.peak_rps is not None:
        return voice.words("screen.demand-rate", rate=one.peak_rps, speed=one.target_tokens_per_s)
    if not one.target_tokens_per_s:
        return voice.words("screen.demand-plain", n=one.peak_concurrency)
    return voice.words("screen.demand", n=one.peak_concurrency, speed=one.target_tokens_per_s)


def _columns(found: Recommendation, voice: Voice) -> Iterator[str]:
    """Yield the grid: a word at the left, a column for each plan."""
    width = (WIDTH - LABEL) // max(2, len(found.plans))
    names = [_name(one, found, voice) for one in found.plans]
    head = "".join(padded(name, width) for name in names).rstrip()
    yield " " * LABEL + paint(head, BOLD)
    for word, cells in _rows(found, voice):
        if not any(cells):
            continue
        parts = [wrapped(cell, width - 1) for cell in cells]
        for number, line in enumerate(zip_longest(*parts, fillvalue="")):
            left = padded(word if number == 0 else "", LABEL)
            yield (left + "".join(padded(cell, width) for cell in line)).rstrip()


def _name(one: NamedPlan, found: Recommendation, voice: Voice) -> str:
    name = voice.words(f"screen.{one.name}")
    chosen = one.name == found.recommended and len(found.plans) > 1
    return voice.words("screen.recommended", name=name) if chosen else name


def _rows(found: Recommendation, voice: Voice) -> Iterator[Row]:
    plans = found.plans

    def row(ident: str, cell: Callable[[NamedPlan], str], **parameters: object) -> Row:
        return voice.words(ident, **parameters), [cell(one) for one in plans]

    yield row("screen.nodes", lambda one: _nodes(one, voice))
    yield "", [_places(one.nodes, voice) for one in plans]
    yield row("screen.engine", _engines)
    yield row("screen.a-month", lambda one: "" if one.usd_per_month is None else voice.local(one.usd_per_month))
    yield row("screen.purchases", lambda one: _sum(one.purchases, one, voice))
    year = next((one.first_year for one in plans if one.first_year), None)
    if year is not None:
        yield row("screen.cash", lambda one: _sum(one.first_year_cash, one, voice), year=year)
    for index in _shown(plans):
        yield from _service_rows(index, plans, voice)
    yield row("screen.holds", lambda one: _holds(one, voice))
    yield row("screen.next-best", _next_best)


def _nodes(plan: NamedPlan, voice: Voice) -> str:
    hosted = [voice.words("screen.hosted")] if plan.hosted else []
    if not plan.nodes:
        return "".join(hosted) or voice.words("screen.undecided" if plan.status == "unknown" else "screen.none")
    told = [f"{one.count:,} x {one.label}" for one in plan.nodes[:MOST_KINDS]] + hosted
    more = len(plan.nodes) - MOST_KINDS
    return " + ".join(told) + (f" +{more}" if more > 0 else "")


def _places(nodes: Sequence[NamedNodes], voice: Voice) -> str:
    places = dict.fromkeys(
        voice.words(f"where.{one.kind}", region=one.region.removeprefix("on-prem-").upper(),
                    provider=_provider(one.provider), months=one.term_months)
        for one in nodes)
    shown = list(places)[:MOST_KINDS]
    return " + ".join(shown) + (f" +{len(places) - len(shown)}" if len(places) > len(shown) else "")


def _provider(provider: str) -> str:
    """Write a provider's id as a name: abbreviations of up to three letters stay capital."""
    return provider.upper() if len(provider) <= ABBREVIATION else provider.capitalize()


def _engines(one: NamedPlan) -> str:
    pairs = dict.fromkeys(f"{engine} {precision}" for service in one.services
                          for engine in service.engines for precision in service.precisions)
    shown = list(pairs)[:MOST_KINDS]
    return ", ".join(shown) + (f" +{len(pairs) - len(shown)}" if len(pairs) > len(shown) else "")


def _sum(amount: float | None, one: NamedPlan, voice: Voice) -> str:
    if amount is None:
        return ""
    return voice.amount(amount, one.currency) if amount else "-"


def _shown(plans: Sequence[NamedPlan]) -> list[int]:
    """Return which services have rows: all of a few, else the one whose speed has the least room in any plan."""
    services = next((one.services for one in plans if one.services), ())
    speedy = [i for i, one in enumerate(services) if one.tokens_per_s_per_user is not None]
    if len(speedy) <= MOST_SERVICES:
        return speedy or [0]

    def room(index: int) -> float:
        """Return the speed over the promise."""
        return (services[index].tokens_per_s_per_user or 0) / (services[index].target_tokens_per_s or 1)

    return [min(speedy, key=room)]


def _service_rows(index: int, plans: Sequence[NamedPlan], voice: Voice) -> Iterator[Row]:
    mine = [one.services[index] if one.services else None for one in plans]
    several = any(len(one.services) > 1 for one in plans)
    named = next((one.service_id for one in mine if one is not None), "")
    if any(one is not None and one.tokens_per_s_per_user is not None for one in mine):
        yield named[:LABEL - 1] if several else voice.words("screen.every-user"), [_speed(one, voice) for one in mine]
        if not several:
            yield voice.words("screen.at-worst"), [_worst(one, voice) for one in mine]
    yield voice.words("screen.evidence"), [_evidence(one, voice) for one in mine]


def _speed(one: NamedService | None, voice: Voice) -> str:
    if one is None or one.tokens_per_s_per_user is None:
        return ""
    ident = "screen.speed" if one.grade is None else "screen.speed-graded"
    return voice.words(ident, speed=one.tokens_per_s_per_user, grade=one.grade or "")


def _worst(one: NamedService | None, voice: Voice) -> str:
    if one is None or one.tokens_per_s_at_worst is None:
        return ""
    return voice.words("screen.speed", speed=one.tokens_per_s_at_worst)


def _evidence(one: NamedService | None, voice: Voice) -> str:
    if one is None:
        return ""
    evidence = voice.words(f"evidence.{one.evidence}")
    if one.error_fraction is None:
        return evidence
    return voice.words("screen.bar", evidence=evidence, bar=one.error_fraction)


def _holds(one: NamedPlan, voice: Voice) -> str:
    if one.slower_fraction is None:
        return ""
    return voice.words("screen.holds-value", fraction=one.slower_fraction + 0.01)


def _next_best(one: NamedPlan) -> str:
    if one.next_best_usd_per_month is None or not one.usd_per_month:
        return ""
    return f"{one.next_best_usd_per_month / one.usd_per_month - 1:+.0%}"


def _why(found: Recommendation, voice: Voice) -> Iterator[str]:
    if found.because:
        name = voice.words(f"screen.{found.recommended}")
        yield from wrapped(voice.words("screen.why", name=name, because=found.because), WIDTH, "  ")
    chosen = next(one for one in found.plans if one.name == found.recommended)
    if chosen.one_kind_for_usd_per_month is not None:
        yield from wrapped(voice.words("screen.one-kind", more=chosen.one_kind_for_usd_per_month), WIDTH, "  ")


def _levers(found: Recommendation, most: int, voice: Voice) -> Iterator[str]:
    if not most:
        return
    yield voice.words("screen.levers")
    for one in found.levers[:most]:
        yield _lever(one, voice)


def _lever(one: Lever, voice: Voice) -> str:
    if one.usd_per_month is None or one.change_fraction is None:
        change = voice.words("screen.lever-none")
    else:
        change = f"{padded(f'{one.change_fraction:+.0%}', 7)}{voice.local(one.usd_per_month)}"
    line = f"  {padded(voice.say(one.change), 32)}{change}"
    remark = "" if one.remark is None else voice.say(one.remark)
    room = WIDTH - width_of(line) - 2
    return f"{line}  {remark}" if remark and width_of(remark) <= room else line


TOLD_ABOVE = frozenset({"warning.estimates", "warning.measured-alone", "warning.assumed", "warning.certainty",
                        "places.taken"})
"""Warnings that the grid shows as evidence, or that the next step answers."""


def _warnings(plan: Plan, voice: Voice) -> Iterator[str]:
    """Yield the first of the other warnings, and how many more there are."""
    others = [one for one in plan.warnings if getattr(one, "id", "") not in TOLD_ABOVE]
    if others:
        told = wrapped(voice.words("screen.warning", warning=others[0]), WIDTH, "  ")
        shown = told[:2] if len(told) <= 2 else [told[0], f"{wrapped(told[1], WIDTH - 3)[0].rstrip(',、 ')}..."]
        yield from (paint(line, YELLOW) for line in shown)
    if len(others) > 1:
        yield paint(voice.words("screen.warnings", n=len(others) - 1), YELLOW)


def _next(found: Recommendation, voice: Voice, label: str) -> Iterator[str]:
    commands = tuple(Message(one.id, **{**one.parameters, "problem": label}) for one in found.next)
    yield from wrapped(voice.words("screen.next", commands=commands), WIDTH, "  ")
    yield paint(wrapped(voice.words("screen.more", problem=label), WIDTH)[0], DIM)


def _without_plan(plan: Plan, voice: Voice, label: str) -> Iterator[str]:
    """Yield why there is no plan, as far as there is room."""
    yield paint(wrapped(_title(plan, voice), WIDTH)[0], BOLD)
    ident = "screen.infeasible" if plan.status == "infeasible" else "screen.limit"
    yield paint(voice.words(ident), RED)
    lines = [line for reason in plan.reasons for line in wrapped(f"- {voice.say(reason)}", WIDTH, "  ")]
    yield from lines[: LONGEST - 3]
    yield paint(wrapped(voice.words("screen.more", problem=label), WIDTH)[0], DIM)
