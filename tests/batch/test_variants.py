"""Which variants a batch has: names, order, and what is refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.batch import Facts, Sources, Variant, Variants, expanded_sources, variants_of
from optimizer.batch.variants import digest_of
from optimizer.errors import InputError
from optimizer.load.tables_of_overrides import OverrideRow
from tests.batch.conftest import DESK, GRADE, PEAK


def refused(call: Callable[[], object]) -> list[str]:
    with pytest.raises(InputError) as error:
        call()
    return [str(fault) for fault in error.value.faults]


def test_the_last_key_runs_fastest_and_names_say_what_varies(desk: Path) -> None:
    found = variants_of([str(desk)], [f"{GRADE}=B,A", f"{PEAK}=10:20:10", "limits.horizon_months=12"])
    assert len(found) == 4
    assert [one.name for one in found] == [
        f"desk/{GRADE}=B/{PEAK}=10", f"desk/{GRADE}=B/{PEAK}=20", f"desk/{GRADE}=A/{PEAK}=10",
        f"desk/{GRADE}=A/{PEAK}=20",
    ]
    assert next(iter(found)).overrides == (f"{GRADE}=B", f"{PEAK}=10", "limits.horizon_months=12")


def test_files_come_in_their_order_and_folders_by_name(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.YAML", "notes.txt"):
        (tmp_path / name).write_text(DESK, encoding="utf-8")
    named = expanded_sources(["chat-and-code", str(tmp_path)])
    assert [one.name for one in variants_of(named)] == ["chat-and-code", "a", "b", "c"]
    assert next(iter(variants_of(named))) == Variant("chat-and-code", "chat-and-code", ())


def test_rows_keep_their_names_and_come_within_each_combination(desk: Path) -> None:
    rows = [OverrideRow("small", (f"{PEAK}=10",)), OverrideRow("large", (f"{PEAK}=500",))]
    found = list(variants_of([str(desk)], [f"{GRADE}=A,B"], rows, "t.csv"))
    assert [one.name for one in found] == [
        f"small/{GRADE}=A", f"large/{GRADE}=A", f"small/{GRADE}=B", f"large/{GRADE}=B",
    ]
    assert found[1].overrides == (f"{GRADE}=A", f"{PEAK}=500")


def test_going_over_them_again_gives_the_same(desk: Path) -> None:
    found = variants_of([str(desk)], [f"{PEAK}=1:50:1"])
    assert list(found) == list(found)
    assert len(found) == len(list(found)) == 50


def test_what_cannot_be_a_batch_is_refused(tmp_path: Path, desk: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "desk.yaml").write_text(DESK, encoding="utf-8")
    folder = str(tmp_path / "empty")
    assert refused(lambda: expanded_sources([folder])) == [
        f"{folder}: found a folder without problems; allowed: a folder with .yaml files"
    ]
    assert "the same problem twice" in refused(lambda: expanded_sources([str(desk), str(desk)]))[0]
    twins = [str(desk), str(tmp_path / "twin" / "desk.yaml")]
    assert refused(lambda: variants_of(twins)) == [
        f"batch: name: found 'desk' for {' and '.join(twins)}; allowed: files of distinct names"
    ]
    rows = [OverrideRow("one", (f"{PEAK}=10",))]
    assert "2 problems" in refused(lambda: variants_of(["a", "b"], (), rows, "t.csv"))[0]
    assert "a column of t.csv too" in refused(lambda: variants_of(["a"], [f"{PEAK}=1,2"], rows, "t.csv"))[0]
    assert "no variants" in refused(lambda: variants_of(["a"], (), [], "t.csv"))[0]
    too_many = [f"{PEAK}=1:10000:1", "limits.horizon_months=1:10000:1"]
    assert "100,000,000 variants" in refused(lambda: variants_of(["a"], too_many))[0]


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    found = refused(lambda: Sources.read([str(tmp_path / "latin.yaml"), str(tmp_path / "gone.yaml"), "no-such-name"]))
    assert len(found) == 3
    assert "which is not UTF-8" in found[0]
    assert "no such file" in found[1]
    assert "no such file" in found[2]


@pytest.mark.parametrize(("assignment", "said"), [
    ("services.0.slo.grde=A,B", "services.0.slo.grde: found an unknown key; allowed: 'grade' (did you mean that?)"),
    ("services.5.slo.grade=A", "found no entry services.5; allowed: an index from 0 to 0"),
    ("services.0.slo.speed.p99=3", "services.0.slo.speed.p99: found an unknown key"),
    ("services.0.model.size=3", "found a key inside services.0.model, which is a plain value"),
    ("limits.power_kw.peak=3", "limits.power_kw.peak: found a mapping"),
    ("colour=red", "colour: found an unknown key"),
])
def test_a_key_that_does_not_exist_is_named_before_anything_runs(desk: Path, assignment: str, said: str) -> None:
    variants = variants_of([str(desk)], [assignment, f"{PEAK}=10,20"])
    (found,) = refused(lambda: variants.check_keys(Sources.read(variants.sources)))
    assert found.startswith("--set: ")
    assert said in found


def test_every_key_of_a_table_is_checked_even_where_the_first_row_leaves_it_empty(desk: Path) -> None:
    rows = [
        OverrideRow("one", (f"{PEAK}=10",)), OverrideRow("two", ("colour=red",)),
        OverrideRow("three", ("colour=blue", "limits.wrong=1")),
    ]
    variants = variants_of([str(desk)], (), rows, "t.csv")
    found = refused(lambda: variants.check_keys(Sources.read(variants.sources)))
    assert [one.split(";")[0] for one in found] == [
        "t.csv: colour: found an unknown key", "t.csv: limits.wrong: found an unknown key",
    ]


def test_a_bad_value_hides_no_bad_key(desk: Path) -> None:
    variants = variants_of([str(desk)], ["limits.kinds=[owned", "colour=red", "services.0.nmae=x"])
    found = refused(lambda: variants.check_keys(Sources.read(variants.sources)))
    assert [one.split(":")[1].strip() for one in found] == ["colour", "services.0.nmae"]


@pytest.mark.parametrize("assignment", [
    f"{PEAK}=minus", f"{GRADE}=Z", f"{PEAK}=-1", "limits.power_kw=10", "limits.stock.cloud-big-x1=3",
    "services.0.slo.tokens_per_s_per_user=30", "services.0.model=no-such-model", "limits.kinds=[owned",
    "limits.survive.nodes=1", "services.0.demand={peak_rps: 3}",
])
def test_a_bad_value_is_no_bad_key(desk: Path, assignment: str) -> None:
    variants = variants_of([str(desk)], [assignment])
    variants.check_keys(Sources.read(variants.sources))


def test_a_template_that_is_no_yaml_is_refused_but_one_of_many_is_a_row(tmp_path: Path, desk: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [", encoding="utf-8")
    alone = variants_of([str(broken)], [f"{PEAK}=1,2"])
    assert "broken.yaml" in refused(lambda: alone.check_keys(Sources.read(alone.sources)))[0]
    both = variants_of([str(broken), str(desk)], [f"{PEAK}=1,2"])
    both.check_keys(Sources.read(both.sources))


def test_the_digest_changes_with_all_that_results_depend_on(
    tmp_path: Path, desk: Path, facts_of: Callable[[Variants], Facts]
) -> None:
    def digest(variants: Variants, **facts: object) -> str:
        return digest_of(variants, Sources.read(variants.sources), dict(facts))

    plain = variants_of([str(desk)], [f"{PEAK}=1,2"])
    own = variants_of([str(desk)], ["services.0.model=own/config.json,llama-8b"])
    digests = [digest(plain), digest(plain, seed=1), digest(variants_of([str(desk)], [f"{PEAK}=1,3"])), digest(own)]
    (tmp_path / "own").mkdir()
    for content in ("{}", "[]"):
        (tmp_path / "own" / "config.json").write_text(content, encoding="utf-8")
        digests.append(digest(own))
    desk.write_text(DESK + "\n", encoding="utf-8")
    digests.append(digest(plain))
    assert len(set(digests)) == len(digests)
    assert digest(plain) == digest(variants_of([str(desk)], [f"{PEAK}=1,2"]))
