"""`gpumix batch` as a command: results, resuming, and one clear message for what is wrong."""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run, finished, process

PEAK = "services.0.demand.peak_concurrency"


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_gives_a_row_each_and_goes_on_where_it_stopped(run: Run, desk: Path, tmp_path: Path) -> None:
    arguments = ("batch", desk, "--set", f"{PEAK}=40,64,65", "--out", "out", "--workers", "1")
    first = run(*arguments)
    assert (first.code, first.err) == (0, "")
    assert first.out.splitlines() == ["3 variants: 3 optimal", "wrote out/results.csv", "wrote out/results.parquet"]
    # 64 requests a node of 1,825.00 USD/month
    assert [float(row["usd_per_month"]) for row in rows(tmp_path / "out")] == [1825.0, 1825.0, 3650.0]
    kept = (tmp_path / "out" / "results.csv").read_bytes()
    assert run(*arguments) == first
    assert (tmp_path / "out" / "results.csv").read_bytes() == kept


def test_a_table_on_a_template(run: Run, desk: Path, tmp_path: Path) -> None:
    poor = '"{amount: 1, currency: USD, per: month}"'
    (tmp_path / "t.csv").write_text(f"name,{PEAK},limits.budget\nsmall,10,\npoor,10,{poor}\nbad,x,\n")
    result = run("batch", desk, "--overrides", tmp_path / "t.csv", "--out", tmp_path / "out", "--workers", "1")
    assert result.code == 0
    assert result.out.startswith("3 variants: 1 error, 1 infeasible, 1 optimal\n")
    found = rows(tmp_path / "out")
    assert [(row["name"], row["status"]) for row in found] == [
        ("small", "optimal"), ("poor", "infeasible"), ("bad", "error"),
    ]
    assert f"{PEAK}: found 'x'; allowed: a whole number" in found[2]["message"]


def test_a_folder_whose_broken_file_is_a_row(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "problems"
    folder.mkdir()
    desk.rename(folder / "desk.yaml")
    (folder / "broken.yaml").write_text("services: [")
    result = run("batch", folder, "--out", tmp_path / "out", "--workers", "1")
    assert (result.code, [row["status"] for row in rows(tmp_path / "out")]) == (0, ["error", "optimal"])


@pytest.mark.parametrize(("arguments", "said"), [
    (("gone.yaml",), "gone.yaml: found no such file"),
    (("desk.yaml", "--set", "services.0.slo.grde=A,B"), "--set: services.0.slo.grde: found an unknown key"),
    (("desk.yaml", "--set", f"{PEAK}=1:5:0"), "a step that is not above 0"),
    (("desk.yaml", "--overrides", "gone.csv"), "gone.csv: found no such file"),
    (("desk.yaml", "--overrides", "ragged.csv"), "ragged.csv: line 2: found 1 cells; allowed: 2 cells"),
    (("desk.yaml", "--overrides", "wrong.csv"), "wrong.csv: colour: found an unknown key"),
    (("desk.yaml", "--out", "desk.yaml"), "desk.yaml"),
    (("desk.yaml", "--workers", "0"), "--workers"),
    (("desk.yaml", "--address", "auto"), "--address: found auto; allowed: --backend ray beside it"),
    (("desk.yaml", "--backend", "abacus"), "'processes', 'ray'"),
    ((), "Missing argument"),
])
def test_one_clear_message_and_nothing_written(
    run: Run, desk: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "ragged.csv").write_text("name,x\na\n")
    (tmp_path / "wrong.csv").write_text("name,colour\na,red\n")
    out = () if "--out" in arguments else ("--out", "out")
    result = run("batch", *arguments, *out)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "out" / "ledger.sqlite").exists()


def test_another_batch_in_the_same_folder_is_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    assert run("batch", desk, "--out", "out", "--workers", "1").code == 0
    kept = (tmp_path / "out" / "results.csv").read_bytes()
    result = run("batch", desk, "--set", f"{PEAK}=1,2", "--out", "out")
    assert (result.code, result.out) == (2, "")
    assert "the ledger of another batch" in result.err
    assert (tmp_path / "out" / "results.csv").read_bytes() == kept


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_a_disk_that_fills_up_is_a_message_and_the_same_command_goes_on(
    desk: Path, small_catalog: Path, tmp_path: Path
) -> None:
    """No file may grow beyond 100 kB: the ledger of 100 variants holds more."""
    arguments = ("batch", str(desk), "--set", f"{PEAK}=1:100:1", "--out", "out", "--workers", "1", "--catalog",
                 str(small_catalog))
    started = subprocess.run(
        [sys.executable, "-c", "import cli; cli.main()", *arguments], text=True, capture_output=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert (started.returncode, started.stdout) == (2, "")
    assert "out/ledger.sqlite: found" in started.stderr
    assert "what is written so far is kept, and the same command goes on" in started.stderr
    assert "Traceback" not in started.stderr
    again = finished(process(*arguments))
    assert (again.code, again.out.splitlines()[0]) == (0, "100 variants: 100 optimal")


def test_where_nobody_watches_a_line_comes_now_and_then(desk: Path, small_catalog: Path) -> None:
    script = (
        "import cli\nfrom optimizer.reports import progress\nfrom optimizer.batch import run\n"
        "progress.LINE_EVERY_S = 0.0\nrun.RECORD_EVERY_S = 0.0\ncli.main()\n"
    )
    arguments = ("batch", desk, "--set", f"{PEAK}=1:5:1", "--out", "out", "--workers", "1", "--catalog", small_catalog)
    lines = finished(process(*arguments, script=script)).err.splitlines()
    assert lines[0] == "0 of 5"
    assert lines[-1].startswith("5 of 5, ")
    assert lines[-1].endswith("/s, 0:00 left")


def test_the_report_of_a_batch(run: Run, desk: Path, tmp_path: Path) -> None:
    run("batch", desk, "--set", f"{PEAK}=40,65", "--set", "services.0.slo.grade=A,B", "--out", "out", "--workers", "1")
    asked = ("batch", "report", "out", "--rows", "model", "--columns", "grade")
    result = run(*asked)
    assert (result.code, result.err) == (0, "")
    # 40 at 80 tokens/s and 65 at two nodes of 33 are both faster than A's 70, so that A is what is reached
    assert [line.split() for line in result.out.splitlines()[-2:]] == [
        ["model", "A"], ["llama-8b", "1,825.00", "(4", "of", "4)"]]
    asked = ("batch", "report", "out", "--rows", "peak_concurrency", "--columns", "slo.grade", "--format", "csv")
    assert run(*asked).out.splitlines()[1:] == [
        "40,A,1825.0,1,1", "40,B,1825.0,1,1", "65,A,3650.0,1,1", "65,B,3650.0,1,1",
    ]
    assert run(*asked, "--output", "report.csv").code == 0
    assert (tmp_path / "report.csv").read_text(encoding="utf-8") == run(*asked).out


@pytest.mark.parametrize(("arguments", "said"), [
    (("nowhere", "--rows", "model"), "nowhere: found no ledger of a batch"),
    (("out", "--rows", "modle"), "'model' (did you mean that?)"),
    (("out",), "Missing option '--rows'"),
    (("out", "--rows", "model", "--chart", "c.gif"), "--chart: c.gif: found the ending '.gif'"),
    (("out", "--rows", "model", "--chart-width", "3"), "--chart-width: found 3"),
])
def test_reports_that_cannot_be(run: Run, desk: Path, arguments: tuple[str, ...], said: str) -> None:
    run("batch", desk, "--out", "out", "--workers", "1")
    result = run("batch", "report", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_chart_of_a_batch(run: Run, desk: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs gpumix[charts]")
    run("batch", desk, "--set", f"{PEAK}=40,65", "--out", "out", "--workers", "1")
    assert run("batch", "report", "out", "--rows", "model", "--chart", "c.svg").code == 0
    assert (tmp_path / "c.svg").read_bytes().startswith(b"<?xml")


def test_a_problem_may_be_called_report(run: Run, desk: Path, tmp_path: Path) -> None:
    desk.rename(tmp_path / "report")
    assert run("batch", "./report", "--out", "out", "--workers", "1").code == 0


def test_a_report_as_a_workbook_has_formulas(run: Run, desk: Path, tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    openpyxl = pytest.importorskip("openpyxl")
    run("batch", desk, "--set", f"{PEAK}=40,65", "--out", "out", "--workers", "1")
    asked = ("batch", "report", "out", "--rows", "peak_concurrency", "--output", "x.xlsx")
    assert run(*asked, "--format", "json").code == 2
    assert not (tmp_path / "x.xlsx").exists()
    assert run(*asked).code == 0
    book = openpyxl.load_workbook(tmp_path / "x.xlsx", data_only=True)
    assert [row[:3] for row in book["Pivot"].iter_rows(min_row=5, values_only=True)] == [
        ("40", 1825.0, 1), ("65", 3650.0, 1)]
