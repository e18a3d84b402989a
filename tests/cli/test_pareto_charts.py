"""`gpumix pareto --chart`: what is drawn, what is refused before anything is solved, and that nothing is lost."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from optimizer.errors import InputError
from optimizer.reports import charts
from tests.cli.conftest import Run, finished, process

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".html": b"<!DOCTYPE html>"}


def test_each_kind_is_written_beside_the_report(run: Run, desk: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"frontier{suffix}" for suffix in MAGIC]
    asked = [part for path in paths for part in ("--chart", path)]
    result = run("pareto", desk, "--range", "5:100", *asked)
    assert (result.code, result.err) == (0, "")
    assert result.out == run("pareto", desk, "--range", "5:100").out
    assert [path.read_bytes()[: len(MAGIC[path.suffix])] for path in paths] == list(MAGIC.values())
    assert sorted(tmp_path.glob("frontier*")) == sorted(paths)  # and nothing else is left there


def test_two_processes_draw_the_same_bytes(desk: Path, small_catalog: Path, tmp_path: Path) -> None:
    names = ("a.svg", "a.png", "a.html")
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        asked = [part for name in names for part in ("--chart", tmp_path / seed / name)]
        arguments = ("pareto", desk, "--catalog", small_catalog, "--range", "5:100", *asked)
        assert finished(process(*arguments, PYTHONHASHSEED=seed)).code == 0
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


@pytest.mark.parametrize("name", ["frontier.pdf", "frontier", "frontier.png.gz"])
def test_other_kinds_are_refused_with_the_allowed_ones(run: Run, desk: Path, tmp_path: Path, name: str) -> None:
    result = run("pareto", desk, "--chart", tmp_path / name)
    assert (result.code, result.out) == (2, "")
    assert "allowed: .png, .svg, .html" in result.err
    assert not (tmp_path / name).exists()


def test_every_fault_is_told_at_once(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    result = run(
        "pareto", desk, "--chart", tmp_path / "no" / "a.png", "--chart", tmp_path / "folder.png", "--chart", "b.gif",
        "--chart-width", "10", "--chart", "c.svg", "--output", "c.svg",
    )
    assert result.code == 2
    assert result.err.splitlines() == [
        f"gpumix: --chart: {tmp_path}/no/a.png: found no folder {tmp_path}/no; allowed: a file in a folder that exists",
        f"gpumix: --chart: {tmp_path}/folder.png: found a folder; allowed: a file to write",
        "gpumix: --chart: b.gif: found the ending '.gif'; allowed: .png, .svg, .html",
        f"gpumix: --chart: {tmp_path}/c.svg: found named twice; allowed: a file of its own for each result",
        "gpumix: options: --chart-width: found 10; allowed: 600 to 4000 pixels",
    ]


def test_a_missing_library_is_one_line_that_names_the_extra(
    run: Run, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(charts.importlib.util, "find_spec", lambda name: None if name == "plotly" else find(name))
    result = run("pareto", desk, "--chart", tmp_path / "a.html", "--chart", tmp_path / "b.html")
    assert result.code == 2
    assert result.err == (
        "gpumix: options: --chart: found no plotly to draw with; allowed: what pip install 'gpumix[charts]' adds\n"
    )


def test_a_failure_leaves_what_was_there(run: Run, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, other = tmp_path / "kept.png", tmp_path / "other.svg"
    kept.write_bytes(b"old")

    def broken(*_: object) -> bytes:
        raise InputError([])

    monkeypatch.setitem(charts.FRONTIER_CHARTS, ".svg", broken)
    assert run("pareto", desk, "--range", "5:100", "--chart", kept, "--chart", other).code == 2
    assert kept.read_bytes() == b"old"
    assert not other.exists()


def test_without_a_plan_there_is_no_chart_and_it_says_so(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("pareto", desk, "--range", "500:600", "--chart", tmp_path / "a.png")
    assert result.code == 1
    assert result.err == "gpumix: no chart is drawn: there is no plan in this range\n"
    assert not (tmp_path / "a.png").exists()


def test_capital_endings_are_read_too(run: Run, desk: Path, tmp_path: Path) -> None:
    assert run("pareto", desk, "--range", "5:100", "--chart", tmp_path / "A.PNG").code == 0
    assert (tmp_path / "A.PNG").read_bytes().startswith(b"\x89PNG")
