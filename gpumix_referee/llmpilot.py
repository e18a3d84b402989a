"""LLM-Pilot's instances: node types whose users at a grade and cost an hour are stated outright.

Each instance is written as a user would write it, a problem over an overlay whose `capacities.csv` states every option,
and then loaded and solved like any other.
"""

from __future__ import annotations

import csv
import json
import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpumix_referee.certify import write_certificate
from gpumix_referee.verdict import Verdict
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, load_catalog, load_problem
from optimizer.load.faults import shown
from optimizer.load.text import read_json
from optimizer.schema.catalog import CapacityRow, RentedOffer
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from optimizer.solve.certify import certificate, certify
from optimizer.units import MICRO

PROVIDER = "llm-pilot"

AS_OF = "2024"
"""Year of the publication the instances come from (LLM-Pilot, SC 2024)."""

OPTION = re.compile(r"^(\d+)x([a-z0-9-]+)$")
"""An option is named by GPU count and type: 2xa100."""


@dataclass(frozen=True)
class Instance:
    """One file, checked."""

    name: str
    model: str
    tokens_per_s: float
    users: int
    options: dict[str, tuple[int, float]]
    """Option -> (users a node carries, US dollars an hour)."""
    optimum: float | None


def _number(data: Any, key: str, label: str, faults: list[Fault], whole: bool = False) -> float:
    value: Any = data.get(key) if isinstance(data, dict) else None
    good = isinstance(value, int) if whole else isinstance(value, int | float)
    if not good or isinstance(value, bool) or not math.isfinite(value) or not 0 < value < 1e12:
        faults.append(Fault(label, key, shown(value), "a whole number from 1" if whole else "a number above 0"))
        return 1
    return float(value)


def read_instance(path: Path) -> Instance:
    """Read an instance.

    Raises:
        InputError: with every fault of the file.
    """
    label = str(path)
    data = read_json(path, "an LLM-Pilot instance")
    if not isinstance(data, dict) or not isinstance(data.get("options"), dict) or not data["options"]:
        raise InputError(
            [Fault(label, "options", "no mapping", "a mapping of options such as 2xa100 to users and cost")]
        )
    faults: list[Fault] = []
    options: dict[str, tuple[int, float]] = {}
    for name, facts in data["options"].items():
        if not OPTION.match(name):
            faults.append(Fault(label, f"options.{name}", repr(name), "a count, 'x' and a GPU, such as 2xa100"))
        inner: list[Fault] = []
        users, cost = _number(facts, "users", label, inner, whole=True), _number(facts, "cost", label, inner)
        faults += [Fault(f.file, f"options.{name}.{f.key}", f.found, f.allowed) for f in inner]
        options[name] = (int(users), cost)
    speed = _number(data, "min_user_tps_p50", label, faults)
    users = _number(data, "concurrent_users", label, faults, whole=True)
    if faults:
        raise InputError(faults)
    optimum = data.get("optimum")
    return Instance(
        path.stem,
        str(data.get("model", "unnamed")),
        speed,
        int(users),
        options,
        float(optimum) if isinstance(optimum, int | float) else None,
    )


def _gpu_id(catalog: Catalog, name: str, label: str) -> str:
    """Find the catalog's GPU for an instance's short name: the first whose id starts with it."""
    found = sorted(gpu for gpu in catalog.gpus if gpu == name or gpu.startswith(f"{name}-"))
    if not found:
        raise InputError([Fault(label, "options", repr(name), "a GPU of gpus.csv (gpumix catalog list gpus)")])
    return found[0]


def _write_rows(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_overlay(instance: Instance, catalog: Catalog, folder: Path) -> Path:
    """Write an instance as an overlay and a problem over it, and return the problem's path."""
    offers, capacities = [], []
    for name, (users, cost) in instance.options.items():
        match = OPTION.match(name)
        count, gpu = (match.group(1), match.group(2)) if match else ("1", name)
        source = {"source_url": f"{instance.name}.json", "as_of": AS_OF}
        offers.append(
            {
                "offer_id": name,
                "provider": PROVIDER,
                "region": "global",
                "gpu_id": _gpu_id(catalog, gpu, instance.name),
                "gpu_count": count,
                "kind": "on_demand",
                "price": repr(cost),
                **source,
            }
        )
        capacities.append({"service_id": "users", "offer_id": name, "max_concurrency": users, **source})
    _write_rows(folder / "offers" / "llm-pilot.csv", tuple(RentedOffer.model_fields), offers)
    _write_rows(folder / "capacities.csv", tuple(CapacityRow.model_fields), capacities)
    problem = {
        "schema_version": 1,
        "name": re.sub(r"[^a-z0-9._-]+", "-", instance.name.lower()).strip("-._") or "instance",
        "services": [
            {
                "service_id": "users",
                "model": instance.model,
                "slo": {"tokens_per_s_per_user": instance.tokens_per_s},
                "workload": [{"isl_tokens": 1, "osl_tokens": 1}],
                "demand": {"peak_concurrency": instance.users},
                "headroom_fraction": 0.0,
            }
        ],
        "limits": {"providers": {"allow": [PROVIDER]}, "kinds": ["on_demand"]},
    }
    path = folder / "problem.yaml"
    path.write_text(json.dumps(problem, indent=2) + "\n", encoding="utf-8")  # JSON is YAML
    return path


def judge(path: Path, keep: Path | None = None, certificates: Path | None = None) -> Verdict:
    """Solve one instance.

    Args:
        path: its file.
        keep: a folder in which its overlay and problem stay.
        certificates: a folder for the proof that nothing cheaper exists.

    Raises:
        InputError: the file is no instance.
        LimitError: no proof was found within the limits.
    """
    instance = read_instance(path)
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep / instance.name if keep else Path(temporary)
        reference = write_overlay(instance, load_catalog(references=()), folder)
        loaded = load_problem(str(reference))
        prepared = prepare(loaded, load_catalog(overlays=[folder], references={instance.model}))
        solution = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings())
        plan = plan_of(prepared, solution, with_rejections=False)
        if certificates is not None:
            write_certificate(certificates, instance.name, certificate(prepared, certify(prepared, solution)))
    bound = None if plan.bound_usd_per_month is None else solution.bound
    return Verdict(
        instance.name,
        plan.status,
        plan.cost.usd_per_hour,
        None if bound is None else bound / MICRO,
        {node.offer_id: node.count for node in plan.nodes},
        instance.optimum,
    )
