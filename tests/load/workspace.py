"""A problem with its own model, a small catalog and an overlay in one folder, and one way to read all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optimizer.load import load_catalog, load_problem
from optimizer.solve import Prepared, prepare

PROBLEM = """\
schema_version: 1
name: desk
services:
  - service_id: chat
    model: llama-8b
    precisions: [bf16]
    engines: [vllm]
    kind: sync
    slo: {grade: C, tokens_per_s_per_user: 25, ttft_ms: 2000, response: streaming}
    workload: [{isl_tokens: 512, osl_tokens: 256, share_fraction: 1.0}]
    context_tokens: 2048
    demand: {peak_concurrency: 40}
    headroom_fraction: 0.1
  - service_id: night
    model: own/config.json
    kind: async
    workload: [{isl_tokens: 1000, osl_tokens: 100}]
    deadline: {requests: 5000, start_hour: 22, end_hour: 6}
limits:
  budget: {amount: 900000, currency: JPY, per: month}
  kinds: [on_demand, owned]
  gpus: {allow: [], forbid: []}
  nodes: {min: 1, max: 50}
"""

CONFIG = """\
{
  "model_type": "llama",
  "num_hidden_layers": 32,
  "hidden_size": 4096,
  "num_attention_heads": 32,
  "num_key_value_heads": 8,
  "intermediate_size": 14336,
  "vocab_size": 128256,
  "max_position_embeddings": 8192,
  "tie_word_embeddings": false,
  "torch_dtype": "bfloat16"
}
"""

OVERLAY = {
    "offers/own.csv": """\
offer_id,provider,region,gpu_id,gpu_count,kind,term_months,price,source_url,as_of
quote-big-x2,acme,tokyo,big-80gb,2,on_demand,0,4.75,quotation 17,2026-11-02
""",
    "capacities.csv": """\
service_id,offer_id,max_concurrency,engine_id
chat,cloud-big-x1-12m,64,vllm
chat,owned-small-x2.on-prem-jp,8,
""",
    "on_prem.yaml": """\
assumptions:
  staff_fte_per_gpu: {value: 0, as_of: 2026}
nodes:
  - offer_id: owned-big-x1
    name: Server with one big card
    gpu_id: big-80gb
    gpu_count: 1
    form: server
    sites: [on-prem-jp]
    colocated: true
    host_watts: 400
    parts: [{item: all, unit_price: 40000, as_of: 2026-11-02}]
""",
}


@dataclass(frozen=True)
class Workspace:
    """The folder; `catalog`, `overlay`, `problem.yaml` and `own/config.json` lie in it."""

    root: Path

    def __truediv__(self, name: str) -> Path:
        """Name a file in it."""
        return self.root / name

    def read(self, overrides: tuple[str, ...] = (), overlay: bool = True) -> Prepared:
        """Load and prepare everything, as every command does before it solves."""
        loaded = load_problem(str(self / "problem.yaml"), overrides)
        catalog = load_catalog(self / "catalog", [self / "overlay"] if overlay else [])
        return prepare(loaded, catalog)


def write_workspace(root: Path) -> Workspace:
    """Write a valid workspace beside `root/catalog`."""
    workspace = Workspace(root)
    for name, text in {"problem.yaml": PROBLEM, "own/config.json": CONFIG,
        **{f"overlay/{n}": t for n, t in OVERLAY.items()}}.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return workspace
