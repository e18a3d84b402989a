"""Results: the same bytes whatever the order, the workers, the backend and what was solved before."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.batch import Variants, variants_of
from optimizer.batch.ledger import Ledger, open_existing
from optimizer.batch.outcome import COLUMNS, Outcome
from optimizer.batch.processes import InThisProcess, Processes
from optimizer.batch.results import frame_of, write_csv, write_parquet
from optimizer.batch.run import CSV_FILE
from optimizer.batch.solver import VariantSolver
from optimizer.batch.variants import Variant
from optimizer.errors import InputError
from tests.batch.conftest import DESK, GRADE, NODE_USD, PEAK, Turned

Results = Callable[..., tuple[bytes, bytes]]

MIXED = (f"{PEAK}=1,40,64,65,500,-3", f"{GRADE}=A,C", "limits.budget.amount=1000,100000", "limits.budget.currency=USD",
         "limits.budget.per=month")
"""24 variants: some optimal, some infeasible, some faulty."""


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_rows_say_what_the_plan_says(swept: Callable[..., Variants], results: Results, tmp_path: Path) -> None:
    found = rows(results(swept(*MIXED), InThisProcess, tmp_path / "out")[0])
    assert len(found) == 24
    by_name = {row["name"]: row for row in found}
    two = by_name[f"desk/{PEAK}=65/{GRADE}=C/limits.budget.amount=100000"]
    # 65 requests need two nodes of 64
    assert (two["status"], float(two["usd_per_month"]), two["mix"]) == ("optimal", 2 * NODE_USD, "2 x cloud-big-x1")
    assert (two["usd_per_month"], two["model"], two["message"]) == (two["bound_usd_per_month"], "llama-8b", "")
    poor = by_name[f"desk/{PEAK}=40/{GRADE}=C/limits.budget.amount=1000"]
    assert (poor["status"], poor["usd_per_month"], poor["model"], poor["mix"]) == ("infeasible", "", "llama-8b", "")
    wrong = by_name[f"desk/{PEAK}=-3/{GRADE}=C/limits.budget.amount=100000"]
    assert wrong["status"] == "error"
    assert f"--set {PEAK}=-3: {PEAK}: found -3" in wrong["message"]
    assert (two[PEAK], two[GRADE]) == ("65", "C")
    ledger = open_existing(tmp_path / "out")
    plans = dict(ledger.plans())
    assert set(plans) == {row["name"] for row in found if row["status"] != "error"}
    assert json.loads(plans[two["name"]])["nodes"][0]["count"] == 2
    assert list(frame_of(ledger)["status"]) == [row["status"] for row in found]


def test_a_fault_of_our_own_is_a_row_too(
    swept: Callable[..., Variants], results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = VariantSolver._solved

    def broken(self: VariantSolver, variant: Variant) -> Outcome:
        if variant.overrides == (f"{PEAK}=2",):
            raise ZeroDivisionError("division by zero")
        return solved(self, variant)

    monkeypatch.setattr(VariantSolver, "_solved", broken)
    found = rows(results(swept(f"{PEAK}=1:3:1"), InThisProcess)[0])
    assert [row["status"] for row in found] == ["optimal", "error", "optimal"]
    assert found[1]["message"] == "our own fault: ZeroDivisionError: division by zero"


@pytest.fixture
def mixed(swept: Callable[..., Variants]) -> Variants:
    return swept(*MIXED)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.randoms(use_true_random=False))
def test_the_order_changes_no_byte(mixed: Variants, results: Results, seed: object) -> None:
    def shuffled(tasks: list[object]) -> list[object]:
        seed.shuffle(tasks)  # type: ignore[attr-defined]
        return tasks

    assert results(mixed, lambda facts: Turned(facts, shuffled)) == results(mixed, InThisProcess)


def test_a_fresh_shelf_for_each_variant_changes_no_byte(mixed: Variants, results: Results) -> None:
    class Forgetful(VariantSolver):
        def outcome(self, variant: Variant) -> Outcome:
            return VariantSolver(self.facts).outcome(variant)

    def forgetful(facts: object) -> Turned:
        backend = Turned(facts, lambda tasks: tasks)  # type: ignore[arg-type]
        backend.solver = Forgetful(facts)  # type: ignore[arg-type]
        return backend

    assert results(mixed, forgetful) == results(mixed, InThisProcess)


def test_models_from_files_do_not_mix_on_the_shelf(tmp_path: Path, results: Results) -> None:
    """Two models of other sizes in turn: the objects of one variant are gone when the next ones are made."""
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 128256,
        "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
    }
    for name, layers in (("small", 8), ("large", 60), ("huge", 600)):
        (tmp_path / f"{name}.json").write_text(json.dumps({**config, "num_hidden_layers": layers}))
    (tmp_path / "desk.yaml").write_text(DESK.replace("evidence: interpolated", "evidence: estimated"))
    variants = variants_of(
        [str(tmp_path / "desk.yaml")], [f"{PEAK}=200:500:100", "services.0.model=huge.json,small.json,large.json"]
    )
    together = results(variants, InThisProcess)
    assert together == results(variants, lambda facts: Turned(facts, lambda tasks: tasks[::-1]))
    found = rows(together[0])
    assert [row["status"] for row in found] == ["infeasible", "optimal", "optimal"] * 4  # huge: 240 GiB on an 80-GB GPU
    small, large = ([float(row["usd_per_month"]) for row in found[start::3]] for start in (1, 2))
    assert all(more > less for less, more in zip(small, large, strict=True))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_no_byte(mixed: Variants, results: Results, workers: int) -> None:
    assert results(mixed, lambda facts: Processes(facts, workers)) == results(mixed, InThisProcess)


def test_running_it_again_solves_nothing_and_writes_the_same(
    mixed: Variants, results: Results, tmp_path: Path
) -> None:
    first = results(mixed, InThisProcess, tmp_path / "out")
    (tmp_path / "out" / CSV_FILE).unlink()

    def nothing_left(_: object) -> InThisProcess:
        raise AssertionError("a worker was asked for")

    assert results(mixed, nothing_left, tmp_path / "out") == first


def ledger_of(folder: Path, *outcomes: Outcome, overrides: tuple[str, ...] = ()) -> Ledger:
    ledger = Ledger.open(folder, "digest", [Variant(one.name, "f", overrides) for one in outcomes])
    ledger.record([(number, one, 0.0) for number, one in enumerate(outcomes)])
    return ledger


def test_spreadsheets_run_nothing(tmp_path: Path) -> None:
    outcomes = [Outcome(name, "error", message="@x") for name in ("=1+1", "-5", "-cmd", "+1", "plain", "-")]
    write_csv(ledger_of(tmp_path, *outcomes), tmp_path / "r.csv")
    found = rows((tmp_path / "r.csv").read_bytes())
    assert [row["name"] for row in found] == ["'=1+1", "-5", "'-cmd", "+1", "plain", "-"]
    assert {row["message"] for row in found} == {"'@x"}


def test_a_key_called_as_a_figure_has_a_column_of_its_own(tmp_path: Path) -> None:
    write_csv(ledger_of(tmp_path, Outcome("a", "error"), overrides=("name=x", "y=a=b")), tmp_path / "r.csv")
    ((row),) = rows((tmp_path / "r.csv").read_bytes())
    assert list(row) == [*COLUMNS, "set name", "y"]
    assert (row["name"], row["set name"], row["y"]) == ("a", "x", "a=b")


def test_parquet_in_groups_holds_what_csv_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs gpumix[batch]")
    monkeypatch.setattr("optimizer.batch.results.ROW_GROUP", 3)
    outcomes = [Outcome(f"v{n}", "optimal" if n % 2 else "infeasible", 10.5 * n if n % 2 else None) for n in range(10)]
    ledger = ledger_of(tmp_path, *outcomes, overrides=("k=é",))
    contents = []
    for _ in range(2):
        assert write_parquet(ledger, tmp_path / "r.parquet")
        contents.append((tmp_path / "r.parquet").read_bytes())
    assert contents[0] == contents[1]
    file = pq.ParquetFile(tmp_path / "r.parquet")
    assert file.num_row_groups == 4  # 3 + 3 + 3 + 1
    found = file.read().to_pylist()
    assert [row["usd_per_month"] for row in found] == [one.usd_per_month for one in outcomes]
    assert {row["k"] for row in found} == {"é"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_results_that_find_no_room_leave_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_of(tmp_path, Outcome("a", "error"))
    (tmp_path / "r.csv").write_text("before")
    (tmp_path / ".r.csv.partial").symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left"):
        write_csv(ledger, tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == "before"
    assert not (tmp_path / ".r.csv.partial").is_symlink()
