"""A plan written by hand, on two kinds of node, for reports to render."""

from __future__ import annotations

from optimizer.messages import Message
from optimizer.schema.plan import (
    Cost,
    DecisiveFigure,
    Deployment,
    Inputs,
    Node,
    Plan,
    Proposal,
    RejectionRow,
    ServicePlan,
)

RENTED = Node(
    offer_id="cloud-big-x1", gpu_id="big-80gb", gpu_count=1, kind="reserved", term_months=12,
    provider="cloud", region="tokyo", count=2, usd_per_month=3650.0,
    price_as_of="2026-08-21", price_evidence="list", usd_per_hour_each=2.5,
    usd_per_month_low=3650.0, usd_per_month_high=3650.0, source_url="https://example.org/prices", from_overlay=False,
)
OWNED = Node(
    offer_id="owned-small-x2.on-prem-jp", gpu_id="small-24gb", gpu_count=2, kind="owned", term_months=0,
    provider="owned", region="on-prem-jp", count=1, usd_per_month=350.0,
    price_as_of="2026-07", price_evidence="assumed",
    usd_per_hour_each=350 / 730, usd_per_month_low=300.0, usd_per_month_high=500.0,
    source_url="https://example.org/card ; price list of 2026 ; https://example.org/card", from_overlay=True,
)
FAST = Deployment(
    service_id="chat", offer_id="cloud-big-x1", engine_id="vllm", precision="bf16", tp_size=1, gpu_count=1, replicas=2,
    nodes=2, concurrency_per_replica=64, concurrency_at_peak=50, tokens_per_s_per_user=71.64, ttft_ms=1318.4,
    evidence="interpolated", error_fraction=0.08,
    source_url="https://example.org/lab", capacity_per_node=64.0, load_fraction=0.9,
)
SLOW = FAST.model_copy(update={
    "offer_id": "owned-small-x2.on-prem-jp", "replicas": 1, "nodes": 1, "tp_size": 2, "evidence": "estimated",
    "error_fraction": 0.43, "source_url": None, "load_fraction": 0.1, "ttft_ms": None, "tokens_per_s_per_user": 30.04,
})
CHAT = ServicePlan(
    service_id="chat", model_id="llama-8b", peak_concurrency=100, capacity_concurrency=138, tokens_per_s_per_user=30.04,
    grade="B", target_tokens_per_s=25.0, planned_concurrency=110, peak_rps=None, capacity_rps=None,
    headroom_fraction=0.1,
    demand="100 requests in flight + 10% headroom = 110",
    arithmetic="2 nodes x 1 GPU x 64 requests + 1 node x 1 replica of 2 GPUs x 10 requests = 138 >= 110",
    gpu_hours_per_day=None, mean_utilisation_fraction=None, peak_utilisation_fraction=110 / 138,
)
INPUTS = Inputs(problem_sha256="ab" * 32, catalog_sha256="cd" * 32, gpumix_version="1.2.3", ortools_version="9.15")

PLAN = Plan(
    problem="two-kinds", status="optimal",
    cost=Cost(usd_per_hour=4000 / 730, usd_per_month=4000.0, breakdown={"rent": 3650.0, "capital": 350.0}),
    bound_usd_per_month=4000.0, gap_fraction=0.0, nodes=(RENTED, OWNED), deployments=(FAST, SLOW), services=(CHAT,),
    proposals=(
        Proposal(name=Message("proposal.measured"), status="optimal", usd_per_month=5475.0, nodes=(RENTED,)),
        Proposal(
            name=Message("proposal.only", gpu="big-80gb"), status="optimal", usd_per_month=5475.0, nodes=(RENTED,)),
        Proposal(name=Message("proposal.only", gpu="small-24gb"), status="infeasible", usd_per_month=None, nodes=()),
        Proposal(name=Message("proposal.only", gpu="odd-8gb"), status="unknown", usd_per_month=None, nodes=()),
    ),
    rejections=(
        RejectionRow(service_id="chat", gpu_id="odd-8gb", engine_id="vllm", precision="bf16", tp_size=1,
                     offer_ids=("a", "b"), step="memory", reason="weights need 15.0 GiB, 7.2 GiB usable"),
        RejectionRow(service_id="", gpu_id="big-80gb", engine_id=None, precision=None, tp_size=None, offer_ids=("c",),
                     step="policy", reason="kind spot is not among limits.kinds"),
    ),
    inputs=INPUTS, warnings=("Load-test before you sign.",),
    depends_on=(
        DecisiveFigure(figure="speed of llama-8b on small-24gb", value="30.0 tok/s", usd_per_month_at_bad_end=None),
        DecisiveFigure(figure="price of cloud-big-x1", value="$1,825/month", usd_per_month_at_bad_end=4100.0),
        DecisiveFigure(figure="TTFT of llama-8b on big-80gb", value="1318 ms", usd_per_month_at_bad_end=4000.001),
    ),
)

YEN = PLAN.model_copy(update={"cost": PLAN.cost.model_copy(update={
    "currency": "JPY", "fx_rate_per_usd": 150.0, "fx_as_of": "2026-08-21", "local_per_month": 600_000.0})})

NO_COST = Cost(usd_per_hour=None, usd_per_month=None, breakdown={})


def without_plan(status: str, *reasons: str) -> Plan:
    """Return an answer without a plan."""
    return PLAN.model_copy(update={
        "status": status, "cost": NO_COST, "bound_usd_per_month": None, "gap_fraction": None, "nodes": (),
        "deployments": (), "services": (), "proposals": (), "warnings": (), "depends_on": (),
        "reasons": tuple(Message("answer.limit") if reason == Message("answer.limit") else Message.quoted(reason)
                         for reason in reasons)})
