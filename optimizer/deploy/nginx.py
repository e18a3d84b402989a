"""nginx as load balancer and gate: TLS, API keys, requests sent in proportion to capacity.

Every word written here is a DNS label, a number or a constant, so that nothing has to be quoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import gcd

KEYS = "/run/secrets/api_keys"
"""Lines `"Bearer KEY" 1;`, one for each key that is let in."""

CERTIFICATE, PRIVATE_KEY = "/run/secrets/tls_crt", "/run/secrets/tls_key"
HEALTH = "/healthz"

KEY_ADVICE = "nginx compares keys without regard to case: take hexadecimal ones (`openssl rand -hex 32`)."
"""What every guide says of keys."""

WEIGHT_STEPS = 1000
"""Weights are whole numbers that add up to about this."""

FAIL_TIMEOUT_S = 30
"""A server that fails is left alone for so long."""

LONGEST_RESPONSE_S = 3600

LONGEST_KEY = 256
"""Bytes of a key with the words around it; nginx's own limit is that of a cache line."""


@dataclass(frozen=True, slots=True)
class Server:
    """One address of an upstream."""

    address: str
    weight: int = 1
    resolve: bool = False
    """Whether its name is looked up again and again, each address of it a server of that weight."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Servers that share the requests of one service."""

    name: str
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests under a path go."""

    path: str
    upstream: str
    to: str
    """The path at the upstream."""
    keyed: bool = True
    """Whether an API key is asked for."""


def upstream_name(service_name: str) -> str:
    """Return a name that no host can bear, for hosts have no underscore.

    >>> upstream_name("chat")
    'service_chat'
    """
    return f"service_{service_name}"


def weights(shares: list[float]) -> list[int]:
    """Return whole numbers in proportion to shares, each at least 1, without a common factor.

    >>> weights([0.683333333, 0.316666667]), weights([0.25, 0.25, 0.5])
    ([683, 317], [1, 1, 2])
    """
    total = sum(shares)
    found = [max(1, round(WEIGHT_STEPS * share / total)) if total else 1 for share in shares]
    common = reduce(gcd, found)
    return [weight // common for weight in found]


def _upstream(one: Upstream, zone: bool) -> list[str]:
    lines = [f"upstream {one.name} {{", *(["    zone " + one.name + " 64k;"] if zone else []), "    least_conn;"]
    for server in one.servers:
        extra = " resolve" if server.resolve else ""
        lines.append(f"    server {server.address} weight={server.weight} max_fails=3 "
                     f"fail_timeout={FAIL_TIMEOUT_S}s{extra};")
    return [*lines, "    keepalive 64;", "}"]


def _location(route: Route, tls: bool) -> list[str]:
    match = "= " if route.path == HEALTH or not route.path.endswith("/") else ""
    key = ["    if ($let_in = 0) {", "        return 401;", "    }"] if route.keyed else []
    return [
        f"location {match}{route.path} {{", *key,
        f"    proxy_pass {'https' if tls else 'http'}://{route.upstream}{route.to};", "}",
    ]


def _proxying(tls: bool, authority: str) -> list[str]:
    """Say how requests are handed on: streamed, over TLS that is checked where the upstream has it."""
    lines = [
        "proxy_http_version 1.1;", "proxy_set_header Connection \"\";", "proxy_set_header Host $host;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $scheme;", "proxy_buffering off;", "proxy_connect_timeout 5s;",
        f"proxy_read_timeout {LONGEST_RESPONSE_S}s;", f"proxy_send_timeout {LONGEST_RESPONSE_S}s;",
        "proxy_next_upstream error timeout http_503 non_idempotent;", "proxy_next_upstream_tries 2;",
    ]
    if tls:
        lines += [
            f"proxy_ssl_trusted_certificate {authority};", "proxy_ssl_verify on;", "proxy_ssl_verify_depth 3;",
            "proxy_ssl_server_name on;", "proxy_ssl_name gpumix-node;", "proxy_ssl_protocols TLSv1.2 TLSv1.3;",
        ]
    return lines


def _server(port: int, routes: tuple[Route, ...], secure: bool, tls_upstream: bool) -> list[str]:
    listen = [f"listen {port} ssl;", f"ssl_certificate {CERTIFICATE};", f"ssl_certificate_key {PRIVATE_KEY};",
              "ssl_protocols TLSv1.2 TLSv1.3;"] if secure else [f"listen {port};"]
    own = [] if any(route.path == HEALTH for route in routes) else [
        f"location = {HEALTH} {{", "    access_log off;", "    return 200;", "}"]
    body = [*listen, "server_name _;", "client_max_body_size 64m;", *own]
    for route in routes:
        body += _location(route, tls_upstream)
    body += ["location / {", "    return 404;", "}"]
    return ["server {", *_indented(body), "}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@dataclass(frozen=True, slots=True)
class Listener:
    """A port with its routes."""

    port: int
    routes: tuple[Route, ...]
    secure: bool = True


def nginx_conf(
    upstreams: tuple[Upstream, ...], listeners: tuple[Listener, ...], resolver: str | None = None,
    authority: str | None = None, keys: str = KEYS,
) -> str:
    """Write a whole nginx.conf for an image without privileges.

    Args:
        resolver: DNS server for names that are looked up again; None where none is.
        authority: certificate authority of upstreams that speak TLS; None where they do not.
        keys: file of the keys that are let in.
    """
    tls = authority is not None
    temporary = [f"{kind}_temp_path /tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    http = [
        *temporary, "server_tokens off;", "access_log /dev/stdout;", "keepalive_timeout 75s;",
        *([f"resolver {resolver} valid=10s ipv6=off;"] if resolver else []),
        f"map_hash_bucket_size {LONGEST_KEY};",
        "map $http_authorization $let_in {", "    default 0;", f"    include {keys};", "}",
        *_proxying(tls, authority or ""),
    ]
    for one in upstreams:
        http += _upstream(one, zone=resolver is not None)
    for listener in listeners:
        http += _server(listener.port, listener.routes, listener.secure, tls)
    lines = [
        "worker_processes auto;", "pid /tmp/nginx.pid;", "error_log /dev/stderr warn;",
        "events {", "    worker_connections 4096;", "}", "http {", *_indented(http), "}",
    ]
    return "\n".join(lines) + "\n"
