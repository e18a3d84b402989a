"""Mélange's instances: its own formulation in PuLP/CBC, the same model in HiGHS, and gpumix, in one run.

python -m tests.benchmarks.peers FOLDER             # needs gpumix[bench]; the table of docs/benchmarks.md
python -m tests.benchmarks.peers FOLDER --csv FILE  # a row for each instance and solver
python -m tests.benchmarks.peers FOLDER --chart FILE  # also draw it: .svg or .png (needs gpumix[charts])
python -m tests.benchmarks.peers FOLDER --processes # whole processes, start included
"""

from __future__ import annotations

import argparse
import csv
import inspect
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gpumix_referee.cheapest import cheapest_routing
from gpumix_referee.melange import IMPOSSIBLE, read_config, traffic_of

MANY_SLICES = 8
"""The slice factor from which a bucket is split finely enough to route well."""


@dataclass(frozen=True)
class Timed:
    """One solver on one instance."""

    instance: str
    model: str
    solver: str
    slice_factor: int
    usd_per_hour: float
    proven: bool
    seconds: float
    """Of the processor, building and solving: what other work on the machine does not change."""
    building_s: float
    """Of them, building in Python."""


def buckets_of(config: dict[str, Any]) -> list[tuple[float, list[float | None]]]:
    """List (requests/s, GPUs that one request/s takes by type) of each bucket."""
    gpus = config["gpu_info"].values()
    return [
        (share * config["total_request_rate"], [
            None if not gpu["tputs"][i][j] or gpu["tputs"][i][j] <= IMPOSSIBLE else 1 / gpu["tputs"][i][j]
            for gpu in gpus
        ])
        for i, row in enumerate(config["workload_distribution"]) for j, share in enumerate(row)
    ]


Solved = tuple[float, bool, float]
"""US dollars an hour, whether proven, and the moment (`processor_s`) at which building was over."""


def processor_s() -> float:
    """Return the processor seconds of this process and of those that it started and that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def with_cbc(config: dict[str, Any], sliced: bool) -> Solved:
    """Solve with PuLP and CBC as its authors describe it: a 0-1 variable for every slice and GPU type."""
    import pulp

    factor = config["slice_factor"] if sliced else 1
    kind = pulp.LpInteger if sliced else pulp.LpContinuous
    names, model = list(config["gpu_info"]), pulp.LpProblem("melange", pulp.LpMinimize)
    nodes = [pulp.LpVariable(f"y{t}", lowBound=0, cat=pulp.LpInteger) for t in range(len(names))]
    model += pulp.lpSum(config["gpu_info"][name]["cost"] * y for name, y in zip(names, nodes, strict=True))
    load: list[list[Any]] = [[] for _ in names]
    for number, (rate, per_request) in enumerate(buckets_of(config)):
        for part in range(factor):
            placed = []
            for t, one in enumerate(per_request):
                if one is None and rate:
                    continue
                x = pulp.LpVariable(f"x{number}_{part}_{t}", 0, 1, cat=kind)
                placed.append(x)
                load[t].append(rate / factor * (one or 0.0) * x)
            model += pulp.lpSum(placed) == 1
    for t, y in enumerate(nodes):
        model += pulp.lpSum(load[t]) <= y
    built = processor_s()
    status = model.solve(pulp.PULP_CBC_CMD(msg=False))
    return float(pulp.value(model.objective)), status == pulp.LpStatusOptimal, built


def with_highs(config: dict[str, Any], sliced: bool) -> Solved:
    """Solve the same model with HiGHS through MathOpt, gap 0."""
    from ortools.math_opt.python import mathopt

    factor = config["slice_factor"] if sliced else 1
    model = mathopt.Model()
    nodes = [model.add_integer_variable(lb=0) for _ in config["gpu_info"]]
    load: list[list[Any]] = [[] for _ in nodes]
    for rate, per_request in buckets_of(config):
        for _ in range(factor):
            placed = []
            for t, one in enumerate(per_request):
                if one is None and rate:
                    continue
                x = model.add_variable(lb=0, ub=1, is_integer=sliced)
                placed.append(x)
                load[t].append(rate / factor * (one or 0.0) * x)
            model.add_linear_constraint(sum(placed) == 1)
    for t, y in enumerate(nodes):
        model.add_linear_constraint(sum(load[t]) <= y)
    model.minimize(sum(gpu["cost"] * y for gpu, y in zip(config["gpu_info"].values(), nodes, strict=True)))
    params = mathopt.SolveParameters(relative_gap_tolerance=0.0)
    built = processor_s()
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=params)
    return result.objective_value(), result.termination.reason == mathopt.TerminationReason.OPTIMAL, built


def with_gpumix(config: dict[str, Any], sliced: bool) -> Solved:
    """Solve with gpumix: cost, and whether proven (and checked in fractions)."""
    traffic = traffic_of(config, sliced)
    built = processor_s()
    routing = cheapest_routing(traffic)
    return float(routing.usd_per_hour or 0), routing.status == "optimal", built


SOLVERS: dict[str, Callable[[dict[str, Any], bool], Solved]] = {
    "gpumix": with_gpumix, "PuLP/CBC": with_cbc, "HiGHS (MathOpt)": with_highs,
}


def time_all(files: Iterable[Path], sliced: bool, times: int) -> list[Timed]:
    """Time every solver on every instance, turn by turn; the least disturbed of several runs each."""
    rows = []
    for file in files:
        name, config, _ = read_config(file, sliced)
        for solver, solve in SOLVERS.items():
            took, cost, proven = [], math.nan, False
            for _ in range(times):
                start = processor_s()
                cost, proven, built = solve(config, sliced)
                took.append((processor_s() - start, built - start))
            model = "sliced" if sliced else "free split"
            rows.append(
                Timed(name, model, solver, config["slice_factor"], cost, proven, *min(took)))
    return rows


def cbc_start() -> float:
    """Return what CBC's own process takes at least, on a model of one variable: no building, no solving."""
    import pulp

    took = []
    for _ in range(30):
        model = pulp.LpProblem("empty", pulp.LpMinimize)
        y = pulp.LpVariable("y", 0, cat=pulp.LpInteger)
        model += y
        start = processor_s()
        model.solve(pulp.PULP_CBC_CMD(msg=False))
        took.append(processor_s() - start)
    return min(took)


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean.

    >>> geometric_mean([1, 4])
    2.0
    """
    return math.exp(statistics.fmean(map(math.log, values)))


def lines_of(rows: list[Timed], model: str, started: float) -> list[str]:
    """Lay out one model's table: objective, proof, seconds and ratios to gpumix."""
    by = {(row.instance, row.solver): row for row in rows if row.model == model}
    names = sorted({instance for instance, _ in by})
    lines = [
        f"| {model}, {len(names)} instances | same optimum | proven | median ms | slowest ms "
        f"| x gpumix (geometric mean) | least | x at {MANY_SLICES} slices and more |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for solver in SOLVERS:
        mine = [by[name, solver] for name in names]
        offsets = (0.0, started) if solver == "PuLP/CBC" else (0.0,)
        for off in offsets:
            seconds = [max(row.seconds - off, row.building_s) for row in mine]
            ratios = [s / by[name, "gpumix"].seconds for s, name in zip(seconds, names, strict=True)]
            many = [r for r, row in zip(ratios, mine, strict=True) if row.slice_factor >= MANY_SLICES]
            same = sum(abs(row.usd_per_hour - by[row.instance, "gpumix"].usd_per_hour) < 1e-6 for row in mine)
            label = solver + (f" less {1000 * off:.1f} ms, its own process" if off else "")
            lines.append(
                f"| {label} | {same} | {sum(row.proven for row in mine)} | {1000 * statistics.median(seconds):.2f} | "
                f"{1000 * max(seconds):.0f} | {geometric_mean(ratios):.1f} | {min(ratios):.1f} | "
                f"{geometric_mean(many):.1f} |")
    return lines


def peer_script() -> str:
    """Return a program of PuLP alone: the formulation above, without an import of gpumix."""
    head = "from __future__ import annotations\nimport json, resource, sys"
    own = (inspect.getsource(processor_s), inspect.getsource(buckets_of), inspect.getsource(with_cbc))
    return "\n".join((head, f"IMPOSSIBLE = {IMPOSSIBLE}", *own, "print(with_cbc(json.load(open(sys.argv[1])), True))"))


def process_seconds(arguments: list[str]) -> float:
    """Time a process of this environment's Python."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def whole_processes(files: list[Path]) -> tuple[float, float]:
    """Return how many times as long PuLP takes: a process for each instance on both sides, and one gpumix for all."""
    own = ["-c", "import cli; cli.main()", "referee", "melange", "--sliced"]
    peer, mine = [], []
    with tempfile.TemporaryDirectory() as folder:
        bare = [Path(folder) / file.name for file in files]
        for file, path in zip(files, bare, strict=True):
            path.write_text(json.dumps(read_config(file, True)[1]), encoding="utf-8")
            mine.append(process_seconds([*own, str(path)]))
            peer.append(process_seconds(["-c", peer_script(), str(path)]))
        together = process_seconds([*own, *map(str, bare)])
    return geometric_mean(a / b for a, b in zip(peer, mine, strict=True)), sum(peer) / together


def draw(rows: list[Timed], path: Path) -> None:
    """Write the picture of the times."""
    from tests.benchmarks.peers_chart import Point, render

    own = {(row.instance, row.model): 1000 * row.seconds for row in rows if row.solver == "gpumix"}
    points = [Point(row.model, row.solver, own[row.instance, row.model], 1000 * row.seconds)
              for row in rows if row.solver != "gpumix"]
    path.write_bytes(render(points, "png" if path.suffix == ".png" else "svg"))


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--processes", action="store_true")
    options = parser.parse_args(arguments)
    files = sorted(options.folder.glob("*.json"))
    if options.processes:
        each, together = whole_processes(files)
        print(f"whole processes, PuLP/CBC / gpumix: {each:.2f} one by one, {together:.1f} all files in one gpumix")
        return
    time_all(files[:3], True, 1), time_all(files[-40:-38], False, 1)  # imports
    rows = time_all(files, True, options.times) + time_all(files, False, options.times)
    started = cbc_start()
    print(f"{os.cpu_count()} cores\n")
    for model in ("sliced", "free split"):
        print("\n".join(lines_of(rows, model, started)) + "\n")
    if options.chart:
        draw(rows, options.chart)
    if options.csv:
        with options.csv.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, [field.name for field in fields(Timed)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
