"""What a first reader stumbled over: reasons that name the limit that fails, and nothing claimed that was not asked."""

from __future__ import annotations

from optimizer.explain import explain
from optimizer.explain.nowhere import why_nowhere
from optimizer.load import load_catalog, load_problem
from optimizer.reports.explain_report import explain_document
from optimizer.solve import SolveSettings, prepare

SEED = "helpdesk-llama3-8b"
CATALOG = load_catalog(references={"llama-3-8b-instruct"})


def test_a_ttft_that_nothing_keeps_is_named_as_the_reason() -> None:
    (reason,) = why_nowhere(prepare(load_problem(SEED, ("services.0.slo.ttft_ms=5",)), CATALOG))
    assert "fall out by speed, the shortest: TTFT " in reason
    assert "at most 5 ms asked" in reason


def test_a_speed_that_nothing_reaches_is_named_as_the_reason() -> None:
    (reason,) = why_nowhere(prepare(load_problem(SEED, ("services.0.slo.tokens_per_s_per_user=2000",)), CATALOG))
    assert "fall out by speed, the fastest: " in reason
    assert "2000 asked" in reason


def test_alternatives_that_nobody_asked_for_are_not_called_absent() -> None:
    found = explain(load_problem(SEED), CATALOG, SolveSettings(), alternatives=0)
    assert (found.alternatives, found.alternatives_complete) == ((), False)
    titles = [str(one.title) for one in explain_document(found).sections]
    assert "The next best plans of another structure" not in titles


def test_an_offer_id_with_dots_is_one_key() -> None:
    name = "owned-workstation-1x-rtx-5090.on-prem-jp"
    loaded = load_problem(SEED, (f"limits.stock.{name}=0", f"limits.at_least.{name}=1"))
    assert loaded.problem.limits.stock == {name: 0}
    assert loaded.problem.limits.at_least == {name: 1}
