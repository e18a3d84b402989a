"""The JSON Schema that editors read: valid, described, and true of every shipped problem."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from optimizer.load import problem_text, shipped_problem_names
from optimizer.load.problem import problem_schema_json
from optimizer.load.yaml_files import parse_mapping
from optimizer.schema.catalog import Gpu, RentedOffer
from optimizer.schema.describe import described_schema, field_docs, models_within
from optimizer.schema.problem import Demand, Limits, Problem, Service, Slo
from tests.load.workspace import PROBLEM

SCHEMA = described_schema(Problem)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_json(value: Any) -> Any:
    """What a JSON reader would have: lists for tuples, text for dates."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def test_it_is_a_schema_of_draft_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_of_a_problem_is_described() -> None:
    types = {"Problem": SCHEMA, **SCHEMA["$defs"]}
    assert {"Service", "Slo", "Demand", "Limits", "Budget", "Assumptions"} <= set(types)
    bare = [f"{name}.{key}" for name, found in types.items() for key,
        facts in found.get("properties", {}).items() if not facts.get("description")]
    assert bare == []


def test_the_docstring_under_a_field_is_its_description() -> None:
    assert SCHEMA["properties"]["services"]["description"] == "Services to place."
    assert SCHEMA["$defs"]["Slo"]["properties"]["ttft_ms"][
        "description"] == "Longest time to first token, in milliseconds, for streamed responses."
    assert SCHEMA["$defs"]["Slo"]["description"] == "What every user is promised at the peak."
    assert field_docs(Slo)["ttft_ms"] == SCHEMA["$defs"]["Slo"]["properties"]["ttft_ms"]["description"]


def test_inherited_fields_keep_their_docstring() -> None:
    assert field_docs(RentedOffer)["as_of"] == "When they were true."
    assert described_schema(Gpu)["properties"]["source_url"]["description"].startswith("Where the figures were read")


def test_types_within_types_are_found() -> None:
    assert {Problem, Service, Slo, Demand, Limits} <= models_within(Problem)
    assert models_within(tuple[Slo, ...] | None) == {Slo}
    assert models_within(int) == set()


@pytest.mark.parametrize("name", shipped_problem_names())
def test_shipped_problems_are_valid(name: str) -> None:
    VALIDATOR.validate(as_json(parse_mapping(problem_text(name)[0], name)))


@pytest.mark.parametrize(("old", "new"), [
    ("name: desk", "name: Help desk"), ("ttft_ms: 2000", "tttf_ms: 2000"), ("grade: C", "grade: D"),
        ("peak_concurrency: 40", "peak_concurrency: 0"),
    ("amount: 900000", "amount: -1"), ("schema_version: 1\n", ""), ("kinds: [on_demand, owned]", "kinds: []"),
        ("kind: async", "kind: later"),
])
def test_what_the_loader_refuses_in_one_value_the_schema_refuses(old: str, new: str) -> None:
    assert VALIDATOR.is_valid(as_json(parse_mapping(PROBLEM, "f")))
    assert not VALIDATOR.is_valid(as_json(parse_mapping(PROBLEM.replace(old, new), "f")))


def test_the_exported_text_is_the_schema() -> None:
    assert json.loads(problem_schema_json()) == SCHEMA


def test_docstrings_are_not_read_until_asked_for() -> None:
    code = "import sys, optimizer.load; assert 'optimizer.schema.describe' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_without_sources_there_is_a_schema_without_descriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.schema.describe._documented", lambda module: {})
    schema = described_schema(Slo)
    assert set(schema["properties"]) == set(SCHEMA["$defs"]["Slo"]["properties"])
    assert "description" not in schema["properties"]["grade"]
