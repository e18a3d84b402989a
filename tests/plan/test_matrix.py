"""Every feature with every command, on tiny problems; the page of features and commands says what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

import cli
from tests.cli.conftest import Result, Run, desk, no_settings, run

__all__ = ["desk", "no_settings", "run"]

PAGE = Path(cli.__file__).resolve().parent / "docs/reference/features-and-commands.md"

DAY = "[" + ", ".join(["0.25"] * 12 + ["1"] * 12) + "]"
HOURS = f"services.0.demand={{peak_concurrency: 150, profile: {DAY}}}"
WEEK = "services.0.demand={hourly_concurrency: [" + ", ".join(["40"] * 120 + ["150"] * 48) + "]}"
YEARS = "roadmap={start: 2027-Q1, quarters: 2, demand_growth_fraction_per_year: 0.5}"
CLASSES = "services.0.workload=[{isl_tokens: 512, osl_tokens: 256, share_fraction: 0.5}, " \
          "{isl_tokens: 480, osl_tokens: 240, share_fraction: 0.5}]"
PAPERS = "{service_id: papers, model: llama-8b, kind: async, workload: [{isl_tokens: 512, osl_tokens: 256}], " \
         "deadline: {requests: 3000, start_hour: 20, end_hour: 6}, headroom_fraction: 0.0}"
CHAT = f"{{service_id: chat, model: llama-8b, slo: {{tokens_per_s_per_user: 25}}, headroom_fraction: 0.0, " \
       f"workload: [{{isl_tokens: 512, osl_tokens: 256}}], demand: {{peak_concurrency: 150, profile: {DAY}}}}}"

FEATURES: dict[str, tuple[str, ...]] = {
    "one peak": (),
    "hours of a day": (HOURS,),
    "hours of a week": (WEEK,),
    "roadmap": (YEARS,),
    "shared nodes": ("sharing=nodes",),
    "routed classes": (CLASSES, "services.0.routing=by_class", HOURS),
    "contracts": ("limits.contracts={cloud: {minimum_usd_per_month: 3000, signed: true}}", HOURS),
    "spot share": ("limits.kinds=[on_demand, spot]", "limits.spot_share_fraction=0.5", HOURS),
    "node loss, spare": ("limits.survive.nodes=1", HOURS),
    "node loss, replacement": ("limits.survive={nodes: 1, by: replacement}",),
    "provider loss": ("limits.survive.provider=true", HOURS),
    "work that may wait": (f"services=[{CHAT}, {PAPERS}]",),
    "max utilisation": ("limits.max_utilisation_fraction=0.8", HOURS),
    "max GPU types by period": ("limits.max_gpu_types=1", "limits.max_gpu_types_in=period", HOURS),
    "engine policy": ("limits.engine_policy=fleet", HOURS),
    "purchased stock": ("limits.kinds=[on_demand, owned]", "limits.stock={cloud-big-x1: 5}", YEARS),
}
"""Each feature where it is hardest: beside a demand by the hour, where that makes it another question."""

COMMANDS = ("solve", "pareto", "explain", "check", "spec", "export", "verify", "compare", "batch", "loadtest plan")

QUICK = ("one peak", "hours of a day", "roadmap", "shared nodes")
"""Features that are tried in every run; the others in the slow one."""

REFUSED: dict[tuple[str, str], str] = {}
"""(feature, command) -> part of the one line that says why, for the cells that have no meaning."""


@pytest.fixture
def market(desk: Path) -> Path:
    """The desk beside a second provider and spot nodes."""
    offers = desk.parent / "catalog/offers/cloud.csv"
    tail = ",USD,hour,https://example.org/prices,2026-08-21\n"
    with offers.open("a", encoding="utf-8") as file:
        file.write(f"rival-big-x1,rival,tokyo,big-80gb,1,on_demand,0,2.7{tail}")
        file.write(f"cloud-big-x1-spot,cloud,tokyo,big-80gb,1,spot,0,1.2{tail}")
        file.write(f"cloud-big-x4,cloud,tokyo,big-80gb,4,on_demand,0,9.5{tail}")
    return desk


def tried(run: Run, problem: Path, command: str, sets: list[str], folder: Path) -> Result:
    """Run one command on a problem with overrides."""
    folder.mkdir(exist_ok=True)
    if command == "verify":
        saved = folder / "plan.json"
        solved = run("solve", problem, *sets, "--format", "json", "-o", saved)
        return solved if solved.code else run("verify", saved, "--problem", problem, *sets)
    more: dict[str, tuple[str | Path, ...]] = {
        "spec": ("-o", folder / "spec.md"), "export": ("--to", "kubernetes", "--out", folder / "env"),
        "batch": ("--out", folder / "batch")}
    return run(*command.split(), problem, *sets, *more.get(command, ()))


@pytest.mark.parametrize("feature", [
    pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in FEATURES])
def test_every_command_takes_a_feature_or_says_why_not(run: Run, market: Path, tmp_path: Path, feature: str) -> None:
    sets = [part for one in FEATURES[feature] for part in ("--set", one)]
    for command in COMMANDS:
        result = tried(run, market, command, sets, tmp_path / command.replace(" ", "-"))
        why = REFUSED.get((feature, command))
        said = f"{feature} x {command}: {result.code} {result.err} {result.out[-300:]}"
        assert result.code == (0 if why is None else 2), said
        assert why is None or why in result.err, said


def test_the_page_says_what_happens() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    split = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line)
    header, *rows = (cells for cells in split if len(cells) == len(COMMANDS) + 1)
    assert header == ["feature", *(f"`{command}`" for command in COMMANDS)]
    assert [row[0] for row in rows] == list(FEATURES)
    for feature, *cells in rows:
        expected = ["refused" if (feature, command) in REFUSED else "yes" for command in COMMANDS]
        assert [cell.partition(" ")[0] for cell in cells] == expected, feature


def test_few_cells_are_refused() -> None:
    assert len(REFUSED) <= 5
    assert len(FEATURES) * len(COMMANDS) == 160
