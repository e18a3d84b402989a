"""The `gpumix` command in this process and as a process of its own, over a problem whose answer is known by heart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

import cli

ROOT = Path(cli.__file__).resolve().parent

COMMAND = "import cli; cli.main()"

DESK = """\
schema_version: 1
name: desk
description: Forty readers of an 8B model.
services:
  - service_id: chat
    model: llama-8b
    slo: {tokens_per_s_per_user: 25}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 40}
    headroom_fraction: 0.0
limits: {kinds: [on_demand], gpus: {allow: [big-80gb]}, evidence: interpolated}
"""
"""One node of cloud-big-x1 carries 64 requests: 1 x 2.50 USD/h x 730 h = 1,825.00 USD/month.

At 40 requests in flight TPOT lies between 9 ms at 16 and 16 ms at 64: 9 + 24 / 48 x 7 = 12.5 ms, so 80 tokens/s.
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test without settings from outside."""
    for name in ("GPUMIX_CATALOG", "GPUMIX_OVERLAY", "GPUMIX_DEBUG", "NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """How to run the command in this process: everything but the process itself."""

    def call(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["gpumix", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Result(code, out, err)

    return call


def process(
    *arguments: str | Path, output: IO[str] | int = subprocess.PIPE, script: str = COMMAND, **environment: str,
) -> subprocess.Popen[str]:
    """Start the command as a process of its own, its streams piped."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GPUMIX_")}
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], text=True, encoding="utf-8",
        stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
        env={**inherited, "PYTHONPATH": path, **environment},
    )


def finished(started: subprocess.Popen[str]) -> Result:
    """Wait for a process."""
    out, err = started.communicate()
    return Result(started.returncode, out or "", err)


@pytest.fixture
def desk(tmp_path: Path, small_catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The problem beside the small catalog, which is the one in force; the folder is the working one."""
    path = tmp_path / "desk.yaml"
    path.write_text(DESK, encoding="utf-8")
    monkeypatch.setenv("GPUMIX_CATALOG", str(small_catalog))
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[[str, float], Path]:
    """How to make an overlay with one quotation for a big-80gb node at a price an hour."""

    def make(name: str, price: float) -> Path:
        offers = tmp_path / name / "offers"
        offers.mkdir(parents=True)
        header = "offer_id,provider,region,gpu_id,gpu_count,kind,term_months,price,source_url,as_of,price_evidence"
        row = f"quote-big-x1,acme,tokyo,big-80gb,1,on_demand,0,{price},quotation {name},2026-11-02,quoted"
        (offers / "quote.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
        return tmp_path / name

    return make
