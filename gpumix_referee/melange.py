"""Mélange's instances: buckets of requests by input and output size, and each GPU's rate for each bucket.

A config has `gpu_info` (name -> `cost` an hour, `tputs` requests/s by input and output size), `workload_distribution`
(share of requests, the same shape), `total_request_rate` (requests/s) and `slice_factor`. Its own model cuts each
bucket into `slice_factor` slices, each placed whole on one GPU type (Griggs et al., "Mélange: Cost Efficient Large
Language Model Serving by Exploiting GPU Heterogeneity", 2024).
"""

from __future__ import annotations

import math
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from gpumix_referee.certify import certificate, write_certificate
from gpumix_referee.cheapest import cheapest_routing
from gpumix_referee.splitting.split import Routing, Traffic
from gpumix_referee.verdict import RoutedVerdict
from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.text import read_json
from optimizer.units import exact

IMPOSSIBLE = 1e-4
"""A rate of this or less marks a bucket that the GPU cannot serve within its promise (the instances' convention)."""

LARGEST = 1e12
MOST_SLICES = 4096
MOST_GPUS = 200

STATED = {True: "exact_sliced_highs", False: "exact_continuous_split_highs"}
"""Keys under which an instance file may state the optimum of its sliced model, and of the free split."""


def judge(
    path: Path, sliced: bool, time_limit_s: float | None = None, certificates: Path | None = None
) -> RoutedVerdict:
    """Solve one instance: `sliced` as Mélange cuts it, else with every bucket split freely.

    Args:
        path: its file.
        sliced: see above.
        time_limit_s: of the search.
        certificates: a folder for the proof that nothing cheaper exists.

    Raises:
        InputError: with every fault of the file.
        LimitError: a certificate was asked for, and no proof was found within the limits.
    """
    name, config, stated = read_config(path, sliced)
    start = time.perf_counter()
    traffic = traffic_of(config, sliced)
    routing = cheapest_routing(traffic, time_limit_s)
    if certificates is not None:
        write_certificate(certificates, name, certificate(name, traffic, routing, time_limit_s))
    return verdict_of(name, traffic, routing, stated, time.perf_counter() - start)


def read_config(path: Path, sliced: bool) -> tuple[str, dict[str, Any], float | None]:
    """Read a bare config, or a file that holds one as `melange_config`: its name, the config, the stated optimum.

    Raises:
        InputError: with every fault of the file.
    """
    label = str(path)
    data = read_json(path, "a Mélange config")
    prefix = "melange_config." if isinstance(data, dict) and "melange_config" in data else ""
    config = data["melange_config"] if prefix else data
    faults = [Fault(label, prefix + key, found, allowed) for key, found, allowed in _config_faults(config)]
    if faults:
        raise InputError(faults)
    found = data.get(STATED[sliced]) if prefix else None
    stated = found.get("cost") if isinstance(found, dict) else None
    return path.stem, config, float(stated) if isinstance(stated, int | float) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _config_faults(config: Any) -> list[tuple[str, str, str]]:
    """List (key, found, allowed) of everything wrong with a config."""
    if not isinstance(config, dict):
        return [("", shown(config), "a mapping with gpu_info, workload_distribution and total_request_rate")]
    faults: list[tuple[str, str, str]] = []
    rate = config.get("total_request_rate")
    if not _is_number(rate) or not 0 <= rate < LARGEST:  # type: ignore[operator]
        faults.append(("total_request_rate", shown(rate), "requests/s, 0 or more"))
    slices = config.get("slice_factor", 1)
    if not isinstance(slices, int) or isinstance(slices, bool) or not 1 <= slices <= MOST_SLICES:
        faults.append(("slice_factor", shown(slices), f"a whole number from 1 to {MOST_SLICES}"))
    shares = config.get("workload_distribution")
    shape = _shape(shares)
    if shape is None:
        faults.append(("workload_distribution", shown(shares), "rows of shares, all of one length"))
    else:
        faults += _cell_faults("workload_distribution", shares, "a share of the requests, 0 or more", False)
    gpus = config.get("gpu_info")
    if not isinstance(gpus, dict) or not 1 <= len(gpus) <= MOST_GPUS:
        found = f"{len(gpus)} GPUs" if isinstance(gpus, dict) else shown(gpus)
        return [*faults, ("gpu_info", found, f"a mapping of 1 to {MOST_GPUS} GPU names to cost and tputs")]
    for name, facts in gpus.items():
        faults += _gpu_faults(f"gpu_info.{name}", facts, shape)
    return faults


def _gpu_faults(key: str, facts: Any, shape: tuple[int, int] | None) -> list[tuple[str, str, str]]:
    cost = facts.get("cost") if isinstance(facts, dict) else None
    faults = []
    if not _is_number(cost) or not 0 < cost < LARGEST:  # type: ignore[operator]
        faults.append((f"{key}.cost", shown(cost), "US dollars an hour, above 0"))
    tputs = facts.get("tputs") if isinstance(facts, dict) else None
    found = _shape(tputs)
    if found is None or (shape is not None and found != shape):
        size = "all of one length" if shape is None else f"{shape[0]} x {shape[1]} as workload_distribution"
        faults.append((f"{key}.tputs", shown(tputs) if found is None else f"{found[0]} x {found[1]}", f"rows, {size}"))
    else:
        faults += _cell_faults(f"{key}.tputs", tputs, "requests/s, 0 or more, or null", True)
    return faults


def _shape(rows: Any) -> tuple[int, int] | None:
    """Return (rows, columns) of a matrix, None when it is none."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        return None
    return (len(rows), len(rows[0])) if len({len(row) for row in rows}) == 1 else None


def _cell_faults(key: str, rows: Any, allowed: str, may_be_null: bool) -> list[tuple[str, str, str]]:
    return [
        (f"{key}.{i}.{j}", shown(value), allowed)
        for i, row in enumerate(rows) for j, value in enumerate(row)
        if not (may_be_null and value is None) and not (_is_number(value) and 0 <= value < LARGEST)
    ]


def traffic_of(config: dict[str, Any], sliced: bool) -> Traffic:
    """Turn a config that was checked into traffic: figures are the decimals written, exactly; empty buckets go."""
    gpus, total = config["gpu_info"], exact(config["total_request_rate"])
    classes, needed = [], []
    for i, row in enumerate(config["workload_distribution"]):
        for j, share in enumerate(row):
            rate = exact(share) * total
            if rate:
                classes.append(f"{i}.{j}")
                needed.append(tuple(nodes_needed(rate, facts["tputs"][i][j]) for facts in gpus.values()))
    prices = tuple(exact(facts["cost"]) for facts in gpus.values())
    slices = config.get("slice_factor", 1) if sliced else None
    return Traffic(tuple(gpus), prices, tuple(classes), tuple(needed), slices)


def nodes_needed(rate: Fraction, tput: float | None) -> Fraction | None:
    """Return the GPUs that a rate fills, None where the pair is impossible.

    >>> nodes_needed(Fraction(3), 0.5), nodes_needed(Fraction(3), 1e-4), nodes_needed(Fraction(3), None)
    (Fraction(6, 1), None, None)
    """
    return None if tput is None or tput <= IMPOSSIBLE else rate / exact(tput)


def verdict_of(
    name: str, traffic: Traffic, routing: Routing, stated: float | None, seconds: float
) -> RoutedVerdict:
    """Put a routing into a verdict."""
    nodes = {one: count for one, count in zip(traffic.node_types, routing.nodes, strict=True) if count} \
        if routing.nodes else {}
    shares = {
        bucket: {one: float(share) for one, share in zip(traffic.node_types, row, strict=True) if share}
        for bucket, row in zip(traffic.classes, routing.shares, strict=True)
    } if routing.shares else {}
    cost = None if routing.usd_per_hour is None else float(routing.usd_per_hour)
    bound = None if routing.bound is None else float(routing.bound)
    return RoutedVerdict(
        name, routing.status, cost, bound, nodes, stated, round(seconds, 6), shares, traffic.unserved())
