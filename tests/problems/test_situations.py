"""Every shipped problem is a situation that a reader recognises, and its answer is the one it asks for."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest
import yaml

from optimizer.load import Catalog, problem_text, shipped_problem_names
from optimizer.load.problem import problem_schema_json, shipped_problems_dir
from optimizer.plan.hours import timetable_of
from optimizer.reports import json_report
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from optimizer.verify import faults_of_plan
from tests.problems.conftest import Solved, loaded_with_catalog, solve_shipped

Answers = Callable[..., Solved]

EXPECTED = {
    "assistant-llama-70b": "optimal",
    "budget-too-small": "infeasible",
    "campus-daily-users": "optimal",
    "chat-and-code": "optimal",
    "chat-with-documents": "optimal",
    "documents-by-length": "optimal",
    "helpdesk-llama3-8b": "optimal",
    "invoice-extraction": "optimal",
    "measured-curves-llama-70b": "optimal",
    "measured-only-gpt-oss-120b": "optimal",
    "office-day-profile": "optimal",
    "office-a5000-workstations": "optimal",
    "overnight-summaries": "optimal",
    "own-against-cloud-8x-h100": "optimal",
    "own-model": "optimal",
    "shared-node-small-models": "optimal",
    "shared-nodes-by-the-hour": "optimal",
    "stock-too-short": "infeasible",
    "survive-node-loss": "optimal",
    "survive-provider-loss": "optimal",
    "three-years-reserved": "optimal",
    "tokyo-cloud-only": "optimal",
    "tokyo-cloud-or-own": "optimal",
    "tokyo-own-spot-in-yen": "optimal",
    "tokyo-three-year-budget": "optimal",
    "tokyo-week": "optimal",
    "valley-filling": "optimal",
}

BY_THE_HOUR = {
    "office-day-profile", "shared-nodes-by-the-hour", "tokyo-own-spot-in-yen", "tokyo-week", "valley-filling"}
"""Answered hour by hour; nothing stands beside those plans."""

REPEATED = {"budget-too-small", "chat-and-code", "helpdesk-llama3-8b", "overnight-summaries", "own-model"}
"""Solved a second time in every run; the others only in the slow one."""


def monthly(plan: Plan) -> float:
    """Return the cost of a plan that must exist."""
    assert plan.cost.usd_per_month is not None
    return plan.cost.usd_per_month


def test_every_shipped_problem_has_an_expected_status() -> None:
    assert shipped_problem_names() == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_file_introduces_itself(name: str) -> None:
    text, path = problem_text(name)
    told = yaml.safe_load(text)
    assert text.startswith("# ")
    assert told["name"] == path.stem == name
    assert 30 <= len(told["description"]) <= 140


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_file_is_valid_by_the_exported_schema(name: str) -> None:
    schema = json.loads(problem_schema_json())
    jsonschema.Draft202012Validator.check_schema(schema)
    told = yaml.safe_load(problem_text(name)[0])
    jsonschema.validate(told, schema)
    for wrong in ({**told, "schema_version": 2}, {**told, "budget": 1}, {**told, "services": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_status_is_the_expected_one(name: str, solved: Answers) -> None:
    plan = solved(name).plan
    assert plan.status == EXPECTED[name]
    assert bool(plan.nodes) == bool(plan.deployments) == (plan.status == "optimal")
    if plan.status == "optimal":
        assert plan.gap_fraction == 0
        assert plan.bound_usd_per_month == monthly(plan)


@pytest.mark.parametrize("name", sorted(name for name, status in EXPECTED.items() if status == "optimal"))
def test_plan_stands_and_one_node_less_does_not(name: str, solved: Answers) -> None:
    one = solved(name)
    own = one.loaded.own_models
    assert faults_of_plan(one.plan, one.loaded.problem, one.catalog, own) == []
    first, *others = one.plan.nodes
    less = first.model_copy(update={"count": first.count - 1})
    fewer = one.plan.model_copy(update={"nodes": (less, *others)})
    assert faults_of_plan(fewer, one.loaded.problem, one.catalog, own)


@pytest.mark.parametrize(
    "name",
    [name if name in REPEATED else pytest.param(name, marks=pytest.mark.slow) for name in sorted(EXPECTED)],
)
def test_two_runs_give_the_same_bytes(name: str, solved: Answers) -> None:
    again = solve_shipped.__wrapped__(name).plan
    assert json_report.render(again) == json_report.render(solved(name).plan)


def test_no_single_gpu_type_is_cheaper_than_the_mix(solved: Answers) -> None:
    """Every proposal under the problem's own figures costs at least what the plan costs."""
    for name in sorted({name for name, status in EXPECTED.items() if status == "optimal"} - BY_THE_HOUR):
        plan = solved(name).plan
        if plan.periods:
            continue  # what stands beside a plan looks at one peak
        beside = [p for p in plan.proposals if p.name.startswith(("only ", "measured"))]
        assert beside, name
        assert all(p.usd_per_month is None or p.usd_per_month >= monthly(plan) for p in beside), name


# The situations, one by one.


def test_seed_question_rests_on_estimates_and_says_so(solved: Answers) -> None:
    plan = solved("helpdesk-llama3-8b").plan
    assert "estimated speeds" in plan.warnings[0]
    assert len(plan.depends_on) == 3
    assert "measured and interpolated only" in {proposal.name for proposal in plan.proposals}
    service = plan.services[0]
    assert (service.planned_concurrency, service.capacity_concurrency >= 40) == (40, True)
    assert service.tokens_per_s_per_user is not None
    assert service.tokens_per_s_per_user >= 25


def test_a_70b_model_is_not_dearer_for_allowing_fp8(solved: Answers) -> None:
    both = solved("assistant-llama-70b").plan
    bf16 = solved("assistant-llama-70b", "services.0.precisions=[bf16]").plan
    assert monthly(both) <= monthly(bf16)
    assert {one.precision for one in bf16.deployments} == {"bf16"}


def test_office_stays_on_its_own_a5000_and_its_circuit(solved: Answers) -> None:
    one = solved("office-a5000-workstations")
    places = {(node.kind, node.gpu_id, node.region) for node in one.plan.nodes}
    assert places == {("owned", "rtx-a5000-24gb", "on-prem-jp")}
    # the host of a workstation draws something beside its GPUs, so 1.5 kW hold fewer than 1500 / 230 = 6.5 cards
    assert sum(node.count * node.gpu_count for node in one.plan.nodes) <= 6
    assert set(one.plan.cost.breakdown) >= {"capital", "power", "maintenance"}


@pytest.mark.parametrize("name", ["tokyo-cloud-only", "tokyo-cloud-or-own", "office-a5000-workstations"])
def test_yen_problems_show_yen_at_the_stated_rate(name: str, solved: Answers) -> None:
    one = solved(name)
    rate = one.catalog.fx["JPY"].rate_per_usd
    assert one.plan.cost.currency == "JPY"
    assert one.plan.cost.local_per_month == pytest.approx(monthly(one.plan) * rate)
    assert one.plan.cost.fx_as_of == one.catalog.fx["JPY"].as_of


def test_tokyo_keeps_to_its_regions_and_owning_is_no_dearer(solved: Answers) -> None:
    tokyo = {"ap-northeast-1", "asia-northeast1", "japaneast"}
    cloud, own = solved("tokyo-cloud-only"), solved("tokyo-cloud-or-own")
    assert {node.region for node in cloud.plan.nodes} <= tokyo
    assert {node.region for node in own.plan.nodes} <= tokyo | {"on-prem-jp"}
    admitted = {offer.provider for offer in cloud.catalog.offers.values() if offer.region in tokyo}
    assert {"aws", "gcp", "azure"} <= admitted  # the question is a choice between several providers
    rented = solved("tokyo-cloud-or-own", "limits.kinds=[on_demand, reserved]").plan
    assert monthly(own.plan) <= monthly(rented)


def test_surviving_a_node_costs_more_than_not(solved: Answers) -> None:
    safe = solved("survive-node-loss").plan
    bare = solved("survive-node-loss", "limits.survive.nodes=0").plan
    assert sum(node.count for node in safe.nodes) >= 2
    assert monthly(safe) > monthly(bare)
    assert len({one.engine_id for one in safe.deployments}) == 1  # engine_policy: fleet


def test_surviving_a_provider_takes_two_of_them(solved: Answers) -> None:
    plan = solved("survive-provider-loss").plan
    assert len({node.provider for node in plan.nodes}) >= 2
    for lost in {node.provider for node in plan.nodes}:
        left = {node.offer_id for node in plan.nodes if node.provider != lost}
        assert sum(d.nodes * d.capacity_per_node for d in plan.deployments if d.offer_id in left) >= 24


def test_overnight_batch_is_done_by_the_deadline(solved: Answers) -> None:
    service = solved("overnight-summaries").plan.services[0]
    # 60,000 requests in the 8 hours from 22:00 to 06:00, a quarter more in reserve: 60000 / 28800 x 1.25 = 2.604/s
    assert service.capacity_rps is not None
    assert service.capacity_rps >= 60_000 / (8 * 3600) * 1.25
    assert service.target_tokens_per_s == 0


def test_budget_too_small_says_what_would_suffice(solved: Answers) -> None:
    plan = solved("budget-too-small").plan
    assert plan.cost.usd_per_month is None
    reason = next(reason for reason in plan.reasons if reason.startswith("limits.budget"))
    named = float(reason.split("$")[1].split()[0].replace(",", ""))
    assert named > 2000
    enough = solved("budget-too-small", f"limits.budget.amount={named + 0.01}").plan
    assert monthly(enough) == pytest.approx(named, abs=0.01)
    assert solved("budget-too-small", f"limits.budget.amount={named - 0.01}").plan.status == "infeasible"


def test_two_services_share_the_limits(solved: Answers) -> None:
    one = solved("chat-and-code")
    nodes, limits = one.plan.nodes, one.loaded.problem.limits
    assert {service.service_id for service in one.plan.services} == {"chat", "code"}
    assert len({node.gpu_id for node in nodes}) <= 2
    assert sum(node.count for node in nodes) <= 12
    assert all(node.count <= limits.stock.get(node.offer_id, node.count) for node in nodes)
    assert limits.budget is not None
    assert monthly(one.plan) <= limits.budget.amount


def test_measured_only_rests_on_measured_rows_with_their_source(solved: Answers) -> None:
    one = solved("measured-only-gpt-oss-120b")
    assert {d.evidence for d in one.plan.deployments} == {"measured"}
    sources = {point.source_url for point in one.catalog.points}
    assert {d.source_url for d in one.plan.deployments} <= sources


def test_measured_curves_are_planned_at_their_slow_end(solved: Answers) -> None:
    slow = solved("measured-curves-llama-70b").plan
    middle = solved("measured-curves-llama-70b", "limits.speed_confidence=null").plan
    assert {d.evidence for d in slow.deployments} <= {"measured", "interpolated"}
    assert monthly(slow) >= monthly(middle)


def test_own_model_is_read_from_its_config(solved: Answers) -> None:
    one = solved("own-model")
    (model,) = one.loaded.own_models.values()
    # embeddings 2 x 99,584 x 5,120 = 1.020 billion; a layer: attention 5,120 x 128 x (2 x 40 + 2 x 8) = 62.9 million,
    # MLP 3 x 5,120 x 13,824 = 212.3 million; 40 layers: 11.010 billion; in all 12.03 (norms: under a million)
    assert model.parameters_billion == pytest.approx(12.03, abs=0.01)
    assert (model.layers, model.kv_heads, model.context_limit_tokens) == (40, 8, 32768)
    assert (shipped_problems_dir() / "own-model" / "config.json").is_file()


def test_daily_users_become_a_rate_at_the_peak(solved: Answers) -> None:
    service = solved("campus-daily-users").plan.services[0]
    # 6,000 x 2 x 5 requests / (14 h x 3,600 s) x 3 = 3.571 requests/s
    assert service.peak_rps == pytest.approx(60_000 / 50_400 * 3)
    assert service.capacity_rps is not None
    assert service.capacity_rps >= 60_000 / 50_400 * 3 * 1.2
    assert service.gpu_hours_per_day is not None


def test_whole_responses_are_there_in_time(solved: Answers) -> None:
    for one in solved("invoice-extraction").plan.deployments:
        assert one.ttft_ms is not None
        assert one.tokens_per_s_per_user is not None
        assert one.ttft_ms + 149 * 1000 / one.tokens_per_s_per_user <= 6000  # 150 output tokens


def test_a_mix_of_requests_lies_between_its_classes(solved: Answers) -> None:
    both = solved("chat-with-documents").plan
    short = solved("chat-with-documents", "services.0.workload=[{isl_tokens: 512, osl_tokens: 256}]").plan
    long = solved("chat-with-documents", "services.0.workload=[{isl_tokens: 8000, osl_tokens: 512}]").plan
    assert monthly(short) <= monthly(both) <= monthly(long)


def test_three_years_are_cheaper_with_commitments(solved: Answers) -> None:
    bound = solved("three-years-reserved").plan
    free = solved("three-years-reserved", "limits.kinds=[on_demand]").plan
    assert "reserved" in {node.kind for node in bound.nodes}
    assert monthly(bound) < monthly(free)


def test_a_day_profile_mixes_a_reserved_base_with_spot_and_costs_less_than_one_peak(solved: Answers) -> None:
    plan = solved("office-day-profile").plan
    table = timetable_of(plan)
    assert table is not None
    kinds = {node.offer_id: node.kind for node in plan.nodes}
    assert {kinds[name] for name in table.standing} == {"reserved"}
    assert "spot" in kinds.values()
    peak = solved("office-day-profile", "services.0.demand.profile=null").plan
    flat = solved("office-day-profile", f"services.0.demand.profile={[1] * 24}").plan
    assert monthly(plan) < monthly(peak) == monthly(flat)


def test_work_that_waits_is_done_on_nodes_that_stand_anyway(solved: Answers) -> None:
    plan = solved("valley-filling").plan
    alone = [solved("valley-filling", f"services=[{part}]").plan for part in _services_of("valley-filling")]
    rented = {node.offer_id for node in plan.nodes if node.kind != "owned"}
    for slot in plan.periods:
        assert all(one.offer_id not in rented for one in slot.running if one.service_id == "summaries")
    assert monthly(plan) < sum(monthly(one) for one in alone)


def _services_of(name: str) -> list[str]:
    return [json.dumps(service) for service in yaml.safe_load(problem_text(name)[0])["services"]]


def test_a_week_in_tokyo_is_no_dearer_than_owning_or_renting_alone(solved: Answers) -> None:
    both = solved("tokyo-week").plan
    budget = "limits.budget=null"
    for kinds in ("[owned]", "[on_demand, reserved]"):
        assert monthly(both) < monthly(solved("tokyo-week", f"limits.kinds={kinds}", budget).plan)
    table = timetable_of(both)
    assert table is not None
    assert table.hours == 168


def test_rows_of_one_model_suffice(shipped: Catalog) -> None:
    """A solve reads only the rows of its models; the whole catalog gives the same plan."""
    for name in ("chat-and-code", "measured-only-gpt-oss-120b"):
        loaded, few = loaded_with_catalog(name)
        assert len(few.points) < len(shipped.points)
        plans = []
        for catalog in (few, shipped):
            prepared = prepare(loaded, catalog)
            solution = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings())
            plans.append(plan_of(prepared, solution))
        assert plans[0] == plans[1]
