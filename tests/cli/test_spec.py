"""`gpumix spec` and `gpumix solve --lang`: formats, own templates, logos, text that would like to be markup."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run, finished, process
from tests.cli.test_loadtest_compare import own
from tests.reports.specification.documents import squeezed, text_of

SLOW = pytest.mark.slow

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one pixel."""

HOSTILE = (
    "<script>alert(1)</script> $E=mc^2$ \\input{/etc/passwd} {{ 7*7 }} {% x %} =SUM(A1) | a_b *c* #[d](e) `f` & 日本"
)


@pytest.mark.parametrize("ending", ["html", "pdf", *(pytest.param(name, marks=SLOW) for name in ("md", "docx"))])
def test_the_ending_of_the_file_decides(run: Run, desk: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"spec.{ending}"
    result = run("spec", desk, "--output", path)
    assert (result.code, result.out, result.err) == (0, "", "")
    form = {"md": "markdown"}.get(ending, ending)
    text = text_of(path.read_bytes(), form)
    assert "InferenceEnvironmentSpecification" in text
    assert "$1,825.00amonth" in text
    assert (tmp_path / "spec.frontier.svg").exists() == (ending == "md")


def test_a_picture_lies_beside_markdown(run: Run, desk: Path, tmp_path: Path) -> None:
    path = tmp_path / "desk spec.md"
    run("spec", desk, "--output", path)
    assert "](<desk spec.frontier.svg>)" in path.read_text("utf-8")
    assert (tmp_path / "desk spec.frontier.svg").read_bytes().startswith(b"<?xml")
    assert "gpumix pareto desk.yaml --chart" in run("spec", "desk.yaml", "--format", "markdown").out


def test_the_command_in_the_document_writes_it_again(run: Run, desk: Path, tmp_path: Path) -> None:
    options = ("--set", "services.0.demand.peak_concurrency=20", "--lang", "ja", "--output", tmp_path / "a.html")
    assert run("spec", desk, *options).code == 0
    first = (tmp_path / "a.html").read_bytes()
    shown = re.search(r"<pre>(gpumix spec [^<]+)</pre>", first.decode())
    assert shown is not None
    (tmp_path / "a.html").unlink()
    words = shown.group(1).replace("&#39;", "").strip().split(" ")
    assert run(*words[1:]).code == 0
    assert (tmp_path / "a.html").read_bytes() == first


@pytest.mark.parametrize("ending", ["html", "md", "docx", "pdf"])
def test_text_of_the_problem_stays_text(run: Run, desk: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"spec.{ending}"
    result = run("spec", desk, "--set", f"description={json.dumps(HOSTILE)}", "--output", path, "--lang", "ja")
    assert (result.code, result.err) == (0, "")
    data = path.read_bytes()
    form = {"md": "markdown"}.get(ending, ending)
    outside = re.sub(r"^```.*?^```$", "", data.decode(), flags=re.M | re.S) if ending in ("html", "md") else ""
    assert "<script>alert" not in outside
    shown = text_of(data, form)
    assert squeezed(HOSTILE)[:88 if ending == "pdf" else None] in shown  # a PDF breaks lines as it likes


@pytest.mark.parametrize("language", ["en", "ja"])
def test_own_templates_take_the_place_of_shipped_ones(run: Run, desk: Path, tmp_path: Path, language: str) -> None:
    own = tmp_path / "own"
    (own / language).mkdir(parents=True)
    (own / language / "summary.xml").write_text(
        '<section id="summary" title="ACME"><p>{{ plan.cost.usd_per_month|usd }}</p></section>', encoding="utf-8")
    (own / "style.css").write_text("body { color: rebeccapurple; }", encoding="utf-8")
    page = run("spec", desk, "--template", own, "--lang", language).out
    assert "1. ACME" in page
    assert "rebeccapurple" in page
    assert ("2. Purpose and service" if language == "en" else "2. 目的と対象サービス") in page


@pytest.mark.parametrize(("text", "said"), [
    ("{{ nothing }}", "'nothing' is undefined"),
    ("{% if %}", "a template that cannot be read"),
    ("<section id='s' title='t'><p>", "markup that does not close what it opens"),
    ("<section id='s' title='t'><blink/></section>", "<blink>"),
    ("{{ ''.__class__.__mro__ }}", "a template that cannot be filled in"),
    ("{{ plan.cost.usd_per_month|money|num }}", "a template that cannot be filled in"),
    ('{% include "summary.xml" %}', "a template that cannot be filled in (it includes itself without end)"),
], ids=["unknown name", "syntax", "open element", "unknown element", "inside of Python", "wrong filter", "itself"])
def test_a_broken_template_is_told(run: Run, desk: Path, tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "own"
    (own / "en").mkdir(parents=True)
    (own / "en" / "summary.xml").write_text(text, encoding="utf-8")
    (tmp_path / "out.html").write_text("kept", encoding="utf-8")
    result = run("spec", desk, "--template", own, "--output", tmp_path / "out.html")
    assert result.code == 2
    assert said in result.err
    if "a template" in said:
        assert "en/summary.xml: line 1: " in result.err
    assert (tmp_path / "out.html").read_text("utf-8") == "kept"


def test_templates_that_replace_none_are_refused_together(run: Run, desk: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "en").mkdir(parents=True)
    for name in ("sumary.xml", "costs.xml"):
        (own / "en" / name).write_text("x", encoding="utf-8")
    result = run("spec", desk, "--template", own)
    assert result.code == 2
    assert "sumary.xml" in result.err
    assert "costs.xml" in result.err
    assert "en/summary.xml" in result.err


@pytest.mark.parametrize("ending", ["pdf", *(pytest.param(name, marks=SLOW) for name in ("html", "docx"))])
def test_a_logo_stands_on_the_title(run: Run, desk: Path, tmp_path: Path, ending: str) -> None:
    (tmp_path / "logo.png").write_bytes(PIXEL)
    with_logo, without = tmp_path / f"with.{ending}", tmp_path / f"without.{ending}"
    assert run("spec", desk, "--output", without).code == 0
    assert run("spec", desk, "--output", with_logo, "--logo", tmp_path / "logo.png").code == 0
    if ending == "html":
        assert base64.b64encode(PIXEL).decode() in with_logo.read_text("utf-8")
    assert len(with_logo.read_bytes()) > len(without.read_bytes())


@pytest.mark.parametrize(("arguments", "said"), [
    (("--format", "pdf"), "--format: found pdf without --output"),
    (("--format", "docx", "--output", "a.pdf"), "--output: a.pdf: found the ending of pdf; allowed: an ending for do"),
    (("--template", "nowhere"), "--template: nowhere: found no such folder"),
    (("--template", "."), "--template: .: found no template"),
    (("--logo", "desk.yaml"), "--logo: desk.yaml: found no PNG and no JPEG picture"),
    (("--logo", "nowhere.png"), "--logo: nowhere.png: found no such file"),
    (("--deterministic-limit", "0"), "--deterministic-limit: found 0"),
    (("--lang", "fr"), "found 'fr'; allowed: 'en' or 'ja'"),
], ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_bad_options_are_told(run: Run, desk: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("spec", "desk.yaml", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


@pytest.mark.parametrize("length", [8, 40])
def test_a_damaged_logo_is_told(run: Run, desk: Path, tmp_path: Path, length: int) -> None:
    (tmp_path / "logo.png").write_bytes(PIXEL[:length])
    result = run("spec", desk, "--logo", "logo.png")
    assert (result.code, result.out) == (2, "")
    assert "--logo: logo.png: found a damaged picture" in result.err
    assert "object at" not in result.err


def test_a_missing_library_names_the_extra(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("typst", "jinja2") else real(name))
    result = run("spec", desk, "--output", "a.pdf")
    assert result.code == 2
    assert "found pdf without jinja2 and without typst; allowed: what pip install 'gpumix[spec]' adds" in result.err
    assert "gpumix[spec]" in run("solve", desk, "--summary", "--lang", "ja").err


def test_no_plan_is_a_document_with_exit_1(run: Run, desk: Path) -> None:
    result = run("spec", desk, "--set", "limits.budget.amount=1824.99", "--lang", "ja", "--format", "markdown")
    assert result.code == 1
    assert "充足不能の理由と見直し案" in result.out
    assert "1,825.00米ドル" in result.out


@pytest.mark.parametrize(("tpot_ms", "verdict"), [(70, "14.3 | 12.5 | no"), (30, "33.3 | 12.5 | yes")])
def test_results_of_a_load_test_stand_in_the_document(
    run: Run, desk: Path, tmp_path: Path, tpot_ms: int, verdict: str
) -> None:
    """At 40 requests in flight half of the requests see 1000 / TPOT tokens/s, nine of ten 1000 / 80; 25 are asked."""
    folder = own(tmp_path / "own", (1, 30, 20, 21), (40, 300, tpot_ms, 80))
    result = run("spec", desk, "--overlay", folder, "--format", "markdown")
    assert f"| 40 | 25 | {verdict} |" in result.out
    assert "Your overlay also supplies rows: 2 of throughput." in result.out
    japanese = run("spec", desk, "--overlay", folder, "--format", "markdown", "--lang", "ja").out
    assert "自社カタログから次の行も使用：throughput 2行。" in japanese
    assert "原文" not in japanese


def test_a_limit_reached_writes_nothing(run: Run, desk: Path, tmp_path: Path) -> None:
    limited = ("--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1")
    result = run("spec", desk, *limited, "--output", tmp_path / "a.html")
    assert (result.code, (tmp_path / "a.html").exists()) == (5, False)
    assert "no document is written" in result.err


def test_solve_prints_the_summary_page(run: Run, desk: Path) -> None:
    english, japanese = run("solve", desk, "--summary"), run("solve", desk, "--summary", "--lang", "ja")
    assert english.out.startswith("Summary for the approver\n")
    assert "$1,825.00 a month" in english.out
    assert japanese.out.startswith("承認者向け要約\n")
    assert "1,825.00米ドル" in japanese.out
    assert english.code == japanese.code == 0
    refused = run("solve", desk, "--summary", "--lang", "ja", "--format", "json", "--explain")
    assert refused.code == 2
    assert "found --format json and --explain beside it" in refused.err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_terminal_without_japanese_letters_is_no_failure(desk: Path, small_catalog: Path, encoding: str) -> None:
    result = finished(process("solve", desk, "--catalog", small_catalog, "--lang", "ja", PYTHONIOENCODING=encoding))
    assert (result.code, result.err) == (0, "")
    assert "1,825.00" in result.out
