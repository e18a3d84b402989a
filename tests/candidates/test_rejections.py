"""Everything that is no candidate falls out at one step, with a reason that names the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.candidates import CandidateSet, Market, Rejection, enumerate_candidates
from optimizer.candidates.rejection import STEP_ORDER
from optimizer.costs import priced_offers
from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.schema.catalog import EnginePrecision
from optimizer.schema.problem import Demand, Limits, Problem, RequestClass, Selection, Slo
from tests.catalogs import tiny


def candidates(problem: Problem | None = None, catalog: Catalog | None = None) -> CandidateSet:
    """Enumerate the candidates of a tiny problem."""
    problem, catalog = problem or tiny.problem(), catalog or tiny.catalog()
    return enumerate_candidates(problem, catalog, Market.of(priced_offers(catalog, problem), problem.limits), {})


def only(found: CandidateSet) -> Rejection:
    """Return the rejection of a problem that has no candidate and one reason."""
    assert not list(found.candidates(0, found.targets()[0]))
    assert len(found.rejections) == 1
    return found.rejections[0]


def test_the_tiny_problem_has_a_candidate_and_no_rejection() -> None:
    found = candidates()
    assert tuple(found.rejections) == ()
    assert [one.offer.offer_id for one in found.candidates(0, 25.0)] == ["cloud-g"]


@pytest.mark.parametrize(
    ("limits", "facts", "reason"),
    [
        pytest.param(Limits(kinds=("owned",)), {}, "kind on_demand is not among limits.kinds", id="kind"),
        pytest.param(Limits(), {"kind": "spot"}, "kind spot is not among limits.kinds", id="spot is for those who ask"),
        pytest.param(Limits(), {"kind": "marketplace"}, "kind marketplace is not among limits.kinds",
                     id="so is a marketplace"),
        pytest.param(Limits(), {"kind": "reserved", "term_months": 36},
                     "its term of 36 months exceeds limits.max_term_months = 12", id="term"),
        pytest.param(Limits(gpus=Selection(forbid=("g",))), {}, "limits.gpus: g is forbidden", id="GPU"),
        pytest.param(Limits(gpus=Selection(allow=("other",))), {}, "limits.gpus: g is not among those allowed",
                     id="other GPUs"),
        pytest.param(Limits(providers=Selection(forbid=("cloud",))), {}, "limits.providers: cloud is forbidden",
                     id="provider"),
        pytest.param(Limits(regions=Selection(forbid=("tokyo",))), {}, "limits.regions: tokyo is forbidden",
                     id="region"),
        pytest.param(Limits(stock={"cloud-g": 0}), {}, "its stock is 0", id="sold out, says the problem"),
        pytest.param(Limits(), {"stock": 0}, "its stock is 0", id="sold out, says the catalog"),
    ],
)
def test_policy(limits: Limits, facts: dict[str, Any], reason: str) -> None:
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(**facts)}, gpus={"g": tiny.gpu(), "other": tiny.gpu("other")})
    rejected = only(candidates(tiny.problem(limits=limits), catalog))
    assert (rejected.step, rejected.reason, rejected.offer_ids) == ("policy", reason, ("cloud-g",))


def test_policy_rejections_are_grouped_by_gpu_and_reason() -> None:
    offers = {name: tiny.offer(name, kind="spot") for name in ("b", "a")}
    rejected = only(candidates(catalog=tiny.catalog(offers=offers)))
    assert rejected.offer_ids == ("a", "b")


@pytest.mark.parametrize(
    ("tables", "asked", "reason"),
    [
        pytest.param({"gpus": {"g": tiny.gpu(compute_capability=6.1)}}, {},
                     "E needs compute capability 7, g has 6.1", id="an old GPU"),
        pytest.param({"gpus": {"g": tiny.gpu(vendor="amd", compute_capability=None)}}, {},
                     "E does not run on AMD GPUs", id="another vendor"),
        pytest.param({"engines": {"e": tiny.engine(unsupported_families=("llama",))}}, {},
                     "E does not run the llama family", id="a family it does not run"),
        pytest.param({"engines": {"e": tiny.engine(families=("qwen",))}}, {},
                     "E is not known to run the llama family", id="a family it is not known to run"),
        pytest.param({"engines": {"e": tiny.engine(precisions={"fp8": EnginePrecision()})}}, {},
                     "E has no bf16", id="a precision it does not have"),
        pytest.param({"gpus": {"g": tiny.gpu(compute_capability=7.5)}}, {},
                     "bf16 needs compute capability 8 in E, g has 7.5", id="a precision the GPU is too old for"),
        pytest.param({"models": {"m": tiny.model(attention_heads=9, kv_heads=9)},
                      "engines": {"e": tiny.engine(tp_sizes=(2,))}, "offers": {"cloud-g": tiny.offer(gpu_count=2)}}, {},
                     "9 attention heads do not divide by tensor parallel 2", id="heads that do not divide"),
    ],
)
def test_engine(tables: dict[str, Any], asked: dict[str, Any], reason: str) -> None:
    rejected = only(candidates(tiny.problem(**asked), tiny.catalog(**tables)))
    assert (rejected.step, rejected.reason) == ("engine", reason)


def test_engines_that_are_no_default_are_candidates_only_by_name() -> None:
    catalog = tiny.catalog(engines={"e": tiny.engine(), "f": tiny.engine(default=False)})
    assert {option.engine_id for found in candidates(catalog=catalog).options.values() for option in found} == {"e"}
    named = candidates(tiny.problem(engines=("f",)), catalog)
    assert {option.engine_id for found in named.options.values() for option in found} == {"f"}


@pytest.mark.parametrize(
    ("model", "asked", "reason"),
    [
        # 11 B x 2 bytes = 20.49 GiB; 2 GiB of overhead leave 18 of 20 GiB
        pytest.param({"parameters_billion": 11.0, "active_parameters_billion": 11.0}, {},
                     "weights need 20.5 GiB, 20.0 GiB usable", id="weights"),
        # 9.5 B: 17.70 GiB; 20 - 2 - 17.70 = 0.30 GiB, and 8,192 tokens at 81,920 bytes take 0.62 GiB
        pytest.param({"parameters_billion": 9.5, "active_parameters_billion": 9.5, "head_dim": 256, "vocabulary": 1000},
                     {"context_tokens": 8192}, "KV cache of one full-length request needs 0.6 GiB, 0.3 GiB free",
                     id="KV cache"),
        pytest.param({"context_limit_tokens": 1000}, {"context_tokens": 1001},
                     "context of 1001 tokens exceeds the model's limit of 1000", id="the model's own limit"),
    ],
)
def test_memory(model: dict[str, Any], asked: dict[str, Any], reason: str) -> None:
    rejected = only(candidates(tiny.problem(**asked), tiny.catalog(models={"m": tiny.model(**model)})))
    assert (rejected.step, rejected.reason) == ("memory", reason)


BIG: dict[str, Any] = {"parameters_billion": 10.5, "active_parameters_billion": 10.5}
"""19.56 GiB of weights on 18 GiB: too much by calculation."""


def test_what_was_measured_to_fit_needs_no_calculation() -> None:
    # four requests of 700 tokens were in flight at once
    catalog = tiny.catalog(tiny.point(4, 30.0), models={"m": tiny.model(**BIG)})
    found = candidates(catalog=catalog)
    assert [one.capacity for one in found.candidates(0, 25.0)] == [4]
    # 4 x 700 = 2,800 tokens hold one context of 2,800, but not one of 2,801
    assert not candidates(tiny.problem(context_tokens=2800), catalog).rejections
    assert only(candidates(tiny.problem(context_tokens=2801), catalog)).step == "memory"


def test_requests_that_queued_prove_only_what_was_decoded_at_once() -> None:
    # TTFT 1,990 ms of 3,980: half of 8 requests waited
    catalog = tiny.catalog(tiny.point(8, 10.0, 1990.0), models={"m": tiny.model(**BIG)})
    assert [one.capacity for one in candidates(catalog=catalog).candidates(0, 25.0)] == [4]


@pytest.mark.parametrize(
    ("least", "points"),
    [
        pytest.param("measured", (), id="nothing measured"),
        pytest.param("interpolated", (), id="nothing to interpolate"),
        pytest.param("measured", (tiny.point(isl_tokens=100),), id="other lengths"),
        pytest.param("measured", (tiny.point(use="check"),), id="rows that only check"),
    ],
)
def test_evidence(least: Any, points: tuple[Any, ...]) -> None:
    rejected = only(candidates(tiny.problem(limits=Limits(evidence=least)), tiny.catalog(*points)))
    assert (rejected.step, rejected.reason) == ("evidence", f"only estimated, and limits.evidence asks for {least}")


def test_evidence_of_a_ttft_counts_where_a_limit_looks_at_it() -> None:
    catalog = tiny.catalog(tiny.point(4, 10.0, None))
    measured = Limits(evidence="measured")
    assert not candidates(tiny.problem(limits=measured), catalog).rejections
    strict = tiny.problem(limits=measured, slo=Slo(tokens_per_s_per_user=25.0, ttft_ms=5000.0))
    assert only(candidates(strict, catalog)).step == "evidence"


def test_without_calibration_only_measured_rows_serve() -> None:
    rejected = only(candidates(catalog=tiny.catalog(calibration=None)))
    assert (rejected.step, rejected.reason) == ("evidence", "no measured row, and no calibration to estimate from")
    assert not candidates(catalog=tiny.catalog(tiny.point(), calibration=None)).rejections


@pytest.mark.parametrize(
    ("slo", "reason"),
    [
        # one request: TPOT 3.5 ms, TTFT 20.0256 ms, the whole response 20.0256 + 199 x 3.5 = 716.5256 ms
        pytest.param(Slo(tokens_per_s_per_user=300.0), "285.7 tok/s for a single request (estimated), 300 asked",
                     id="speed"),
        pytest.param(Slo(tokens_per_s_per_user=25.0, ttft_ms=19.0),
                     "TTFT 20 ms for a single request (estimated), at most 19 ms asked", id="first token"),
        pytest.param(Slo(response="whole", e2e_ms=700.0),
                     "717 ms for a single request (estimated) as a whole response, at most 700 ms asked",
                     id="whole response"),
    ],
)
def test_speed(slo: Slo, reason: str) -> None:
    rejected = only(candidates(tiny.problem(slo=slo)))
    assert (rejected.step, rejected.reason) == ("speed", reason)


def test_rejections_name_the_offers_that_they_concern() -> None:
    # tensor parallel 2 does not divide 9 heads: it concerns only the node with two GPUs
    offers = {"one": tiny.offer("one"), "two": tiny.offer("two", gpu_count=2)}
    catalog = tiny.catalog(models={"m": tiny.model(attention_heads=9, kv_heads=9)}, offers=offers)
    found = candidates(catalog=catalog)
    assert [(r.tp_size, r.offer_ids) for r in found.rejections] == [(2, ("two",))]
    assert {one.offer.offer_id for one in found.candidates(0, 25.0)} == {"one", "two"}


def test_every_offer_is_a_candidate_or_rejected(shipped: Catalog) -> None:
    problem = tiny.problem(model="llama-3-8b-instruct", precisions=("bf16",), demand=Demand(peak_concurrency=40))
    offers = priced_offers(shipped, problem)
    found = enumerate_candidates(problem, shipped, Market.of(offers, problem.limits), {})
    kept = {one.offer.offer_id for one in found.candidates(0, 25.0)}
    dropped = {name for rejection in found.rejections for name in rejection.offer_ids}
    assert kept | dropped == {offer.offer_id for offer in offers}
    assert {rejection.step for rejection in found.rejections} <= set(STEP_ORDER)
    assert all(rejection.reason for rejection in found.rejections)


@pytest.mark.parametrize(
    ("problem", "key"),
    [
        pytest.param(tiny.problem(model="nothing"), "services.0.model", id="model"),
        pytest.param(tiny.problem(precisions=("fp3",)), "services.0.precisions", id="precision"),
        pytest.param(tiny.problem(engines=("steam",)), "services.0.engines", id="engine"),
        pytest.param(tiny.problem(limits=Limits(gpus=Selection(allow=("x",)))), "limits.gpus", id="GPU"),
        pytest.param(tiny.problem(limits=Limits(providers=Selection(forbid=("x",)))), "limits.providers",
                     id="provider"),
        pytest.param(tiny.problem(limits=Limits(regions=Selection(allow=("x",)))), "limits.regions", id="region"),
        pytest.param(tiny.problem(limits=Limits(stock={"x": 1})), "limits.stock.x", id="offer"),
    ],
)
def test_names_that_nothing_bears_are_refused(problem: Problem, key: str) -> None:
    with pytest.raises(InputError) as caught:
        candidates(problem)
    assert [fault.key for fault in caught.value.faults] == [key]


def test_all_unknown_names_are_told_at_once() -> None:
    problem = tiny.problem(model="nothing", engines=("steam",), limits=Limits(gpus=Selection(allow=("x",))))
    with pytest.raises(InputError) as caught:
        candidates(problem)
    assert len(caught.value.faults) == 3


def test_a_model_answers_to_its_other_names() -> None:
    catalog = replace(tiny.catalog(), model_names={"org/m-1b": "m"})
    assert not candidates(tiny.problem(model="Org/M-1B"), catalog).rejections


def test_longer_workload_classes_count_for_the_context() -> None:
    two = (RequestClass(isl_tokens=500, osl_tokens=200, share_fraction=0.5),
           RequestClass(isl_tokens=8000, osl_tokens=193, share_fraction=0.5))
    rejected = only(candidates(tiny.problem(workload=two)))
    assert rejected.reason == "context of 8193 tokens exceeds the model's limit of 8192"
