"""Every rule of a whole catalog: a tiny catalog that keeps it, one that breaks it, and who is to blame."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from optimizer import integrity
from optimizer.errors import ExitCode
from optimizer.integrity import CHECKS, Finding, check_catalog, closed_loop_tokens_per_s, user_ms_per_token
from optimizer.load import Catalog, load_catalog
from optimizer.load.catalog import point_key
from optimizer.schema.catalog import ApiPrice, CapacityRow, EngineOverhead, EnginePrecision, LayerKind
from tests.catalogs import tiny

KEY = "m bf16 on 1 x g, e 1.0 tp1, 500/200 tokens, C=1, curve"


def sound(*points: Any, **tables: Any) -> Catalog:
    """Return a tiny catalog that breaks no rule: something measured, something owned."""
    facts: dict[str, Any] = {"owned": {"own-2x-g": tiny.node()}, **tables}
    return tiny.catalog(*(points or (tiny.point(),)), **facts)


def capacity(offer_id: str) -> CapacityRow:
    """Return a stated capacity without source."""
    return CapacityRow(service_id="chat", offer_id=offer_id, max_concurrency=1)


def findings(check: Callable[[Catalog], Iterator[Finding]], catalog: Catalog) -> list[tuple[str, str, str, str]]:
    """Return (severity, table, key, message) of what one rule finds."""
    return [(one.severity, one.table, one.key, one.message) for one in check(catalog)]


def test_a_sound_catalog_has_no_finding() -> None:
    assert check_catalog(sound()).found == ()


def test_every_rule_has_its_cases_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [check.__name__ for check in CHECKS if f"integrity.{check.__name__}" not in source] == []
    assert all((check.__doc__ or "").strip() for check in CHECKS)


class TestReferences:
    """integrity.ids_are_referred_to and integrity.ids_inside_facts_exist."""

    def test_a_gpu_that_nothing_names(self) -> None:
        catalog = sound(gpus={"g": tiny.gpu(), "idle": tiny.gpu("idle")})
        assert findings(integrity.ids_are_referred_to, catalog) == [
            ("warning", "gpus", "idle", "no offer, owned node or measured row names it")]

    def test_a_model_whose_shape_was_never_measured(self) -> None:
        models = {"m": tiny.model(), "twin": tiny.model(runs_like="m"), "other": tiny.model("other")}
        assert findings(integrity.ids_are_referred_to, sound(models=models)) == [
            ("warning", "models", "other", "no measured row of its shape: every speed is an estimate")]

    def test_an_engine_and_a_site_that_nothing_names(self) -> None:
        catalog = sound(engines={"e": tiny.engine(), "f": tiny.engine()}, sites={"here": tiny.SITE, "there": tiny.SITE})
        assert findings(integrity.ids_are_referred_to, catalog) == [
            ("warning", "engines", "f", "no measured row names it"), ("warning", "sites", "there", "no node there")]

    @pytest.mark.parametrize(
        ("tables", "table", "key", "message"),
        [
            pytest.param({"models": {"m": tiny.model(native_precision="fp3")}}, "models", "m",
                         "native_precision 'fp3' is not in precisions.yaml", id="a model's own precision"),
            pytest.param({"engines": {"e": tiny.engine(precisions={"fp3": EnginePrecision()})}}, "engines", "e",
                         "precision 'fp3' is not in precisions.yaml", id="an engine's precision"),
            pytest.param({"precisions": {"bf16": tiny.precision("bf16", 2.0, "fp3")}, "engines": {}},
                         "precisions", "bf16", "runs_like 'fp3' is not in precisions.yaml",
                         id="what a precision runs like"),
            pytest.param({"capacities": {("chat", "x"): capacity("x")}}, "capacities", "chat, x",
                         "offer_id 'x' is no offer", id="the offer of a capacity"),
            pytest.param({"offers": {"cloud-g": tiny.offer(currency="EUR")}}, "offers", "cloud-g",
                         "fx.csv has no rate for EUR", id="the rate of a currency"),
        ],
    )
    def test_names_inside_facts(self, tables: dict[str, Any], table: str, key: str, message: str) -> None:
        assert findings(integrity.ids_inside_facts_exist, sound(**tables)) == [("error", table, key, message)]

    def test_a_capacity_may_name_an_owned_node_at_its_site(self) -> None:
        catalog = sound(capacities={("chat", "own-2x-g.here"): capacity("own-2x-g.here")})
        assert findings(integrity.ids_inside_facts_exist, catalog) == []

    def test_one_name_for_two_models(self) -> None:
        models = {"m": tiny.model(aliases=("Org/M",)), "n": tiny.model("n", hf_id="org/m"),
                  "o": tiny.model("o", aliases=("m",))}
        assert findings(integrity.names_are_clear, sound(models=models)) == [
            ("warning", "models", "n", "its other name 'org/m' also stands for m"),
            ("warning", "models", "o", "its other name 'm' also stands for m")]


class TestMoney:
    """integrity.nodes_hold_their_gpus, prices, commitments_are_cheaper and integrity.rows_are_sourced.

    integrity.prices_are_plausible and integrity.commitments_are_cheaper.
    """

    def test_more_gpus_than_a_node_holds(self) -> None:
        catalog = sound(gpus={"g": tiny.gpu(max_gpus_per_node=4)}, offers={"big": tiny.offer("big", gpu_count=5)},
                        owned={"own": tiny.node(gpu_count=8)})
        assert findings(integrity.nodes_hold_their_gpus, catalog) == [
            ("error", "offers", "big", "5 x g: a node holds at most 4"),
            ("error", "owned", "own", "8 x g: a node holds at most 4")]
        unknown = replace(catalog, gpus={"g": tiny.gpu(max_gpus_per_node=None)})
        assert findings(integrity.nodes_hold_their_gpus, unknown) == []  # a PCIe server may hold eight

    def test_a_price_far_below_others(self) -> None:
        asked = {name: tiny.offer(name, provider=name, price=price)
                 for name, price in (("one", 4.0), ("two", 6.0), ("cheap", 1.9), ("fair", 2.1), ("dear", 31.0))}
        told = findings(integrity.prices_are_plausible, sound(offers=asked))
        assert [(severity, key) for severity, _, key, _ in told] == [("warning", "dear")]  # 2.1 also asks for 1.9
        del asked["fair"]
        told = findings(integrity.prices_are_plausible, sound(offers=asked))
        assert [key for _, _, key, _ in told] == ["cheap", "dear"]

    def test_a_price_of_tokens_that_contradicts_itself(self) -> None:
        """integrity.api_prices_are_plausible; its rules have their cases in tests/costs/test_plausible_api.py."""
        api = ApiPrice(provider="p", api_model="a", model_id="m", input_usd_per_million=2.0, output_usd_per_million=1.0,
                       source_url="https://x.example", as_of="2026-11")
        assert findings(integrity.api_prices_are_plausible, sound(apis={"p": api})) == [
            ("warning", "apis", "p", "output at $1 a million tokens costs less than input at $2")]

    def test_an_owned_gpu_without_power_limit(self) -> None:
        assert findings(integrity.nodes_hold_their_gpus, sound(gpus={"g": tiny.gpu(tdp_watts=None)})) == [
            ("error", "owned", "own-2x-g", "g states no tdp_watts, so its power cannot be billed")]

    @pytest.mark.parametrize(
        ("facts", "broken"),
        [
            pytest.param({"kind": "reserved", "term_months": 12, "price": 1.01}, True, id="reserved dearer"),
            pytest.param({"kind": "spot", "price": 1.01}, True, id="spot dearer"),
            pytest.param({"kind": "spot", "price": 1.0}, False, id="as dear"),
            # a month's commitment at 740 dollars is 1.0137 an hour
            pytest.param({"kind": "reserved", "term_months": 1, "price": 740.0, "per": "month"}, True,
                         id="a dear month"),
            pytest.param({"kind": "reserved", "term_months": 36, "price": 730.0, "per": "month"}, False,
                         id="a cheap month"),
            # 101 yen with 10% tax are 0.918 dollars at 100 a dollar
            pytest.param({"kind": "spot", "price": 101.0, "currency": "JPY", "tax_included_fraction": 0.1}, False,
                         id="yen with tax"),
            pytest.param({"kind": "spot", "price": 101.0, "currency": "JPY"}, True, id="yen"),
            pytest.param({"kind": "spot", "price": 9.0, "region": "osaka"}, False, id="another region"),
            pytest.param({"kind": "spot", "price": 9.0, "instance_type": "y"}, False, id="another instance"),
            pytest.param({"kind": "marketplace", "price": 9.0}, False, id="a marketplace is no commitment"),
        ],
    )
    def test_a_commitment_dearer_than_none(self, facts: dict[str, Any], broken: bool) -> None:
        other = tiny.offer("other", **{"instance_type": "x", **facts})
        offers = {"plain": tiny.offer("plain", instance_type="x"), "other": other}
        found = findings(integrity.commitments_are_cheaper, sound(offers=offers))
        assert [(severity, key) for severity, _, key, _ in found] == ([("error", "other")] if broken else [])
        if broken:
            assert found[0][3].endswith("an hour, above $1.0000 on demand (plain)")

    def test_figures_without_source(self) -> None:
        listed = tiny.part(1.0, evidence="list", source_url="x")
        bare = (tiny.part(1.0, evidence="quoted"), tiny.part(1.0, notes=""), listed)
        assert findings(integrity.rows_are_sourced, sound(owned={"own": tiny.node(parts=bare)})) == [
            ("error", "owned", "own", "all: quoted, but no source_url"),
            ("warning", "owned", "own", "all: assumed, without source or notes")]
        life = tiny.figure(5.0).model_copy(update={"evidence": "list"})
        figures = tiny.ASSUMPTIONS.model_copy(update={"life_years": life})
        assert findings(integrity.rows_are_sourced, sound(owned_assumptions=figures)) == [
            ("error", "on_prem", "assumptions", "life_years: list, but no source_url")]
        site = tiny.SITE.model_copy(update={"pue": tiny.figure(1.2).model_copy(update={"evidence": "quoted"})})
        assert findings(integrity.rows_are_sourced, sound(sites={"here": site})) == [
            ("error", "sites", "here", "pue: quoted, but no source_url")]

    def test_rows_without_source(self) -> None:
        blank = {"source_url": " "}
        capacities = {("chat", "cloud-g"): capacity("cloud-g")}
        catalog = sound(tiny.point(**blank), gpus={"g": tiny.gpu(**blank)}, capacities=capacities)
        assert findings(integrity.rows_are_sourced, catalog) == [
            ("error", "gpus", "g", "no source_url"), ("error", "throughput", KEY, "no source_url"),
            ("warning", "capacities", "chat, cloud-g", "no source_url and no as_of")]


class TestShapes:
    """integrity.members_run_alike, integrity.shapes_make_sense, integrity.sizes_agree and integrity.names_are_clear."""

    @pytest.mark.parametrize(
        ("facts", "differing"),
        [
            ({"layers": 12}, "layers"), ({"hidden_size": 1024}, "hidden_size"),
            ({"attention_heads": 16}, "attention_heads"), ({"kv_heads": 4}, "kv_heads"),
            ({"head_dim": 128}, "head_dim"), ({"attention": "gqa"}, "attention"),
            ({"vocabulary": 1011}, "vocabulary"), ({"active_parameters_billion": 0.98}, "active_parameters_billion"),
            ({"experts": 8, "experts_per_token": 2, "parameters_billion": 1.02},
             "experts, experts_per_token, parameters_billion"),
        ],
    )
    def test_members_that_differ(self, facts: dict[str, Any], differing: str) -> None:
        models = {"a": tiny.model(runs_like="m", **facts), "m": tiny.model()}
        assert findings(integrity.members_run_alike, sound(models=models)) == [
            ("error", "models", "a", f"runs_like m, but not like m in {differing}")]

    @pytest.mark.parametrize(
        "facts",
        [
            pytest.param({"vocabulary": 1009}, id="padding of the vocabulary"),
            pytest.param({"parameters_billion": 1.3}, id="a vision tower that no text token passes"),
            pytest.param({"context_limit_tokens": 131_072}, id="a longer context"),
            pytest.param({"native_precision": "fp8"}, id="another precision"),
        ],
    )
    def test_members_that_run_alike_all_the_same(self, facts: dict[str, Any]) -> None:
        models = {"m": tiny.model(), "a": tiny.model(runs_like="m", **facts)}
        assert findings(integrity.members_run_alike, sound(models=models)) == []

    def test_members_alike_within_a_window(self) -> None:
        windowed = tiny.model(
            runs_like="m", full_attention_layers=0, sliding_window_layers=10, sliding_window_tokens=4096)
        assert findings(integrity.members_run_alike, sound(models={"m": tiny.model(), "a": windowed})) == [
            ("warning", "models", "a", "runs like m only up to 4,096 tokens: their attention windows differ")]

    def test_heads_and_windows(self) -> None:
        models = {"m": tiny.model(kv_heads=3), "n": tiny.model("n", full_attention_layers=5, sliding_window_layers=5)}
        assert findings(integrity.shapes_make_sense, sound(models=models)) == [
            ("error", "models", "m", "3 KV heads do not divide 8 heads"),
            ("error", "models", "n", "sliding_window_layers without sliding_window_tokens")]


    def test_sizes(self) -> None:
        kind = LayerKind(layers=4, mixer="full", kv_heads=8, values_per_token=1024.0)
        models = {"m": tiny.model(published_parameters_billion=1.04), "n": tiny.model("n", hf_id="org/n-3b"),
                  "o": tiny.model("o", layer_kinds=(kind,))}
        assert findings(integrity.sizes_agree, sound(models=models)) == [
            ("error", "models", "m", "1.00 billion parameters, 1.04 are published"),
            ("warning", "models", "n", "1.00 billion parameters, its name says 3"),
            ("error", "models", "o", "layer_kinds keep a cache in 4 layers, counted are 10")]


class TestCurves:
    """integrity.curves_rise and integrity.closed_loops_close."""

    @pytest.mark.parametrize(
        ("tpots", "severity"),
        [
            pytest.param((10.0, 12.0, 14.0), None, id="rises"),
            pytest.param((10.0, 9.0, 14.0), None, id="falls by 10%"),
            pytest.param((10.0, 8.9, 14.0), "warning", id="falls by 11%"),
            pytest.param((10.0, 9.2, 8.7), "warning", id="falls by 13% in two steps"),
            pytest.param((10.0, 5.0, 14.0), "warning", id="falls by half"),
            pytest.param((10.0, 4.9, 14.0), "error", id="falls by more than half"),
        ],
    )
    def test_tpot_that_falls(self, tpots: tuple[float, ...], severity: str | None) -> None:
        catalog = sound(*(tiny.point(c, tpot) for c, tpot in zip((1, 4, 16), tpots, strict=True)))
        found = findings(integrity.curves_rise, catalog)
        assert [one[0] for one in found] == ([severity] if severity else [])

    def test_the_deepest_fall_of_a_curve_is_told_once(self) -> None:
        catalog = sound(*(tiny.point(c, tpot) for c, tpot in ((1, 10.0), (2, 8.0), (4, 6.0), (8, 20.0))))
        assert findings(integrity.curves_rise, catalog) == [
            ("warning", "throughput", KEY.replace("C=1", "C=4"), "TPOT falls from 10 ms at C=1 to 6 ms at C=4 (40%)")]

    def test_a_repeat_is_no_fall_and_other_curves_are_others(self) -> None:
        rows = (tiny.point(1, 10.0), tiny.point(1, 4.0), tiny.point(2, 7.0), tiny.point(2, 1.0, engine_version="2.0"))
        assert findings(integrity.curves_rise, sound(*rows)) == []  # the median of 10 and 4 is 7
        checks = (tiny.point(1, 10.0, use="check"), tiny.point(2, 1.0, use="check"))
        assert findings(integrity.curves_rise, sound(*checks)) == []

    def test_identity_by_hand(self) -> None:
        # 8 requests of 200 tokens in 100 ms + 199 x 10 ms = 2.09 s: 765.55 tokens/s
        assert closed_loop_tokens_per_s(tiny.point(8, 10.0, 100.0)) == pytest.approx(765.55, abs=0.01)
        assert closed_loop_tokens_per_s(tiny.point(8, 10.0, None)) is None

    @pytest.mark.parametrize(
        ("tokens_per_s", "closed_loop", "severity"),
        [(765.5, True, None), (803.0, True, None), (804.0, True, "warning"), (727.0, True, "warning"),
         (880.0, True, "warning"), (881.0, True, "error"), (650.0, True, "error"), (2000.0, False, None)],
    )
    def test_throughput_that_contradicts_the_latencies(
        self, tokens_per_s: float, closed_loop: bool, severity: str | None
    ) -> None:
        row = tiny.point(8, 10.0, 100.0, output_tokens_per_s=tokens_per_s, closed_loop=closed_loop)
        found = findings(integrity.closed_loops_close, sound(row))
        assert [one[0] for one in found] == ([severity] if severity else [])

    def test_what_is_said_of_a_contradiction(self) -> None:
        row = tiny.point(8, 10.0, 100.0, output_tokens_per_s=1000.0, closed_loop=True)
        (found,) = findings(integrity.closed_loops_close, sound(row))
        assert found[3] == "1000 tokens/s, but its TTFT and TPOT give 765.6 (+31%)"


class TestPhysics:
    """integrity.nothing_beats_bandwidth and integrity.weights_fit."""

    @pytest.mark.parametrize(
        ("facts", "broken"),
        [
            # 2 GB at 1,000 GB/s: 2 ms
            pytest.param({"tpot_ms": 2.0}, False, id="exactly the bandwidth"),
            pytest.param({"tpot_ms": 1.99}, True, id="faster"),
            pytest.param({"tpot_ms": 1.01, "gpu_count": 2, "tp_size": 2}, False, id="two GPUs"),
            pytest.param({"tpot_ms": 0.99, "gpu_count": 2, "tp_size": 2}, True, id="faster than two"),
            pytest.param({"tpot_ms": 1.1, "precision": "fp8"}, False, id="half the bytes"),
            pytest.param({"tpot_ms": None, "use": "check", "concurrency": 8, "output_tokens_per_s": 4100.0}, True,
                         id="throughput alone: 8 / 4,100 s = 1.95 ms"),
            pytest.param({"tpot_ms": None, "use": "check", "concurrency": 8, "output_tokens_per_s": 3900.0}, False,
                         id="2.05 ms"),
            pytest.param({"tpot_ms": 0.1, "use": "check", "precision": None}, False, id="an unknown precision"),
            pytest.param({"tpot_ms": None, "ttft_ms": None, "use": "ceiling", "concurrency": None,
                          "output_tokens_per_s": 9999.0}, False, id="a saturation row is no user's speed"),
        ],
    )
    def test_faster_than_bandwidth(self, facts: dict[str, Any], broken: bool) -> None:
        found = findings(integrity.nothing_beats_bandwidth, sound(tiny.point(**facts)))
        assert [one[0] for one in found] == (["error"] if broken else [])

    def test_what_is_said_of_it(self) -> None:
        assert findings(integrity.nothing_beats_bandwidth, sound(tiny.point(tpot_ms=1.0))) == [
            ("error", "throughput", KEY, "1 ms a token, but reading its weights takes 2 ms at full bandwidth")]

    def test_time_per_token_that_a_row_claims(self) -> None:
        assert user_ms_per_token(tiny.point(4, 9.0, output_tokens_per_s=1.0)) == 9.0
        assert user_ms_per_token(tiny.point(4, None, use="check", output_tokens_per_s=400.0)) == 10.0
        assert user_ms_per_token(tiny.point(4, None, use="check")) is None

    @pytest.mark.parametrize(
        ("parameters", "gpus", "severity"),
        [
            # 20 GiB usable a GPU; 2 bytes a parameter: 10.74 B fill it, 9.66 B fill 90%
            pytest.param(9.6, 1, None, id="fits"),
            pytest.param(9.7, 1, "warning", id="over 90%"),
            pytest.param(10.8, 1, "error", id="over 100%"),
            pytest.param(10.8, 2, None, id="on two GPUs"),
            pytest.param(21.5, 2, "error", id="too much for two"),
        ],
    )
    def test_weights(self, parameters: float, gpus: int, severity: str | None) -> None:
        model = tiny.model(parameters_billion=parameters, active_parameters_billion=parameters)
        found = findings(integrity.weights_fit, sound(tiny.point(gpu_count=gpus, tp_size=gpus), models={"m": model}))
        assert [one[0] for one in found] == ([severity] if severity else [])


class TestRows:
    """integrity.measured_rows_are_candidates and integrity.rows_stand_once."""

    def test_measured_what_the_engine_is_said_not_to_run(self) -> None:
        rows = (tiny.point(1), tiny.point(2), tiny.point(1, use="check"))
        catalog = sound(*rows, engines={"e": tiny.engine(unsupported_families=("llama",))})
        assert findings(integrity.measured_rows_are_candidates, catalog) == [
            ("warning", "throughput", KEY, "measured, but never a candidate: E does not run the llama family")]

    def test_a_row_twice(self) -> None:
        assert findings(integrity.rows_stand_once, sound(tiny.point(), tiny.point())) == [
            ("warning", "throughput", KEY, "the same row 2 times")]
        runs = (tiny.point(notes="run 1 of 2"), tiny.point(notes="run 2 of 2"), tiny.point(tpot_ms=11.0))
        assert findings(integrity.rows_stand_once, sound(*runs)) == []


class TestBlame:
    """Whether an error lies in the user's own rows."""

    def test_rows_of_an_overlay(self) -> None:
        catalog = sound(tiny.point(tpot_ms=1.0))
        assert not check_catalog(catalog).from_overlay
        assert check_catalog(tiny.overlaid(catalog, throughput=[point_key(tiny.point())])).from_overlay
        # the row is shipped, but it breaks the rule because of the user's own GPU
        assert check_catalog(tiny.overlaid(catalog, gpus=["g"])).from_overlay
        assert not check_catalog(tiny.overlaid(catalog, offers=["cloud-g"])).from_overlay

    def test_a_curve_is_judged_with_all_its_rows(self) -> None:
        # the shipped row at C=8 was fine until the user's own row at C=4 made TPOT fall
        catalog = sound(tiny.point(4, 50.0), tiny.point(8, 10.0))
        own = tiny.overlaid(catalog, throughput=[point_key(tiny.point(4))])
        assert [one.key for one in check_catalog(own).errors] == [KEY.replace("C=1", "C=8")]
        assert check_catalog(own).from_overlay
        assert not check_catalog(catalog).from_overlay

    def test_a_warning_blames_nobody(self) -> None:
        catalog = tiny.overlaid(sound(gpus={"g": tiny.gpu(), "idle": tiny.gpu("idle")}), gpus=["idle"])
        found = check_catalog(catalog)
        assert [one.from_overlay for one in found.warnings] == [True]
        assert not found.from_overlay

    def test_every_overlaid_row_is_named(self) -> None:
        own = tiny.overlaid(sound(), throughput=[point_key(tiny.point())], offers=["cloud-g"], gpus=["g"])
        found = check_catalog(own)
        assert found.overlaid == (("gpus", "g"), ("offers", "cloud-g"), ("throughput", KEY))
        sizes = {size.table: (size.rows, size.from_overlay) for size in found.tables}
        assert (sizes["gpus"], sizes["throughput"], sizes["models"]) == ((1, 1), (1, 1), (1, 0))

    def test_errors_come_first(self) -> None:
        catalog = sound(tiny.point(tpot_ms=1.0), gpus={"g": tiny.gpu(), "idle": tiny.gpu("idle")})
        assert [one.severity for one in check_catalog(catalog).found] == ["error", "warning"]


def test_findings_do_not_depend_on_the_order_of_rows(shipped: Catalog) -> None:
    turned = replace(shipped, points=tuple(reversed(shipped.points)), models=dict(reversed(shipped.models.items())),
                     gpus=dict(reversed(shipped.gpus.items())), offers=dict(reversed(shipped.offers.items())))
    assert set(check_catalog(turned).found) == set(check_catalog(shipped).found)


def test_the_shipped_catalog_has_warnings_but_no_error(shipped: Catalog) -> None:
    found = check_catalog(shipped)
    assert found.errors == ()
    assert {one.table for one in found.warnings} == {"apis", "gpus", "models", "offers", "throughput"}
    assert len([one for one in found.warnings if one.table == "throughput"]) <= 10


def dearer_reservation(folder: Path) -> None:
    """Write the reservation of the small catalog at 2.60 an hour, above the 2.50 on demand."""
    (folder / "offers").mkdir(parents=True, exist_ok=True)
    (folder / "offers" / "own.csv").write_text(
        "offer_id,provider,region,instance_type,gpu_id,gpu_count,kind,term_months,price,source_url,as_of\n"
        "big,cloud,tokyo,x,big-80gb,1,on_demand,0,2.5,https://example.org/p,2026\n"
        "big-12m,cloud,tokyo,x,big-80gb,1,reserved,12,2.6,https://example.org/p,2026\n", encoding="utf-8")


def test_exit_codes_of_the_command(small_catalog: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    shutil.copytree(small_catalog, tmp_path / "broken")
    dearer_reservation(tmp_path / "broken")
    dearer_reservation(tmp_path / "own")
    fine = runner.invoke(cli.app, ["catalog", "check", "--catalog", str(small_catalog)])
    assert (fine.exit_code, "SOUND: 0 errors" in fine.output) == (ExitCode.PLAN, True)
    broken = runner.invoke(cli.app, ["catalog", "check", "--catalog", str(tmp_path / "broken")])
    assert (broken.exit_code, "BROKEN: 1 error" in broken.output) == (ExitCode.BAD_CATALOG, True)
    folders = ["--catalog", str(small_catalog), "--overlay", str(tmp_path / "own")]
    overlaid = runner.invoke(cli.app, ["catalog", "check", *folders])
    assert (overlaid.exit_code, "big-12m" in overlaid.output) == (ExitCode.BAD_INPUT, True)


def test_an_overlay_of_the_shipped_catalog_is_named(tmp_path: Path) -> None:
    (tmp_path / "offers").mkdir()
    (tmp_path / "offers" / "own.csv").write_text(
        "offer_id,provider,region,gpu_id,gpu_count,kind,price,source_url,as_of\n"
        "quote-7,dealer,tokyo,l4-24gb,1,on_demand,0.6,quotation 7,2026-11-20\n", encoding="utf-8")
    found = check_catalog(load_catalog(overlays=[tmp_path]))
    assert found.overlaid == (("offers", "quote-7"),)
    assert found.errors == ()


def test_overhead_is_not_weights() -> None:
    # an engine that takes 30 GiB beside the weights says nothing about whether a row's weights fit
    heavy = tiny.engine().overhead.model_copy(update={"activation_floor_gib": 30.0})
    assert isinstance(heavy, EngineOverhead)
    assert findings(integrity.weights_fit, sound(engines={"e": tiny.engine(overhead=heavy)})) == []
