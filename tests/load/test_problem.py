"""Problem files: overrides, own models, digests, shipped names, dates."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog, load_problem, problem_text, shipped_problem_names
from optimizer.load.overrides import apply_overrides, blame_overrides
from optimizer.load.problem import parse_problem, with_known_shapes
from optimizer.load.yaml_files import parse_mapping
from tests.load.workspace import PROBLEM, Workspace


def overridden(*assignments: str) -> dict[str, Any]:
    data = parse_mapping("a: {b: [1, {c: 2}], d: null, slo: {grade: C, tokens_per_s_per_user: 20}}", "f")
    apply_overrides(data, assignments)
    return data


@pytest.mark.parametrize(("assignment", "path", "value"), [
    ("a.b.0=7", ("a", "b", 0), 7), ("a.b.1.c=x", ("a", "b", 1, "c"), "x"), ("a.b.1.new=1", ("a", "b", 1, "new"), 1),
        ("a.d.e.f=1", ("a", "d", "e", "f"), 1),
    ("a.b=[1, 2]", ("a", "b"), (1, 2)), ("a={x: 1}", ("a",), {"x": 1}), ("z=", ("z",), None),
        (" a.d = 5", ("a", "d"), 5), ("a.d=k=v", ("a", "d"), "k=v"),
])
def test_an_override_sets_one_place(assignment: str, path: tuple[str | int, ...], value: Any) -> None:
    target: Any = overridden(assignment)
    for part in path:
        target = target[part]
    assert target == value


def test_later_overrides_win() -> None:
    assert overridden("a.d=1", "a.d=2")["a"]["d"] == 2


def test_a_grade_replaces_the_number_and_the_number_the_grade() -> None:
    assert overridden("a.slo.grade=B")["a"]["slo"] == {"grade": "B"}
    assert overridden("a.slo.tokens_per_s_per_user=40")["a"]["slo"] == {"tokens_per_s_per_user": 40}
    assert overridden("a.slo.tokens_per_s_per_user=40", "a.slo.grade=B")["a"]["slo"] == {"grade": "B"}


def test_only_what_an_override_set_is_blamed_on_it() -> None:
    from optimizer.errors import Fault

    faults = [Fault("f", key, "x", "y") for key in ("a.b", "a.b.0.c", "a.bc", "a")]
    assert [fault.file for fault in blame_overrides(faults, ["a.b=1"])] == ["--set a.b=1", "--set a.b=1", "f", "f"]


def test_overrides_change_the_digest_and_comments_do_not() -> None:
    plain = parse_problem(PROBLEM.replace("own/config.json", "llama-8b"), "f")
    commented = parse_problem(f"# a comment\n{plain.text}", "f")
    changed = parse_problem(plain.text, "f", ("services.0.demand.peak_concurrency=41",))
    assert plain.sha256 == commented.sha256 != changed.sha256


def test_an_own_model_counts_into_the_digest(workspace: Workspace) -> None:
    before = load_problem(str(workspace / "problem.yaml"))
    config = workspace / "own/config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("8192", "4096"), encoding="utf-8")
    after = load_problem(str(workspace / "problem.yaml"))
    assert before.sha256 != after.sha256
    assert after.own_models["own/config.json"].context_limit_tokens == 4096


def test_an_own_model_is_looked_for_beside_the_problem_and_then_here(workspace: Workspace,
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = tmp_path / "elsewhere" / "own"
    here.mkdir(parents=True)
    (workspace / "own/config.json").rename(here / "config.json")
    monkeypatch.chdir(here.parent)
    assert load_problem(str(workspace / "problem.yaml")).own_models["own/config.json"].layers == 32


def test_an_own_model_of_a_known_shape_shares_its_speeds(workspace: Workspace, shipped: Catalog) -> None:
    known = with_known_shapes(load_problem(str(workspace / "problem.yaml")), shipped)
    assert known.own_models["own/config.json"].runs_like == "llama-3.1-8b"
    config = workspace / "own/config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("4096", "4608"), encoding="utf-8")
    unknown = with_known_shapes(load_problem(str(workspace / "problem.yaml")), shipped)
    assert unknown.own_models["own/config.json"].runs_like == "own-config"


@pytest.mark.parametrize("written", ["2026-08-21", "'2026-08-21'"])
def test_the_date_of_a_rate_may_be_quoted(written: str) -> None:
    text = PROBLEM.replace("own/config.json",
        "llama-8b") + f"currency: JPY\nfx: {{rate_per_usd: 150, as_of: {written}}}\n"
    fx = parse_problem(text, "f").problem.fx
    assert fx is not None
    assert fx.as_of == date(2026, 8, 21)


def test_a_shipped_problem_is_found_by_name_file_name_and_path() -> None:
    name = "helpdesk-llama3-8b"
    assert name in shipped_problem_names()
    texts = {problem_text(reference)[0] for reference in (name, f"{name}.yaml", f"problems/{name}",
        f"problems/{name}.yaml")}
    assert len(texts) == 1


def test_a_path_to_nowhere_is_no_shipped_name() -> None:
    with pytest.raises(InputError, match="no such file"):
        load_problem("elsewhere/helpdesk-llama3-8b.yaml")


@pytest.mark.parametrize("name", shipped_problem_names())
def test_shipped_problems_load(name: str) -> None:
    assert load_problem(name).problem.name == name
