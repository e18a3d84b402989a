"""Everything that can be wrong with a catalog or an overlay.

Each row breaks one file of a valid workspace in one way. A row names, for every fault that must come out and in this
order, the key or line, a part of what was found, and a part of what is allowed.
"""

from __future__ import annotations

import pytest

from optimizer.errors import CatalogError, InputError
from tests.load.bad_input import Bad, add, check, drop, make_file, make_folder, put, recode, refused, swap
from tests.load.workspace import Workspace

OFFERS, GPUS, MODELS = "catalog/offers/cloud.csv", "catalog/gpus.csv", "catalog/models.yaml"
ENGINES, PRECISIONS, ON_PREM = "catalog/engines.yaml", "catalog/precisions.yaml", "catalog/on_prem.yaml"
LAB, OWN = "catalog/throughput/lab.csv", "overlay/offers/own.csv"

WRONG_TABLES = [
    Bad("empty table", GPUS, put(b""), (("", "an empty file", "a header line: gpu_id, name, vendor"),)),
    Bad("misspelt column", GPUS, swap("tdp_watts", "tdp_watt"),
        (("line 1", "the unknown column 'tdp_watt'", "'tdp_watts' (did you mean that for 'tdp_watt'?)"),)),
    Bad("column missing", OFFERS, swap(",price,", ",cost,"),
        (("line 1", "the unknown column 'cost'", "one of offer_id"),
            ("line 1", "no column price", "every required column"))),
    Bad("column twice", GPUS, swap("notes\n", "name\n"), (("line 1", "the column 'name' twice", "each column once"),)),
    Bad("row too short", OFFERS, add("cloud-big-x4,cloud,tokyo\n"),
            (("line 5", "3 cells", "12 cells, as in the header"),)),
    Bad("row too long", OFFERS, add("cloud-big-x4" + ",x" * 12 + "\n"),
            (("line 5", "13 cells", "12 cells, as in the header"),)),
    Bad("semicolons", "catalog/fx.csv", put(b"currency;rate_per_usd\nJPY;158\n"),
        (("line 1", "cells parted by ';'", "cells parted by commas: currency, rate_per_usd"),)),
    Bad("text for a price", OFFERS, swap("0,2.5,USD", "0,cheap,USD"), (("line 2.price", "'cheap'", "a number"),)),
    Bad("thousands in a price", OFFERS, swap("0,160000,JPY", '0,"160,000",JPY'),
            (("line 4.price", "'160,000'", "a number"),)),
    Bad("price of nothing", OFFERS, swap("0,2.5,USD", "0,,USD"),
            (("line 2.price", "nothing", "this key is required"),)),
    Bad("price of zero", OFFERS, swap("0,2.5,USD", "0,0,USD"), (("line 2.price", "0", "greater than 0"),)),
    Bad("price below zero", OFFERS, swap("0,2.5,USD", "0,-2.5,USD"), (("line 2.price", "-2.5", "greater than 0"),)),
    Bad("price of NaN", OFFERS, swap("0,2.5,USD", "0,nan,USD"), (("line 2.price", "nan", "a finite number"),)),
    Bad("price of 1e400", OFFERS, swap("0,2.5,USD", "0,1e400,USD"), (("line 2.price", "1e400", "a finite number"),)),
    Bad("currency of no kind", OFFERS, swap("160000,JPY", "160000,YEN"),
            (("line 4.currency", "'YEN'", "'USD', 'JPY' or 'EUR'"),)),
    Bad("reserved without a term", OFFERS, swap("reserved,12", "reserved,0"),
            (("line 3.term_months", "0 with kind reserved", "1 or more"),)),
    Bad("term on demand", OFFERS, swap("big-80gb,1,on_demand,0", "big-80gb,1,on_demand,12"),
        (("line 2.term_months", "12 with kind on_demand", "else 0"),)),
    Bad("thirteenth month", OFFERS, swap("2.5,USD,hour,https://example.org/prices,2026-08-21",
            "2.5,USD,hour,https://example.org/prices,2026-13-01"),
        (("line 2.as_of", "'2026-13-01'", "a date as 2026-08-21, 2026-08 or 2026"),)),
    Bad("offer twice", OFFERS, swap("cloud-big-x1-12m", "cloud-big-x1"),
        (("line 3.offer_id", "'cloud-big-x1' twice (also in offers/cloud.csv)", "each id once"),)),
    Bad("offer in two files", "catalog/offers/more.csv",
            lambda path: put((path.parent / "cloud.csv").read_bytes())(path), (
        ("line 2.offer_id", "'cloud-big-x1' twice (also in offers/cloud.csv)", "each id once"),
        ("line 3.offer_id", "'cloud-big-x1-12m' twice", "each id once"),
            ("line 4.offer_id", "'cloud-small-x2' twice", "each id once"))),
    Bad("quote in a cell", GPUS, swap('"cheap, slow"', '"cheap" slow'),
            (("line 3", "text that CSV cannot read", "quotes inside doubled"),)),
    Bad("quote never closed", GPUS, swap('"cheap, slow"', '"cheap, slow'),
            (("line 3", "a quote that is never closed", "in double quotes"),)),
    Bad("Shift-JIS table", GPUS, recode("shift_jis", "# \u793e\u5185\n"),
            (("line 4", "the byte 0x8e", "UTF-8 text (in Excel: save as 'CSV UTF-8')"),)),
    Bad("folder for a table", GPUS, make_folder, (("", "a folder", "a file"),)),
    Bad("GPU without a capability", GPUS, swap("hopper,9.0", "hopper,"),
            (("line 2.compute_capability", "nothing", "8.6 for an nvidia GPU"),)),
    Bad("more memory than there is", GPUS, swap("80,79.2", "80,82"),
            (("line 2.memory_usable_gib", "82", "at most memory_gib = 80"),)),
    Bad("unknown GPU of an offer", OFFERS, swap("osaka,small-24gb", "osaka,small"),
        (("line 4.gpu_id", "'small'", "'small-24gb' (did you mean that?)"),)),
    Bad("unknown GPU of measured rows", LAB, swap("big-80gb,1,1,vllm,512,256,64", "big-81gb,1,1,vllm,512,256,64"),
        (("line 4.gpu_id", "'big-81gb'", "'big-80gb' (did you mean that?)"),)),
    Bad("unknown engine of many rows", LAB, lambda path: put(path.read_bytes().replace(b",vllm,", b",vlm,"))(path),
        (("line 2.engine_id", "'vlm' in 4 rows", "'vllm' (did you mean that?), or one of vllm"),)),
    Bad("unknown engine of measured rows", LAB, swap("small-24gb,1,1,vllm", "small-24gb,1,1,vlm"),
        (("line 5.engine_id", "'vlm'", "'vllm' (did you mean that?)"),)),
    Bad("unknown precision of measured rows", LAB, swap("llama-8b,bf16,small", "llama-8b,fp4,small"),
        (("line 5.precision", "'fp4'", "bf16, bf16-kv8, fp8, fp8-kv8"),)),
    Bad("unknown model of measured rows", LAB, swap("llama-8b,bf16,small", "llama-9b,bf16,small"),
        (("line 5.model_id", "'llama-9b'", "'llama-8b' (did you mean that?)"),)),
    Bad("curve without a speed", LAB, swap("120,9,curve", "120,,curve"),
            (("line 3.tpot_ms", "nothing", "a value in a row of use curve"),)),
    Bad("use of no kind", LAB, swap("120,9,curve", "120,9,maybe"),
            (("line 3.use", "'maybe'", "'curve', 'fit', 'check', 'ceiling', 'speculative' or 'disaggregated'"),)),
]

WRONG_FACTS = [
    Bad("unknown key of a model", MODELS, swap("kv_heads: 8", "kv_head: 8"),
        (("llama-8b.kv_heads", "nothing", "required"), ("llama-8b.kv_head", "an unknown key",
            "'kv_heads' (did you mean that?)"))),
    Bad("id in capitals", MODELS, swap("llama-8b:\n", "Llama-8B:\n"),
            (("Llama-8B", "the id 'Llama-8B'", "lower-case letters"),)),
    Bad("facts that are none", PRECISIONS, add("int4:\n"), (("int4", "nothing", "a mapping"),)),
    Bad("model twice", MODELS, add("llama-8b: {}\n"), (("line 22, column 1", "the key 'llama-8b' twice",
            "each key once"),)),
    Bad("MLA without its rank", MODELS, swap("attention: gqa", "attention: mla"),
        (("llama-8b.mla_kv_values_per_layer", "nothing", "a number when attention is mla"),)),
    Bad("more layers with KV than layers", MODELS, swap("full_attention_layers: 32", "full_attention_layers: 33"),
        (("llama-8b.full_attention_layers", "more than layers", "at most layers"),)),
    Bad("more active than all", MODELS, swap("active_parameters_billion: 8.0", "active_parameters_billion: 9.0"),
        (("llama-8b.active_parameters_billion", "more than parameters_billion", "at most that"),)),
    Bad("unknown native precision", MODELS, swap("native_precision: bf16", "native_precision: bf15"),
        (("llama-8b.native_precision", "'bf15'", "'bf16' (did you mean that?)"),)),
    Bad("unknown precision of a copy", MODELS,
        swap("native_precision: bf16", "native_precision: bf16\n  copies: [{precision: fp9, weight_bytes: 1.1}]"),
        (("llama-8b.copies", "'fp9'", "'fp8' (did you mean that?)"),)),
    Bad("unknown precision of an engine", ENGINES, swap("    fp8: {", "    fp9: {"),
            (("vllm.precisions", "'fp9'", "'fp8' (did you mean that?)"),)),
    Bad("unknown key of a precision of an engine", ENGINES,
            swap("bf16: {min_compute_capability: 8.0}", "bf16: {minimum: 8.0}"),
        (("vllm.precisions.bf16.minimum", "an unknown key", "one of amd, intel, max_compute_capability"),)),
    Bad("no tensor-parallel size", ENGINES, swap("tp_sizes: [1, 2]", "tp_sizes: []"),
            (("vllm.tp_sizes", "a list of 0", "at least 1 entry"),)),
    Bad("memory of more than all", ENGINES, swap("memory_fraction: 0.9", "memory_fraction: 90"),
        (("vllm.memory_fraction", "90", "less than or equal to 1"),)),
    Bad("precision that runs like none", PRECISIONS, swap("runs_like: fp8", "runs_like: int8"),
            (("fp8.runs_like", "'int8'", "bf16, bf16-kv8, fp8"),)),
    Bad("unknown GPU of an owned node", ON_PREM, swap("gpu_id: small-24gb", "gpu_id: small-25gb"),
        (("owned-small-x2.gpu_id", "'small-25gb'", "'small-24gb' (did you mean that?)"),)),
    Bad("unknown site", ON_PREM, swap("sites: [on-prem-jp]", "sites: [on-prem-us]"),
            (("owned-small-x2.sites", "'on-prem-us'", "on-prem-jp"),)),
    Bad("owned GPU of unknown power", GPUS, swap("121,72", "121,"),
            (("owned-small-x2.gpu_id", "'small-24gb'", "whose tdp_watts stands"),), ON_PREM),
    Bad("life of zero years", ON_PREM, swap("{value: 5, low: 4", "{value: 5, low: 0"),
            (("assumptions.life_years", "0", "at least 0.1"),)),
    Bad("residual above the price", ON_PREM, swap("{value: 0.65,", "{value: 1.65,"),
        (("assumptions.residual_12_months_fraction", "1.65", "a fraction, at most 1"),)),
    Bad("range upside down", ON_PREM, swap("low: 2200, high: 2900", "low: 2600, high: 2900"),
        (("nodes.0.parts.0.low", "2600", "at most unit_price = 2500"),)),
    Bad("PUE below one", ON_PREM, swap("{value: 1.5, low: 1.3", "{value: 1.5, low: 0.9"),
            (("sites.on-prem-jp.pue", "less than 1", "1 or more"),)),
    Bad("electricity in two currencies", ON_PREM, swap("    pue:",
            "    electricity_usd_per_kwh: {value: 0.2, as_of: 2026}\n    pue:"),
        (("sites.on-prem-jp.electricity", "2 prices", "exactly one of electricity_{usd,jpy,eur}_per_kwh"),)),
    Bad("part without a price", ON_PREM, swap("{item: host, unit_price: 2000,", "{item: host,"),
        (("nodes.0.parts.1", "both or none of unit_price, fraction_of_parts", "exactly one"),)),
    Bad("figure missing", ON_PREM, swap('  staff_fte_per_gpu: {value: 0.03, as_of: "2026"}\n', "",
            '  life_years: {value: 5, low: 4, high: 6, as_of: "2026"}\n', ""),
        (("assumptions.life_years", "nothing", "required"), )),
    Bad("section of no kind", ON_PREM, swap("nodes:\n", "machines: []\nnodes:\n"),
            (("machines", "an unknown key", "assumptions, sites, nodes"),)),
    Bad("nodes in a mapping", ON_PREM,
            lambda path: put(path.read_bytes().split(b"nodes:")[0] + b"nodes: {a: 1}\n")(path),
        (("nodes", "a mapping", "a list of owned nodes"),)),
    Bad("owned node twice", ON_PREM, lambda path: add(path.read_text(encoding="utf-8").split("nodes:\n")[1])(path),
        (("nodes.1.offer_id", "owned-small-x2 twice", "each id once"),)),
    Bad("estimate fitted on nothing", "catalog/calibration.yaml", lambda path: put(b"tpot: {}\n")(path), (
        ("tpot.coefficients", "nothing", "required"), ("ttft", "nothing", "required"),
        ("tpot_errors", "nothing", "required"), ("ttft_errors", "nothing", "required"),
            ("rows_fitted", "nothing", "required"),
        ("points_sha256", "nothing", "required"))),
]

WRONG_FOLDERS = [
    Bad("missing catalog", "catalog", drop, (("", "no such folder", "a folder of catalog files"),)),
    Bad("file for a catalog", "catalog", make_file, (("", "a file", "a folder of catalog files"),)),
    Bad("missing overlay", "overlay", drop, (("", "no such folder", "a folder of catalog files"),)),
    Bad("file for an overlay", "overlay", make_file, (("", "a file", "a folder of catalog files"),)),
    Bad("overlay without a table", "overlay", lambda path: (drop(path), path.mkdir(), None)[2],
            (("", "no catalog file", "at least one of gpus.csv"),)),
    Bad("catalog without engines", ENGINES, drop, (("", "no such file",
            "a catalog has gpus.csv, models.yaml, engines.yaml, precisions.yaml"),)),
    Bad("table beside its folder", "overlay/offers.csv", put(b"x"), (("", "a name that is not read", "offers/*.csv"),)),
    Bad("table in the singular", "overlay/gpu.csv", put(b"x"), (("", "a name that is not read", "gpus.csv"),)),
    Bad("table of another kind", "overlay/models.csv", put(b"x"), (("", "a name that is not read", "models.yaml"),)),
    Bad("rate of no catalog", "catalog/fx.csv", drop, (("fx", "no rate for JPY", "a row in fx.csv"),), "desk"),
]

WRONG_OVERLAYS = [
    Bad("overlay: text for a price", OWN, swap("4.75", "n/a"), (("line 2.price", "'n/a'", "a number"),)),
    Bad("overlay: unknown GPU", OWN, swap("big-80gb", "big-80"),
            (("line 2.gpu_id", "'big-80'", "'big-80gb' (did you mean that?)"),)),
    Bad("overlay: unknown offer of a capacity", "overlay/capacities.csv", swap("cloud-big-x1-12m", "cloud-big"),
        (("line 2.offer_id", "'cloud-big'", "'cloud-big-x1' (did you mean that?)"),)),
    Bad("overlay: unknown engine of a capacity", "overlay/capacities.csv", swap("64,vllm", "64,vlm"),
            (("line 2.engine_id", "'vlm'", "'vllm'"),)),
    Bad("overlay: capacity twice", "overlay/capacities.csv", add("chat,cloud-big-x1-12m,65,vllm\n"),
        (("line 4.service_id, offer_id", "'chat, cloud-big-x1-12m' twice", "each id once"),)),
    Bad("overlay: figure of no kind", "overlay/on_prem.yaml", swap("staff_fte_per_gpu", "staff_per_gpu"),
        (("assumptions.staff_per_gpu", "an unknown key", "'staff_fte_per_gpu' (did you mean that?)"),)),
    Bad("overlay: figure without a date", "overlay/on_prem.yaml", swap("{value: 0, as_of: 2026}", "{value: 0}"),
        (("assumptions.staff_fte_per_gpu.as_of", "nothing", "required"),)),
    Bad("overlay: unknown site", "overlay/on_prem.yaml", swap("[on-prem-jp]", "[basement]"),
            (("owned-big-x1.sites", "'basement'", "on-prem-jp"),)),
    Bad("overlay: owned node with the id of a rented one", OWN, swap("quote-big-x2", "owned-big-x1.on-prem-jp"),
        (("owned-big-x1.offer_id", "'owned-big-x1.on-prem-jp'", "an id that no rented offer has"),),
            "overlay/on_prem.yaml"),
]

SEVERAL = [
    Bad("several rows of one table", OFFERS, swap("0,2.5,USD", "0,x,USD", "reserved,12", "reserved,0", "160000,JPY",
            "160000,CHF"), (
        ("line 2.price", "'x'", "a number"), ("line 3.term_months", "0 with kind reserved", "1 or more"),
        ("line 4.currency", "'CHF'", "'USD', 'JPY' or 'EUR'"))),

]

TABLE = [*WRONG_TABLES, *WRONG_FACTS, *WRONG_FOLDERS, *WRONG_OVERLAYS, *SEVERAL]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
def test_a_bad_catalog_or_overlay_is_named(bad: Bad, workspace: Workspace) -> None:
    check(bad, workspace)


def test_the_table_has_distinct_rows() -> None:
    assert len({bad.name for bad in TABLE}) == len(TABLE)


def test_the_workspace_itself_is_good(workspace: Workspace) -> None:
    assert {offer.offer_id for offer in workspace.read().candidates.offers} == {
        "cloud-big-x1", "cloud-small-x2", "quote-big-x2", "owned-big-x1.on-prem-jp", "owned-small-x2.on-prem-jp"}


def test_faults_of_all_catalog_files_come_together(workspace: Workspace) -> None:
    swap("80,79.2", "80,x")(workspace / GPUS)
    swap("tp_sizes: [1, 2]", "tp_sizes: 3")(workspace / ENGINES)
    recode("latin-1", "# caf\u00e9\n")(workspace / PRECISIONS)
    swap("nodes:\n", "nodes: [\n")(workspace / ON_PREM)
    swap("0,2.5,USD", "0,y,USD")(workspace / OFFERS)
    error = refused(workspace)
    assert type(error) is CatalogError
    assert {fault.file for fault in error.faults} >= {str(workspace / name) for name in (GPUS, ENGINES, PRECISIONS,
        ON_PREM, OFFERS)}


def test_of_many_ids_only_near_ones_are_named(workspace: Workspace) -> None:
    header, *rows = (workspace / GPUS).read_text(encoding="utf-8").splitlines()
    more = [rows[1].replace("small-24gb", f"other-{number}gb") for number in range(10, 21)]
    (workspace / GPUS).write_text("\n".join([header, *rows, *more]) + "\n", encoding="utf-8")
    swap("osaka,small-24gb", "osaka,small-25gb")(workspace / OFFERS)
    swap("small-24gb,1,1,vllm", "zzz,1,1,vllm")(workspace / LAB)
    near, far = refused(workspace).faults
    assert (near.found, near.allowed) == ("'small-25gb'", "an id of gpus.csv: 'small-24gb' (did you mean that?)")
    assert (far.found, far.allowed) == ("'zzz'", "an id of gpus.csv")


def test_unreadable_catalog_files_come_together(workspace: Workspace) -> None:
    make_folder(workspace / GPUS)
    make_folder(workspace / OFFERS)
    error = refused(workspace)
    assert type(error) is CatalogError
    assert [fault.file for fault in error.faults] == [str(workspace / GPUS), str(workspace / OFFERS)]


def test_a_faulty_overlay_is_bad_input_even_over_a_faulty_catalog(workspace: Workspace) -> None:
    swap("80,79.2", "80,x")(workspace / GPUS)
    swap("4.75", "n/a")(workspace / OWN)
    error = refused(workspace)
    assert type(error) is InputError
    assert {fault.file for fault in error.faults} >= {str(workspace / GPUS), str(workspace / OWN)}


@pytest.mark.parametrize("file", ["problem.yaml", OFFERS, MODELS, ON_PREM])
def test_a_byte_order_mark_is_taken(file: str, workspace: Workspace) -> None:
    put(b"\xef\xbb\xbf" + (workspace / file).read_bytes())(workspace / file)
    assert workspace.read().problem.name == "desk"


@pytest.mark.parametrize("file", ["problem.yaml", OFFERS, MODELS])
def test_windows_line_ends_are_taken(file: str, workspace: Workspace) -> None:
    put((workspace / file).read_bytes().replace(b"\n", b"\r\n"))(workspace / file)
    assert workspace.read().problem.name == "desk"
