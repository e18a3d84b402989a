"""Requests are sent in proportion to capacity, and only with a key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimizer.deploy import files_of
from optimizer.deploy.nginx import weights
from tests.deploy.conftest import Make
from tests.deploy.published import assert_nginx


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=20))
def test_weights_are_the_shares_to_a_thousandth(shares: list[float]) -> None:
    found = weights(shares)
    assert min(found) >= 1
    for weight, share in zip(found, shares, strict=True):
        assert abs(weight / sum(found) - share / sum(shares)) <= (len(shares) + 1) / 1000


def test_nodes_of_two_kinds_weigh_what_they_carry(environment: Make) -> None:
    """survive-node-loss: two nodes carry 78.5% together, a third 21.5%: 392 : 392 : 215."""
    made = environment("survive-node-loss")
    servers = assert_nginx(files_of(made, "compose")["balancer/balancer.conf"])
    found = [int(server.partition("weight=")[2].split()[0]) for server in servers]
    shares = [run.deployment.load_fraction / run.deployment.nodes for run in made.runs
              for _ in range(run.deployment.nodes)]
    assert len(found) == 3
    for weight, share in zip(found, shares, strict=True):
        assert abs(weight / sum(found) - share) < 0.002


def test_classes_that_are_routed_apart_have_paths_of_their_own(environment: Make) -> None:
    """documents-by-length: every node takes its share of the short requests, and only H100 nodes the long ones."""
    made = environment("documents-by-length")
    conf = files_of(made, "compose")["balancer/balancer.conf"]
    short, long = (part.partition("keepalive")[0] for part in conf.split("upstream service_assistant_")[1:])
    large = sum(run.deployment.nodes for run in made.runs if run.node.gpu_id.startswith("h100"))
    every = sum(run.deployment.nodes for run in made.runs)
    assert (short.count("server "), long.count("server ")) == (every, large)
    assert "location /assistant/v1/" not in conf
    assert "location /isl24000-osl512/v1/" in conf


def test_nothing_but_health_is_reached_without_a_key(environment: Make) -> None:
    files = files_of(environment("chat-and-code"), "compose")
    for path in ("balancer/balancer.conf", "nodes/chat-1/gate.conf"):
        public = files[path].partition("listen 9113")[0]
        for block in public.split("location ")[1:]:
            place = block.split("{")[0].strip()
            assert "return 401" in block or place in ("= /healthz", "/"), place
            if place == "/":
                assert "return 404" in block
