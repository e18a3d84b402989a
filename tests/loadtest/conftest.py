"""Servers of their own processes, on loopback ports."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

Start = Callable[..., str]
"""Starts a known server with settings and returns its address."""

needs_client = pytest.mark.skipif(
    importlib.util.find_spec("httptools") is None, reason="no httptools here: pip install 'gpumix[loadtest]'")


@pytest.fixture
def known_server() -> Iterator[Start]:
    """How to start a server of exact speed."""
    started: list[subprocess.Popen[str]] = []

    def start(**settings: Any) -> str:
        everything = {"slots": 4, "knots": [[1, 2], [4, 3]], "prefill_ms": 10, **settings}
        path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.loadtest.known_server", json.dumps(everything)], text=True,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
        started.append(process)
        assert process.stdout is not None
        return f"{'https' if settings.get('tls') else 'http'}://127.0.0.1:{int(process.stdout.readline())}"

    yield start
    for process in started:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama.cpp serving a small Llama of random weights."""
    for package in ("gguf", "xllamacpp"):
        pytest.importorskip(package, reason=f"no {package} here: it serves the model that these tests measure")
    from tests.loadtest.llama_server import write_model

    model = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_model(model)
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.loadtest.llama_server", str(model)], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})
    assert process.stdout is not None
    address = next(line.strip() for line in process.stdout if line.startswith("http"))
    yield address
    process.terminate()
    process.wait()
    process.stdout.close()
