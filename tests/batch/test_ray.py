"""The same batch on a Ray cluster of several nodes on this machine, one of them lost in the middle."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.batch import Facts, Variants, run_batch
from optimizer.batch.ledger import Task
from optimizer.batch.on_ray import RayCluster
from optimizer.batch.processes import InThisProcess
from optimizer.batch.waiting import Done, Waiting, WorkersError
from optimizer.errors import InputError
from tests.batch.conftest import GRADE, PEAK

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="needs gpumix[ray]")

MIXED = (f"{PEAK}=1:60:1,-3", f"{GRADE}=A,B,C")

Results = Callable[..., tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that solves nothing, and three nodes of one core each."""
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 80_000_000, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    for _ in range(3):
        made.add_node(num_cpus=1, object_store_memory=80_000_000)
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.mark.slow
@needs_ray
def test_a_cluster_gives_the_same_bytes(cluster: Any, swept: Callable[..., Variants], results: Results) -> None:
    variants = swept(*MIXED)
    found = results(variants, lambda facts: RayCluster(facts, cluster.address, None))
    assert found == results(variants, InThisProcess)


@pytest.mark.slow
@needs_ray
def test_workers_that_find_another_catalog_say_so(
    cluster: Any, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts], small_catalog: Path,
    tmp_path: Path,
) -> None:
    variants = swept(f"{PEAK}=1:5:1")
    facts = facts_of(variants)
    with (small_catalog / "fx.csv").open("a", encoding="utf-8") as fx:
        fx.write("EUR,0.9,2026-08-21,https://example.org/fx\n")
    with pytest.raises(WorkersError, match=r"on a node of the cluster: .*another catalog"):
        run_batch(variants, facts, tmp_path / "out", lambda: RayCluster(facts, cluster.address, 2))


@pytest.mark.slow
@needs_ray
def test_a_node_lost_in_the_middle_loses_nothing(
    cluster: Any, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts], results: Results,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("optimizer.batch.run.RECORD_EVERY_S", 0.0)
    variants = swept(f"{PEAK}=1:600:1")
    facts = facts_of(variants)
    node, lost_at, given_back = cluster.add_node(num_cpus=2, object_store_memory=80_000_000), [], []
    back = Waiting.back

    def watched(self: Waiting, given: list[Task], at: Task | None, why: str) -> Iterator[Done]:
        given_back.extend(given)
        return back(self, given, at, why)

    monkeypatch.setattr(Waiting, "back", watched)
    cluster.wait_for_nodes()

    def told(done: int, total: int) -> None:
        if done > 100 and not lost_at:
            lost_at.append(done)
            cluster.remove_node(node, allow_graceful=False)

    finished = run_batch(variants, facts, tmp_path / "out", lambda: RayCluster(facts, cluster.address, 5), told)
    assert lost_at
    assert lost_at[0] < 600
    assert given_back  # what the lost node was at
    assert finished.parquet is not None
    found = finished.csv.read_bytes(), finished.parquet.read_bytes()
    assert found == results(variants, InThisProcess)


@pytest.mark.slow
@needs_ray
def test_no_cluster_at_the_address(swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts]) -> None:
    with pytest.raises(InputError, match="allowed: the address of a running Ray cluster"):
        RayCluster(facts_of(swept(f"{PEAK}=1")), "127.0.0.1:1", None)


def test_without_ray_the_message_says_what_to_install(
    swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'gpumix\[ray\]'"):
        RayCluster(facts_of(swept(f"{PEAK}=1")), None, None)
