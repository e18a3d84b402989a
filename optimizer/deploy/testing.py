"""How what was deployed is put under load: the commands of the guide, ready to be run."""

from __future__ import annotations

from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.pools import Pool, pools_of
from optimizer.loadtest.planning import levels_for, set_up_words

AUTHORITY = "ca.pem"
"""What the guide calls the authority that signed the balancer's certificate."""

KEY_OF = {"compose": "balancer/secrets/metrics_key", "skypilot": "balancer/secrets/metrics_key"}
"""Target -> a file that holds one of the keys, bare; elsewhere the guide calls it `key`."""


def load_test_lines(environment: Environment, target: str) -> list[str]:
    """Write the section of the guide that tests every path of the environment."""
    lines = [
        "## Test it", "",
        "HOST is the name that users call, "
        f"`{AUTHORITY}` the authority that signed its certificate (leave `--cacert` out where a public one did).", "",
        "```sh", f"export GPUMIX_API_KEY=\"$(cat {KEY_OF.get(target, 'key')})\""]
    for pool in pools_of(environment):
        lines += _commands(environment, pool)
    lines += ["```", "",
              "A path with one replica behind it gives rows for your own catalog: `gpumix loadtest import FILE.jsonl "
              "--into own`, then `gpumix loadtest compare PROBLEM --overlay own`. Behind several replicas the test "
              "shows what users see; for rows, test one replica by itself as `gpumix loadtest plan` says."]
    return lines


def _commands(environment: Environment, pool: Pool) -> list[str]:
    """Write the test of each request class that comes by a path."""
    runs = [run for run, _ in pool.shares]
    replicas = sum(run.deployment.replicas for run in runs)
    levels = ",".join(map(str, _levels(runs)))
    name = pool.paths[0].removesuffix("/v1/")
    found = []
    for isl, osl in _lengths(environment, pool):
        set_up = f" {_set_up(environment, runs[0])}" if replicas == 1 else ""
        found.append(f"gpumix loadtest run --url https://HOST{name} --cacert {AUTHORITY} --isl {isl} --osl {osl} "
                     f"--users {levels} --records {name.strip('/').replace('/', '-')}-{isl}-{osl}.jsonl{set_up}")
    return found


def _levels(runs: list[EngineRun]) -> tuple[int, ...]:
    """Return levels up to half as many again as the replicas carry together."""
    most = sum(run.deployment.concurrency_per_replica * run.deployment.replicas for run in runs)
    at_peak = sum(run.deployment.concurrency_at_peak * run.deployment.replicas for run in runs)
    return levels_for(max(1, min(at_peak, most)), most)


def _lengths(environment: Environment, pool: Pool) -> list[tuple[int, int]]:
    """Return the lengths of the requests that come by a path."""
    if pool.lengths is not None:
        return [pool.lengths]
    service = next(one for one in environment.asked if one.service_id == pool.service.service_id)
    return [(request.isl_tokens, request.osl_tokens) for request in service.workload]


def _set_up(environment: Environment, run: EngineRun) -> str:
    service = next(one for one in environment.asked if one.service_id == run.deployment.service_id)
    return set_up_words(service.model, run.gpu.gpu_id, run.deployment)

