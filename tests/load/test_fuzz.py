"""Whatever a file holds, reading it ends in a problem, or in faults: never in another exception.

Texts are mutated token by token and byte by byte, and values one by one (so that what the schema lets through reaches
the arithmetic behind it). `GPUMIX_FUZZ` multiplies the number of examples.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import CatalogError, InputError
from optimizer.load import Catalog, load_catalog, problem_text, shipped_problem_names
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.model_config import parse_model_config
from optimizer.load.problem import parse_problem, shipped_problems_dir
from optimizer.load.yaml_files import parse_yaml
from optimizer.solve import prepare
from tests.conftest import DATA
from tests.load.workspace import CONFIG, OVERLAY, PROBLEM, Workspace, write_workspace

MORE = int(os.environ.get("GPUMIX_FUZZ", "1"))


def examples(count: int) -> settings:
    """Settings for so many examples; the folder of a module is shared by them, and each puts back what it changed."""
    return settings(max_examples=count * MORE, deadline=None, suppress_health_check=list(HealthCheck))


NASTY = [
    "", "nan", ".nan", "-.inf", ".inf", "inf", "0", "-0", "-1", "1", "0.5", "1e400", "1e308", "5e-324", "1e-320", "1_0",
        "010", "0x1f", "1:30",
    "9" * 25, "9" * 400, "9" * 5000, "true", "no", "null", "~", "''", '"', "'", "[]", "{}", "[", "}", ",", ":", ": ",
        "- ", "? ", "#", "&a ", "*a",
    "<<", "=", "!!int ", "!!float ", "!!set ", "!!binary ", "!x ", "%YAML 1.1\n", "---\n", "...\n", "|\n", ">\n", "\t",
        "\n", "\r", "\x0b", "\x0c",
    "\x85", "\u2028", "\ufeff", "\x00", "\x07", "\x7f", "\u8ca0\u8377", "\U0001f600", "2026-02-30", "2026-08-21",
        "x" * 300, "config.json", "a;b", '""',
]
"""Tokens that mean something to some reader."""

NUMBERS: list[float] = [
    0, 1, 2, 3, 7, 12, 24, 47.9, 99, 120, 1000, 1e5, 1e7, 1e9, 9.99e11, 999_999_999_999, 1e300, 0.3, 0.5, 0.99,
        0.999999, 1.5, 0.1, 0.01, 1e-3, 1e-7,
    1e-9, 1e-12, 1e-15, 2.3e-16, 1e-300, 5e-324, -0.0, -1, float("nan"), float("inf"),
]
"""Numbers to put in place of a number: many pass the schema and reach the arithmetic."""

OTHERS: list[Any] = [None, True, "", "x", "USD", "llama-8b", "2026-08-21", [], {}, [None], [[]], {"x": 1}, [0, 0],
    "\u00e9", 10**30]
"""Values to put in place of anything."""

TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)

Edit = tuple[str, float, str, float]
EDITS = st.lists(
    st.tuples(st.sampled_from(["drop", "twice", "replace", "insert", "swap", "cut"]), st.floats(0, 1),
        st.sampled_from(NASTY), st.floats(0, 1)),
    min_size=1, max_size=4)


def mutated(text: str, edits: list[Edit]) -> str:
    """Change tokens of a text."""
    tokens = TOKEN.findall(text)
    for kind, where, token, other in edits:
        if not tokens:
            break
        index, second = (min(int(share * len(tokens)), len(tokens) - 1) for share in (where, other))
        if kind == "drop":
            del tokens[index]
        elif kind == "twice":
            tokens.insert(index, tokens[index])
        elif kind == "replace":
            tokens[index] = token
        elif kind == "insert":
            tokens.insert(index, token)
        elif kind == "swap":
            tokens[index], tokens[second] = tokens[second], tokens[index]
        else:
            del tokens[min(index, second) : max(index, second)]
    return "".join(tokens)


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value, inner ones too."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from leaves(value, (*path, key))


Replacement = tuple[float, float, Any, bool]
REPLACED = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(NUMBERS), st.sampled_from(OTHERS),
        st.sampled_from([True, True, True, True, False])),
    min_size=1, max_size=3)


def replaced(text: str, changes: list[Replacement]) -> str:
    """Put numbers in place of numbers of a YAML text, or anything in place of anything."""
    data = yaml.safe_load(text)
    for share, number, other, in_kind in changes:
        paths = [path for path in leaves(data) if not in_kind or _is_number(_at(data, path))]
        if not paths:
            break
        path = paths[min(int(share * len(paths)), len(paths) - 1)]
        whole = isinstance(_at(data, path), int) and float(number).is_integer()
        _at(data, path[:-1])[path[-1]] = (int(number) if whole else number) if in_kind else deepcopy(other)
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def with_cells(text: str, changes: list[tuple[float, float, str]]) -> str:
    """Put other cells in place of some of a CSV text without quotes."""
    rows = [line.split(",") for line in text.splitlines()]
    for down, across, cell in changes:
        row = rows[min(int(down * len(rows)), len(rows) - 1)]
        row[min(int(across * len(row)), len(row) - 1)] = cell
    return "\n".join(",".join(row) for row in rows) + "\n"


CELLS = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from([*NASTY, *map(repr, NUMBERS), "big-80gb", "reserved",
        "JPY", "month"])),
    min_size=1, max_size=3)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A valid workspace; an example puts back what it changes."""
    root = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(DATA / "small_catalog", root / "catalog")
    shutil.copy(shipped_catalog_dir() / "calibration.yaml", root / "catalog")
    return write_workspace(root)


def refusal(read: Callable[[], object]) -> InputError | None:
    """Return the error that reading ends in, None when it ends well; any other exception passes through."""
    try:
        read()
    except InputError as error:
        return error
    return None


def is_whole(error: InputError | None) -> bool:
    """Say whether every fault of an error says what was found and what is allowed."""
    return error is None or (bool(error.faults) and all(fault.found and fault.allowed for fault in error.faults))


def reads_or_refuses(workspace: Workspace, file: str, raw: bytes, good: bytes) -> None:
    """Read the workspace with one file changed; only a catalog's fault is the catalog's."""
    path = workspace / file
    path.write_bytes(raw)
    try:
        error = refusal(workspace.read)
    finally:
        path.write_bytes(good)
    assert is_whole(error)
    assert file.startswith("catalog") or not isinstance(error, CatalogError)


@given(edits=EDITS)
@examples(150)
def test_problem_tokens(workspace: Workspace, edits: list[Edit]) -> None:
    reads_or_refuses(workspace, "problem.yaml", mutated(PROBLEM, edits).encode("utf-8"), PROBLEM.encode())


RATE_PROBLEM = PROBLEM.replace(
    "demand: {peak_concurrency: 40}",
    """\
demand: {daily_active_users: 4000, uses_per_user_per_day: 3, requests_per_use: 2, active_hours: 10, peak_to_mean: 3,
      percentile: 0.95}""",
).replace("limits:", """\
fx: {rate_per_usd: 150, as_of: 2026-08-21}
currency: JPY
assumptions: {life_years: 5, discount_fraction_per_year: 0.05, residual_fraction: 0.3,
  maintenance_fraction_per_year: 0.05, utilisation_of_tdp_fraction: 0.6, staff_fte_per_gpu: 0.01,
  staff_usd_per_fte_year: 90000, network_fraction_of_hardware: 0.1,
  electricity_usd_per_kwh: 0.2, pue: 1.4, colocation_usd_per_kw_month: 150, purchase_price_usd: {owned-small-x2: 9000}}
limits:
  power_kw: 3
  stock: {cloud-big-x1: 4}
  survive: {nodes: 1, provider: true}
  speed_confidence: 0.8
  horizon_months: 24
  max_gpu_types: 2
""")


@given(changes=REPLACED)
@examples(250)
def test_problem_values(workspace: Workspace, changes: list[Replacement]) -> None:
    reads_or_refuses(workspace, "problem.yaml", replaced(RATE_PROBLEM, changes).encode("utf-8"), PROBLEM.encode())


@given(raw=st.binary(max_size=60), where=st.floats(0, 1))
@examples(80)
def test_problem_bytes(workspace: Workspace, raw: bytes, where: float) -> None:
    good = PROBLEM.encode()
    at = int(where * len(good))
    reads_or_refuses(workspace, "problem.yaml", good[:at] + raw + good[at:], good)


@given(edits=EDITS, name=st.sampled_from(shipped_problem_names()))
@examples(40)
def test_shipped_problem_tokens(shipped: Catalog, edits: list[Edit], name: str) -> None:
    text = mutated(problem_text(name)[0], edits)
    error = refusal(lambda: prepare(parse_problem(text, name, base=shipped_problems_dir()), shipped))
    assert is_whole(error)
    assert not isinstance(error, CatalogError)


@given(edits=EDITS)
@examples(120)
def test_config_tokens(edits: list[Edit]) -> None:
    assert is_whole(refusal(lambda: parse_model_config(mutated(CONFIG, edits).encode("utf-8"), "config.json")))


TABLES = ["gpus.csv", "fx.csv", "offers/cloud.csv", "throughput/lab.csv"]
FACTS = ["models.yaml", "engines.yaml", "precisions.yaml", "on_prem.yaml", "calibration.yaml"]


def good_text(workspace: Workspace, file: str) -> str:
    return (workspace / "catalog" / file).read_text(encoding="utf-8")


@given(file=st.sampled_from([*TABLES, *FACTS]), edits=EDITS)
@examples(200)
def test_catalog_tokens(workspace: Workspace, file: str, edits: list[Edit]) -> None:
    good = good_text(workspace, file)
    reads_or_refuses(workspace, f"catalog/{file}", mutated(good, edits).encode("utf-8"), good.encode())


@given(file=st.sampled_from(FACTS), changes=REPLACED)
@examples(250)
def test_catalog_values(workspace: Workspace, file: str, changes: list[Replacement]) -> None:
    good = good_text(workspace, file)
    reads_or_refuses(workspace, f"catalog/{file}", replaced(good, changes).encode("utf-8"), good.encode())


@given(file=st.sampled_from(TABLES), changes=CELLS)
@examples(250)
def test_catalog_cells(workspace: Workspace, file: str, changes: list[tuple[float, float, str]]) -> None:
    good = good_text(workspace, file)
    reads_or_refuses(workspace, f"catalog/{file}", with_cells(good.replace('"cheap, slow"', ""),
        changes).encode("utf-8"), good.encode())


@given(file=st.sampled_from(sorted(OVERLAY)), edits=EDITS)
@examples(100)
def test_overlay_tokens(workspace: Workspace, file: str, edits: list[Edit]) -> None:
    reads_or_refuses(workspace, f"overlay/{file}", mutated(OVERLAY[file], edits).encode("utf-8"),
        OVERLAY[file].encode())


@given(edits=EDITS, name=st.sampled_from(["models.yaml", "offers/aws.csv", "throughput/sweeps_7b_to_9b.csv",
        "on_prem.yaml"]))
@examples(12)
def test_shipped_catalog_tokens(tmp_path_factory: pytest.TempPathFactory, edits: list[Edit], name: str) -> None:
    overlay = tmp_path_factory.mktemp("shipped")
    text = (shipped_catalog_dir() / name).read_text(encoding="utf-8")
    (overlay / name).parent.mkdir(exist_ok=True)
    (overlay / name).write_text(mutated(text, edits), encoding="utf-8", newline="")
    error = refusal(lambda: load_catalog(overlays=[Path(overlay)], references=()))
    assert is_whole(error)
    assert not isinstance(error, CatalogError)


@given(text=st.one_of(
    st.text(max_size=200), st.lists(st.sampled_from([*NASTY, "a", "b: ", "\n", "  ", "\n  - "]),
        max_size=30).map("".join)))
@examples(300)
def test_any_text_as_yaml(text: str) -> None:
    assert is_whole(refusal(lambda: parse_yaml(text, "any.yaml")))


@given(override=st.tuples(
    st.lists(st.sampled_from(["services", "0", "1", "2", "-1", "limits", "slo", "grade", "budget", "name", "",
        "\u00b2"]), min_size=1, max_size=5),
    st.sampled_from(NASTY)))
@examples(120)
def test_any_override(workspace: Workspace, override: tuple[list[str], str]) -> None:
    keys, value = override
    assignment = f"{'.'.join(keys)}={value}"
    assert is_whole(refusal(lambda: parse_problem(PROBLEM, "problem.yaml", (assignment,), workspace.root)))
