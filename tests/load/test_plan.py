"""Plans saved as JSON: what is none, and what does not add up, is said key by key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import Fault, InputError
from optimizer.load import load_catalog, load_problem
from optimizer.load.plan import read_plan
from optimizer.solve import SolveSettings, plan_of, prepare, solve

SMALL = Path(__file__).parents[1] / "data" / "small_catalog"

DESK = """\
schema_version: 1
name: desk
services:
  - service_id: chat
    model: llama-8b
    slo: {tokens_per_s_per_user: 25}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 40}
limits: {kinds: [on_demand], gpus: {allow: [big-80gb]}, evidence: interpolated}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("plan") / "desk.yaml"
    path.write_text(DESK)
    prepared = prepare(load_problem(str(path)), load_catalog(SMALL))
    plan = plan_of(prepared, solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings()))
    return plan.as_json()


def faults(path: Path, text: str | bytes) -> list[str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError) as error:
        read_plan(path)
    return [str(fault).removeprefix(f"{path}: ") for fault in error.value.faults]


def test_a_plan_comes_back_as_it_was(tmp_path: Path, data: dict[str, Any]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(data))
    assert read_plan(path).as_json() == data
    path.write_text(json.dumps(read_plan(path).as_json(rejections=False)))  # as plans of a frontier leave them out
    assert read_plan(path).rejections == ()


@pytest.mark.parametrize(("text", "said"), [
    ("", "found text that JSON cannot read"),
    ("{", "found text that JSON cannot read"),
    ("[]", "found JSON without status, cost, nodes"),
    ("null", "found JSON without status"),
    ('{"axis": "speed", "points": []}', "found JSON without status"),
    ("[" * 100_000, "found text that JSON cannot read"),
    (b"\xff\xfe{\x00", "UTF-16 text"),
    ("{\x00}", "a NUL character"),
])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    (fault,) = faults(tmp_path / "plan.json", text)
    assert said in fault


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "plan.json")


def edited(data: dict[str, Any], edit: Callable[[dict[str, Any]], Any]) -> str:
    fresh = copy.deepcopy(data)
    edit(fresh)
    return json.dumps(fresh)


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def edit(data: Any) -> None:
        *parts, last = path.split(".")
        for part in parts:
            data = data[int(part)] if part.isdigit() else data[part]
        data[last] = value

    return edit


@pytest.mark.parametrize(("key", "value", "said"), [
    ("nodes.0.count", 2, "cost.usd_per_hour: found 2.5; allowed: the sum of the nodes, 5.0"),
    ("nodes.0.count", 0, "nodes.0.count: found 0; allowed: a whole number from 1"),
    ("nodes.0.count", 1.5, "nodes.0.count: found 1.5; allowed: a"),
    ("nodes.0.count", "1", "nodes.0.count: found '1'; allowed: a whole number"),
    ("nodes.0.usd_per_hour_each", -1, "nodes.0.usd_per_hour_each: found -1; allowed: a price from 0"),
    ("nodes.0.usd_per_hour_each", 2, "cost.usd_per_month: found 1825.0; allowed: the sum of the nodes, 1460.0"),
    ("cost.usd_per_month", None, "cost.usd_per_month: found None; allowed: the sum of the nodes, 1825.0"),
    ("nodes.0.offer_id", "x", "deployments.0.offer_id: found cloud-big-x1; allowed: one of the nodes: x"),
    ("deployments.0.service_id", "x", "deployments.0.service_id: found x; allowed: one of services: chat"),
    ("deployments.0.load_fraction", 0.5, "deployments: found load_fraction of chat adding up to 0.5; allowed: a sum"),
    ("deployments.0.replicas", 0, "deployments.0.replicas: found 0; allowed: a whole number from 1"),
    ("status", "great", "status: found 'great'; allowed: "),
    ("status", "infeasible", "status: found infeasible with nodes; allowed: no nodes"),
    ("nodes", [], "nodes: found nothing; allowed: the nodes of a plan that is optimal"),
    ("schema_version", 1, "schema_version: found 1; allowed: "),
    ("nodes.0.colour", "red", "nodes.0.colour: found an unknown key; allowed: "),
    ("cost.usd_per_hour", float("nan"), "found"),
    ("cost.usd_per_hour", float("inf"), "found"),
    ("problem", "\ud800", "found"),
])
def test_a_figure_changed_by_hand_is_found(
    tmp_path: Path, data: dict[str, Any], key: str, value: object, said: str
) -> None:
    assert any(said in fault for fault in faults(tmp_path / "plan.json", edited(data, put(key, value))))


def test_every_fault_is_named_at_once(tmp_path: Path, data: dict[str, Any]) -> None:
    def edit(plan: dict[str, Any]) -> None:
        del plan["nodes"][0]["provider"]
        plan["cost"]["usd_per_hour"] = "2.5"
        plan["extra"] = 1

    found = faults(tmp_path / "plan.json", edited(data, edit))
    assert len(found) == 3
    assert any(fault.startswith("nodes.0.provider: found nothing") for fault in found)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data).replace('"status": "optimal"', '"status": "optimal", "status": "feasible"', 1)
    assert faults(tmp_path / "plan.json", text) == ["status: found a key that stands twice; allowed: each key once"]


JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
                    lambda inner: st.one_of(st.lists(inner, max_size=2),
                                            st.dictionaries(st.text(max_size=5), inner, max_size=2)), max_leaves=4)


@given(st.data(), JSON)
def test_whatever_stands_at_a_key_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any], drawn: st.DataObject, value: object
) -> None:
    """Every leaf of a plan in turn is replaced by anything that JSON can hold."""
    fresh = copy.deepcopy(data)
    place: Any = fresh
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = drawn.draw(st.sampled_from(keys))
        inner = place[key]
        if not inner or not isinstance(inner, dict | list):
            place[key] = value
            break
        place = inner
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(fresh), encoding="utf-8")
    said: tuple[Fault, ...] = ()
    try:
        read_plan(path)
    except InputError as error:
        said = error.faults
    assert all(fault.found and fault.allowed for fault in said)
