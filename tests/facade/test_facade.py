"""`import gpumix`: quick, typed, documented, and the same answers as the command."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gpumix
from tests.cli.conftest import DESK, desk, no_settings, run  # noqa: F401

PNG = b"\x89PNG"


@pytest.fixture
def problem(desk: Path) -> gpumix.Problem:  # noqa: F811
    return gpumix.load(desk)


def test_importing_it_imports_nothing_else() -> None:
    script = "import sys; before = set(sys.modules); import gpumix; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names == {"gpumix"}


def test_unknown_names_are_told_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'sovle'; it has .*load"):
        gpumix.sovle  # noqa: B018
    assert set(gpumix.__all__) == set(dir(gpumix)) == set(gpumix._HOMES)


def test_a_file_is_solved_as_the_command_solves_it(problem: gpumix.Problem, run, desk: Path) -> None:  # noqa: F811
    plan = problem.solve()
    printed = json.loads(run("solve", desk, "--format", "json").out)
    assert plan.to_dict()["plan_sha256"] == printed["plan_sha256"]
    assert plan.to_dict().keys() == printed.keys()
    assert (plan.status, plan.usd_per_month, plan.gap_fraction) == ("optimal", 1825.0, 0.0)  # 1 x 2.50 USD/h x 730 h
    assert str(plan) == run("solve", desk, "--details").out


def test_a_problem_is_stated_by_its_keys(desk: Path) -> None:  # noqa: F811
    stated = gpumix.Problem(
        name="desk", description="Forty readers of an 8B model.",
        services=[{"service_id": "chat", "model": "llama-8b", "slo": {"tokens_per_s_per_user": 25},
                   "workload": [{"isl_tokens": 512, "osl_tokens": 256}], "demand": {"peak_concurrency": 40},
                   "headroom_fraction": 0.0}],
        limits={"kinds": ["on_demand"], "gpus": {"allow": ["big-80gb"]}, "evidence": "interpolated"})
    assert stated.solve().to_dict()["plan_sha256"] == gpumix.load(desk).solve().to_dict()["plan_sha256"]
    assert repr(stated) == "Problem(name='desk', services=['chat'])"


def test_what_it_writes_is_read_again(problem: gpumix.Problem, tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(problem.to_yaml(), encoding="utf-8")
    assert gpumix.load(tmp_path / "again.yaml").to_dict() == problem.to_dict()


def test_every_fault_comes_at_once() -> None:
    with pytest.raises(gpumix.InputError) as caught:
        gpumix.Problem(name="x", services=[{"service_id": "a", "modle": "llama-8b"}], limit={})
    keys = {fault.key for fault in caught.value.faults}
    assert {"limit", "services.0.modle", "services.0.model", "services.0.workload"} <= keys
    with pytest.raises(gpumix.InputError, match="headroom_fraction"):
        gpumix.Problem(name="x", services=[{"service_id": "a", "headroom_fraction": float("nan")}])


def test_values_are_set_anew_and_the_problem_stays(problem: gpumix.Problem) -> None:
    more = problem.with_values({"services.0.demand.peak_concurrency": 80})
    assert more.solve().usd_per_month == 3650.0  # two nodes of 64
    assert problem.solve().usd_per_month == 1825.0
    assert gpumix.load("helpdesk-llama3-8b", set={"services.0.slo.grade": "B"}).to_dict()["services"][0]["slo"] == {
        "grade": "B", "ttft_ms": 2000.0, "response": "streaming"}
    with pytest.raises(gpumix.InputError, match="time_limit_s"):
        problem.solve(time_limit_s=-1)


def test_results_are_tables_data_and_html(problem: gpumix.Problem) -> None:
    frontier = problem.pareto("users", high=200)
    found = (problem.solve(), frontier, problem.compare(), problem.explain())
    assert [len(one.to_frame()) > 0 for one in found] == [True] * 4
    for one in found:
        json.dumps(one.to_dict())
        assert one._repr_html_().startswith("<p><b>")
        assert "<table" in one._repr_html_()
    at = frontier.plan_at(80)
    assert at is not None
    assert (at.usd_per_month, frontier.complete) == (3650.0, True)
    assert found[2].plan("rented").usd_per_month == 1277.5  # reserved for a year: 1.75 USD/h x 730 h
    with pytest.raises(gpumix.InputError, match="rented, owned, mixed"):
        found[2].plan("leased")


def test_results_are_drawn_and_saved(problem: gpumix.Problem, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for one in (problem.solve(), problem.pareto("users", high=80), problem.explain()):
        assert one.plot()._repr_png_().startswith(PNG)
    saved = problem.compare().plot().save(tmp_path / "paid.svg")
    assert "<svg" in saved.read_text(encoding="utf-8")
    with pytest.raises(gpumix.InputError, match=r"\.png"):
        problem.solve().plot().save(tmp_path / "plan.gif")


def test_every_public_name_is_documented_and_typed() -> None:
    for name in set(gpumix.__all__) - {"__version__"}:
        public = getattr(gpumix, name)
        assert inspect.getdoc(public), name
        for inner, member in vars(public).items() if inspect.isclass(public) else ():
            if inner.startswith("_") or not (callable(member) or isinstance(member, property)):
                continue
            function = member.fget if isinstance(member, property) else member
            assert inspect.getdoc(function), f"{name}.{inner}"
            assert "return" in function.__annotations__, f"{name}.{inner}"
