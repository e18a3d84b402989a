"""The exported load balancer and gates in a real nginx, before engines that only count."""

from __future__ import annotations

import http.client
import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from optimizer.deploy import files_of
from tests.deploy.conftest import Make

NGINX, OPENSSL = shutil.which("nginx"), shutil.which("openssl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None or OPENSSL is None, reason="needs nginx and openssl on the search path"),
]

KEY = "Bearer " + "a1b2c3d4" * 8
AT_ONCE, REQUESTS, BUSY_S = 65, 650, 0.2


class Engine:
    """Answers after a moment, and remembers how many requests were in flight."""

    def __init__(self, port: int) -> None:
        self.port, self.lock, self.live, self.most, self.answered = port, threading.Lock(), 0, 0, 0
        engine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.path.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                with engine.lock:
                    engine.live, engine.answered = engine.live + 1, engine.answered + 1
                    engine.most = max(engine.most, engine.live)
                time.sleep(BUSY_S)
                with engine.lock:
                    engine.live -= 1
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(folder: Path, name: str, text: str, changes: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start nginx with a configuration whose addresses and folders are those of this machine."""
    own = folder / name
    own.mkdir()
    for old, new in {**changes, "/run/secrets": f"{folder}/secrets", " resolve;": ";", "/dev/stdout": "off",
                     "/dev/stderr warn": f"{own}/error.log warn"}.items():
        text = text.replace(old, new)
    text = text.replace("pid /tmp/", f"pid {own}/").replace("_path /tmp/", f"_path {own}/")
    (own / "nginx.conf").write_text(text)
    assert NGINX is not None
    return subprocess.Popen([NGINX, "-c", str(own / "nginx.conf"), "-e", f"{own}/error.log", "-g", "daemon off;"])


@pytest.fixture
def running(environment: Make, tmp_path: Path) -> Iterator[tuple[int, int, list[int], list[Engine]]]:
    """The two nodes and the balancer of chat-with-documents: (balancer, its metrics port, gates, engines)."""
    files = files_of(environment("chat-with-documents"), "compose")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "api_keys").write_text(f'"{KEY}" 1;\n')
    name = ("-subj", "/CN=gpumix-node", "-addext", "subjectAltName=DNS:gpumix-node")
    into = ("-keyout", str(secrets / "tls_key"), "-out", str(secrets / "tls_crt"))
    subprocess.run([str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *into],
                   check=True, capture_output=True)
    shutil.copy(secrets / "tls_crt", secrets / "node_ca")
    balancer, metrics, *rest = free_ports(6)
    gates, engines = rest[:2], [Engine(port) for port in rest[2:]]
    started = [
        start(tmp_path, f"gate-{number}", files[f"nodes/assistant-{number}/gate.conf"],
              {"engine-0:8000": f"127.0.0.1:{engine.port}", "listen 8443": f"listen {gate}"})
        for number, (gate, engine) in enumerate(zip(gates, engines, strict=True), start=1)]
    nodes = {f"assistant-{number}-node-1:8443": f"127.0.0.1:{gate}" for number, gate in enumerate(gates, start=1)}
    started.append(start(tmp_path, "balancer", files["balancer/balancer.conf"],
                         {**nodes, "listen 8443": f"listen {balancer}", "listen 9113": f"listen {metrics}"}))
    for port in (balancer, metrics, *gates):
        wait_for(port)
    yield balancer, metrics, gates, engines
    for one in started:
        one.terminate()
        one.wait()
    for engine in engines:
        engine.server.shutdown()


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(port)


def ask(
    port: int, path: str, key: str | None = None, body: bytes | None = None, secure: bool = True
) -> tuple[int, str]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = (http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30) if secure
                  else http.client.HTTPConnection("127.0.0.1", port, timeout=30))
    connection.request("GET" if body is None else "POST", path, body, {} if key is None else {"Authorization": key})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_keys_health_and_metrics(running: tuple[int, int, list[int], list[Engine]]) -> None:
    balancer, metrics, (first, second), _ = running
    assert ask(balancer, "/v1/models")[0] == ask(balancer, "/v1/models", "Bearer no")[0] == 401
    assert ask(balancer, "/v1/models", KEY) == ask(balancer, "/assistant/v1/models", KEY) == (200, "/v1/models")
    assert ask(balancer, "/metrics", KEY)[0] == ask(first, "/metrics", KEY)[0] == 404
    assert ask(balancer, "/healthz")[0] == 200
    assert ask(first, "/healthz") == (200, "/health")
    assert ask(second, "/replica-0/metrics")[0] == 401
    assert ask(metrics, "/assistant-1-node-1/replica-0", KEY, secure=False) == (200, "/prometheus/metrics")
    assert ask(metrics, "/assistant-2-node-1/replica-0", KEY, secure=False) == (200, "/metrics")
    assert ask(metrics, "/assistant-2-node-1/replica-0", secure=False)[0] == 401


def test_requests_are_shared_as_the_plan_says(running: tuple[int, int, list[int], list[Engine]]) -> None:
    """44 sequences on one node and 21 on the other, shares of 68.3% and 31.7%: 65 at a time fill neither too far."""
    balancer, _, _, (first, second) = running
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = Counter(pool.map(lambda _: ask(balancer, "/v1/chat/completions", KEY, b"{}")[0], range(REQUESTS)))
    assert codes == {200: REQUESTS}
    assert first.answered / REQUESTS == pytest.approx(0.683, abs=0.04)
    assert first.most <= 46
    assert second.most <= 23
