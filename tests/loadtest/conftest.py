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

needs_locust = pytest.mark.skipif(
    importlib.util.find_spec("locust") is None, reason="no Locust here: pip install 'gpumix[loadtest]'")


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
        return f"http://127.0.0.1:{int(process.stdout.readline())}"

    yield start
    for process in started:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
