"""One table of everything that can be wrong with the input: class, exit code, place, what was found, what is allowed.

Each row breaks one file of a valid workspace in one way. A row names, for every fault that must come out and in this
order, the key or line, a part of what was found, and a part of what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from optimizer.errors import CatalogError, ExitCode, InputError
from tests.load.workspace import Workspace

Change = Callable[[Path], None]


def swap(*pairs: str) -> Change:
    """Replace texts, given as old, new, old, new; each old one stands exactly once."""

    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    return change


def add(text: str) -> Change:
    """Append a text; a file that is not there is made."""

    def change(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")

    return change


def put(raw: bytes) -> Change:
    """Write bytes in place of the file."""
    return lambda path: (path.write_bytes(raw), None)[1]


def recode(encoding: str, comment: str) -> Change:
    """Write the file in another encoding, with a comment that differs there."""
    return lambda path: put((path.read_text(encoding="utf-8") + comment).encode(encoding))(path)


def drop(path: Path) -> None:
    """Delete the file or folder."""
    if path.is_dir():
        for inner in sorted(path.iterdir()):
            drop(inner)
        path.rmdir()
    else:
        path.unlink()


def make_folder(path: Path) -> None:
    """Put a folder in the file's place."""
    path.unlink(missing_ok=True)
    path.mkdir()


def make_file(path: Path) -> None:
    """Put a file in the folder's place."""
    drop(path)
    path.write_text("x", encoding="utf-8")


Expected = tuple[str, str, str]
"""Key or line, part of what was found, part of what is allowed."""


@dataclass(frozen=True)
class Bad:
    """One way to be wrong."""

    name: str
    file: str
    change: Change
    faults: tuple[Expected, ...]
    where: str | None = None
    """File that the faults name, where it is not the changed one; `{root}` is the workspace."""


def problem(name: str, old: str, new: str, *faults: Expected, where: str | None = None) -> Bad:
    return Bad(name, "problem.yaml", swap(old, new), faults, where)


CHAT, NIGHT = "services.0", "services.1"

WRONG_VALUES = [
    problem("text for a number", "peak_concurrency: 40", "peak_concurrency: forty",
            (f"{CHAT}.demand.peak_concurrency", "'forty'", "a whole number")),
    problem("number in quotes", "peak_concurrency: 40", "peak_concurrency: '40'",
            (f"{CHAT}.demand.peak_concurrency", "'40'", "a whole number")),
    problem("fraction for a count", "peak_concurrency: 40", "peak_concurrency: 40.5",
            (f"{CHAT}.demand.peak_concurrency", "40.5", "a whole number")),
    problem("truth for a count", "peak_concurrency: 40", "peak_concurrency: true",
            (f"{CHAT}.demand.peak_concurrency", "True", "a whole number")),
    problem("yes for a number", "ttft_ms: 2000", "ttft_ms: yes", (f"{CHAT}.slo.ttft_ms", "True", "a number")),
    problem("negative count", "peak_concurrency: 40", "peak_concurrency: -1",
            (f"{CHAT}.demand.peak_concurrency", "-1", "greater than or equal to 1")),
    problem("count of zero", "peak_concurrency: 40", "peak_concurrency: 0",
            (f"{CHAT}.demand.peak_concurrency", "0", "greater than or equal to 1")),
    problem("speed of zero", "tokens_per_s_per_user: 25", "tokens_per_s_per_user: 0",
            (f"{CHAT}.slo.tokens_per_s_per_user", "0", "greater than 0")),
    problem("NaN", "ttft_ms: 2000", "ttft_ms: .nan", (f"{CHAT}.slo.ttft_ms", "nan", "a finite number")),
    problem("infinity", "ttft_ms: 2000", "ttft_ms: .inf", (f"{CHAT}.slo.ttft_ms", "inf", "a finite number")),
    problem("minus infinity", "ttft_ms: 2000", "ttft_ms: -.inf", (f"{CHAT}.slo.ttft_ms", "-inf", "a finite number")),
    problem("1e400", "ttft_ms: 2000", "ttft_ms: 1e400", (f"{CHAT}.slo.ttft_ms", "inf", "a finite number")),
    problem("a trillion", "peak_concurrency: 40", "peak_concurrency: 1000000000000",
            (f"{CHAT}.demand.peak_concurrency", "1000000000000", "less than 1000000000000")),
    problem("300 digits", "peak_concurrency: 40", f"peak_concurrency: {'9' * 300}",
            (f"{CHAT}.demand.peak_concurrency", "99999", "less than 1000000000000")),
    problem("300 digits for a real number", "ttft_ms: 2000", f"ttft_ms: {'9' * 300}",
            (f"{CHAT}.slo.ttft_ms", "99999", "less than 1000000000000")),
    problem("5000 digits", "peak_concurrency: 40", f"peak_concurrency: {10**4299}",
            ("line 12, column 32", "'1000", "a decimal integer of at most 400 digits")),
    problem("octal", "peak_concurrency: 40", "peak_concurrency: 040",
            ("line 12, column 32", "'040'", "no leading zero")),
    problem("hexadecimal", "peak_concurrency: 40", "peak_concurrency: 0x28",
            ("line 12, column 32", "'0x28'", "a decimal integer")),
    problem("clock time", "start_hour: 22", "start_hour: 22:00", ("line 18, column 44", "'22:00'", "no colon")),
    problem("day of no calendar", "currency: JPY, per", "currency: 2026-02-30, per",
            ("line 20, column 38", "'2026-02-30'", "a date of the calendar")),
    problem("number for text", "name: desk", "name: 7", ("name", "7", "text")),
    problem("nothing for a name", "name: desk", "name:", ("name", "nothing", "text")),
    problem("capitals in an id", "name: desk", "name: Help desk",
            ("name", "'Help desk'", "lower-case letters, digits")),
    problem("id too long", "name: desk", f"name: {'d' * 121}", ("name", "'dddd", "at most 120 characters")),
    problem("list for a mapping", "slo: {grade: C, tokens_per_s_per_user: 25, ttft_ms: 2000, response: streaming}",
            "slo: [C, 25]",
            (f"{CHAT}.slo", "a list of 2", "a mapping")),
    problem("mapping for a list", "workload: [{isl_tokens: 512, osl_tokens: 256, share_fraction: 1.0}]",
            "workload: {isl_tokens: 512, osl_tokens: 256}", (f"{CHAT}.workload", "a mapping", "a list")),
    problem("text for a list", "precisions: [bf16]", "precisions: bf16", (f"{CHAT}.precisions", "'bf16'", "a list")),
    problem("empty list", "precisions: [bf16]", "precisions: []",
            (f"{CHAT}.precisions", "a list of 0", "at least 1 entry")),
    problem("no request class", "workload: [{isl_tokens: 1000, osl_tokens: 100}]", "workload: []",
            (f"{NIGHT}.workload", "a list of 0", "at least 1 entry")),
    problem("no kind of offer", "kinds: [on_demand, owned]", "kinds: []",
            ("limits.kinds", "a list of 0", "at least 1 entry")),
    problem("unknown kind of offer", "kinds: [on_demand, owned]", "kinds: [on-demand, owned]",
            ("limits.kinds.0", "'on-demand'", "'on_demand', 'reserved', 'spot', 'marketplace' or 'owned'")),
    problem("unknown grade", "grade: C", "grade: D", (f"{CHAT}.slo.grade", "'D'", "'A', 'B' or 'C'")),
    problem("unknown kind of service", "kind: sync", "kind: online", (f"{CHAT}.kind", "'online'", "'sync' or 'async'")),
    problem("version of another format", "schema_version: 1", "schema_version: 2", ("schema_version", "2", "1")),
    problem("budget of zero", "amount: 900000", "amount: 0", ("limits.budget.amount", "0", "greater than 0")),
    problem("budget in pounds", "currency: JPY", "currency: GBP",
            ("limits.budget.currency", "'GBP'", "'USD', 'JPY' or 'EUR'")),
    problem("budget a week", "per: month", "per: week", ("limits.budget.per", "'week'", "'hour', 'month' or 'year'")),
    problem("share above one", "share_fraction: 1.0", "share_fraction: 1.5",
            (f"{CHAT}.workload.0.share_fraction", "1.5", "less than or equal to 1")),
    problem("headroom in percent", "headroom_fraction: 0.1", "headroom_fraction: 20",
            (f"{CHAT}.headroom_fraction", "20", "less than or equal to 10")),
    problem("hour of no day", "start_hour: 22", "start_hour: 25",
            (f"{NIGHT}.deadline.start_hour", "25", "less than 24")),
    problem("prompt longer than any", "isl_tokens: 512", "isl_tokens: 100000000",
            (f"{CHAT}.workload.0.isl_tokens", "100000000", "less than or equal to 10000000")),
]

WRONG_KEYS = [
    problem("misspelt key", "ttft_ms: 2000", "tttf_ms: 2000",
            (f"{CHAT}.slo.tttf_ms", "an unknown key", "'ttft_ms' (did you mean that?)")),
    problem("unknown key at the top", "name: desk", "name: desk\nlimit: {}",
            ("limit", "an unknown key", "'limits' (did you mean that?), or one of assumptions, currency")),
    problem("unknown key without a near one", "name: desk", "name: desk\nzzz: 1",
            ("zzz", "an unknown key", "one of assumptions, currency")),
    problem("key missing", "  - service_id: chat\n    model: llama-8b\n", "  - service_id: chat\n",
            (f"{CHAT}.model", "nothing", "this key is required")),
    problem("no version", "schema_version: 1\n", "", ("schema_version", "nothing", "this key is required")),
    problem("key twice", "name: desk", "name: desk\nname: tower",
            ("line 3, column 1", "the key 'name' twice", "each key once")),
    problem("a list as key", "name: desk", "name: desk\n? [a, b]\n: 1",
            ("line 3, column 3", "a key that is no plain text", "text as key")),
    problem("merge key", "name: desk", "name: desk\n<<: {currency: JPY}",
            ("<<", "an unknown key", "one of assumptions")),
]

WRONG_TOGETHER = [
    problem("shares that add to less than one", "share_fraction: 1.0", "share_fraction: 0.9",
            (f"{CHAT}.workload", "shares that add up to 0.9", "a sum of 1")),
    problem("context shorter than a request", "context_tokens: 2048", "context_tokens: 700",
            (f"{CHAT}.context_tokens", "700", "at least ISL + OSL = 768")),
    problem("least nodes above most", "nodes: {min: 1, max: 50}", "nodes: {min: 9, max: 5}",
            ("limits.nodes.min", "9", "at most max = 5")),
    problem("whole response without a limit", "response: streaming", "response: whole",
            (f"{CHAT}.slo.e2e_ms", "nothing", "a limit in ms when response is whole")),
    problem("end-to-end limit of a stream", "ttft_ms: 2000", "e2e_ms: 9000",
            (f"{CHAT}.slo.e2e_ms", "a limit with response streaming", "response: whole")),
    problem("async without a deadline", "    deadline: {requests: 5000, start_hour: 22, end_hour: 6}\n", "",
            (f"{NIGHT}.deadline", "nothing", "a deadline for an async service")),
    problem("sync with a deadline", "headroom_fraction: 0.1", "deadline: {requests: 1, start_hour: 0, end_hour: 6}",
            (f"{CHAT}.deadline", "one on a sync service", "only with kind: async")),
    problem("sync without a demand", "    demand: {peak_concurrency: 40}\n", "",
            (f"{CHAT}.demand", "nothing", "a demand for a sync service")),
    problem("async with a demand", "kind: async", "kind: async\n    demand: {peak_rps: 1}",
            (f"{NIGHT}.demand", "one on an async service", "only with kind: sync")),
    problem("sync without a speed", "grade: C, tokens_per_s_per_user: 25, ", "",
            (f"{CHAT}.slo", "no speed", "grade, tokens_per_s_per_user, or e2e_ms")),
    problem("two ways of demand", "peak_concurrency: 40", "peak_concurrency: 40, peak_rps: 2",
            (f"{CHAT}.demand", "peak_concurrency and peak_rps", "exactly one of")),
    problem("no way of demand", "demand: {peak_concurrency: 40}", "demand: {}",
            (f"{CHAT}.demand", "nothing", "exactly one of")),
    problem("half of the users' habits", "peak_concurrency: 40", "daily_active_users: 500, peak_to_mean: 3",
            (f"{CHAT}.demand", "daily_active_users, peak_to_mean",
                "with uses_per_user_per_day, requests_per_use, active_hours beside")),
    problem("percentile of a concurrency", "peak_concurrency: 40", "peak_concurrency: 40, percentile: 0.95",
            (f"{CHAT}.demand.percentile", "one beside peak_concurrency", "only with a rate or users")),
    problem("users beyond any number", "peak_concurrency: 40", "daily_active_users: 9e11, uses_per_user_per_day: 9e11, "
            "requests_per_use: 1, active_hours: 1e-9, peak_to_mean: 2",
                (f"{CHAT}.demand", "users that send", "less than 1e+12")),
    problem("window of no length", "end_hour: 6", "end_hour: 22",
            (f"{NIGHT}.deadline.end_hour", "22, the start itself", "a second later")),
    problem("work stated twice", "requests: 5000", "requests: 5000, output_tokens: 7",
            (f"{NIGHT}.deadline", "both or none of requests, output_tokens", "exactly one")),
    problem("service id twice", "service_id: night", "service_id: chat",
            ("services", "service_id chat more than once", "distinct ids")),
    problem("rate beside dollars", "name: desk", "name: desk\nfx: {rate_per_usd: 150, as_of: 2026-11-01}",
            ("fx", "a rate with currency USD", "only with JPY or EUR")),
    problem("rate of no date", "name: desk", "name: desk\ncurrency: JPY\nfx: {rate_per_usd: 150, as_of: today}",
            ("fx.as_of", "'today'", "a date as 2026-08-21")),
]

WRONG_NAMES = [
    problem("unknown model", "model: llama-8b", "model: llama-9b",
            (f"{CHAT}.model", "'llama-9b'", "an id of models.yaml"), where="desk"),
    problem("unknown engine", "engines: [vllm]", "engines: [vlm]", (f"{CHAT}.engines", "'vlm'", "vllm"), where="desk"),
    problem("unknown precision", "precisions: [bf16]", "precisions: [int3]",
            (f"{CHAT}.precisions", "'int3'", "bf16, fp8"), where="desk"),
    problem("unknown GPU", "gpus: {allow: []", "gpus: {allow: [big-90gb]",
            ("limits.gpus", "'big-90gb'", "big-80gb, small-24gb"), where="desk"),
    problem("unknown forbidden GPU", "forbid: []}", "forbid: [small]}",
            ("limits.gpus", "'small'", "big-80gb, small-24gb"), where="desk"),
    problem("unknown provider", "nodes: {min", "providers: {allow: [clod]}\n  nodes: {min",
            ("limits.providers", "'clod'", "acme, cloud, owned"), where="desk"),
    problem("unknown region", "nodes: {min", "regions: {forbid: [kyoto]}\n  nodes: {min",
            ("limits.regions", "'kyoto'", "on-prem-jp, osaka, tokyo"), where="desk"),
    problem("stock of an unknown offer", "nodes: {min", "stock: {cloud-big-x9: 3}\n  nodes: {min",
            ("limits.stock.cloud-big-x9", "no such offer", "an offer_id"), where="desk"),
    problem("price of an unknown owned node", "limits:", "assumptions: {purchase_price_usd: {owned-big: 1}}\nlimits:",
            ("assumptions.purchase_price_usd.owned-big", "no such owned node", "owned-small-x2"), where="desk"),
]

WRONG_TEXTS = [
    Bad("empty problem", "problem.yaml", put(b""), (("", "an empty file", "a YAML mapping"),)),
    Bad("only a comment", "problem.yaml", put(b"# nothing\n"), (("", "an empty file", "a YAML mapping"),)),
    Bad("a list of problems", "problem.yaml", put(b"- 1\n- 2\n"), (("", "a list of 2", "a YAML mapping"),)),
    Bad("a word", "problem.yaml", put(b"desk"), (("", "'desk'", "a YAML mapping"),)),
    Bad("two documents", "problem.yaml", add("---\nname: other\n"),
            (("line 24, column 1", "another document", "one YAML mapping"),)),
    Bad("tab for indentation", "problem.yaml", swap("    model: llama-8b", "\tmodel: llama-8b"),
            (("line 5, column 1", "a tab", "one YAML"),)),
    Bad("bracket left open", "problem.yaml", swap("precisions: [bf16]", "precisions: [bf16"),
            (("line 7, column 12", "did not find", "one YAML"),)),
    Bad("quote left open", "problem.yaml", swap("name: desk", "name: 'desk"),
            (("line 24, column 1", "unexpected end of stream", "one YAML"),)),
    Bad("colon too many", "problem.yaml", swap("name: desk", "name: desk: x"),
            (("line 2, column 11", "mapping values are not allowed", "one YAML"),)),
    Bad("alias", "problem.yaml", swap("precisions: [bf16]", "precisions: &p [bf16]", "engines: [vllm]", "engines: *p"),
        (("line 7, column 14", "the alias *p", "each value written out"),)),
    Bad("alias of nothing", "problem.yaml", swap("engines: [vllm]", "engines: *p"),
            (("line 7, column 14", "undefined alias", "no aliases"),)),
    Bad("code in a tag", "problem.yaml", swap("name: desk", "name: !!python/object/apply:os.getcwd []"),
        (("line 2, column 7", "the tag '!!python/object/apply:os.getcwd'", "plain mappings, lists, numbers and text"),
            )),
    Bad("nesting without end", "problem.yaml", swap("name: desk", f"name: {'[' * 60000}"),
            (("line 2, column 46", "more than 40 levels", "at most 40"),)),
    Bad("nesting of 50", "problem.yaml", swap("name: desk", f"name: {'[' * 50}{']' * 50}"),
        (("line 2, column 46", "more than 40 levels", "at most 40"),)),
    Bad("control character", "problem.yaml", swap("name: desk", "name: desk\x07"),
            (("line 2", "the control character #x07", "printable"),)),
    Bad("NUL", "problem.yaml", swap("name: desk", "name: de\x00sk"), (("line 2", "a NUL character", "UTF-8 text"),)),
    Bad("binary", "problem.yaml", put(b"\x89PNG\r\n\x1a\n\x00\x00"),
            (("line 1", "the byte 0x89, which is not UTF-8", "UTF-8 text"),)),
    Bad("Latin-1", "problem.yaml", recode("latin-1", "# caf\u00e9\n"),
            (("line 24", "the byte 0xe9, which is not UTF-8", "UTF-8 text"),)),
    Bad("Shift-JIS", "problem.yaml", recode("shift_jis", "# \u793e\u5185\n"),
            (("line 24", "the byte 0x8e", "UTF-8 text"),)),
    Bad("UTF-16", "problem.yaml", recode("utf-16", ""), (("line 1", "UTF-16 text", "UTF-8 text"),)),
    Bad("UTF-16 without a mark", "problem.yaml", recode("utf-16-le", ""),
            (("line 1", "a NUL character: a binary file, or UTF-16", "UTF-8"),)),
    Bad("missing problem", "problem.yaml", drop, (("", "no such file", "a path, or a shipped name"),)),
    Bad("folder for a problem", "problem.yaml", make_folder, (("", "a folder", "a file"),)),
]

WRONG_MODELS = [
    Bad("missing config.json", "own/config.json", drop, (("", "no such file", "a readable file"),), "own/config.json"),
    Bad("folder for a config.json", "own/config.json", make_folder, (("", "a folder", "a file"),)),
    Bad("broken JSON", "own/config.json", swap('"num_hidden_layers": 32,', '"num_hidden_layers": 32'),
        (("line 4, column 3", "Expecting ',' delimiter", "a Hugging Face config.json"),)),
    Bad("JSON of a list", "own/config.json", put(b"[1, 2]"), (("", "a list of 2", "a JSON object"),)),
    Bad("keys missing", "own/config.json", swap('  "hidden_size": 4096,\n', "", '  "vocab_size": 128256,\n', ""),
        (("hidden_size", "nothing", "a whole number from 1"), ("vocab_size", "nothing", "a whole number from 1"))),
    Bad("context missing", "own/config.json", swap('  "max_position_embeddings": 8192,\n', ""),
        (("max_position_embeddings", "nothing", "a whole number from 1"),)),
    Bad("text in a config.json", "own/config.json", swap('"hidden_size": 4096', '"hidden_size": "4096"'),
        (("hidden_size", "'4096'", "a whole number from 1"),)),
    Bad("negative layers", "own/config.json", swap('"num_hidden_layers": 32', '"num_hidden_layers": -32'),
        (("num_hidden_layers", "-32", "a whole number from 1 to 10,000"),)),
    Bad("a billion layers", "own/config.json", swap('"num_hidden_layers": 32', '"num_hidden_layers": 999999999'),
        (("num_hidden_layers", "999999999", "a whole number from 1 to 10,000"),)),
    Bad("more KV heads than heads", "own/config.json", swap('"num_key_value_heads": 8', '"num_key_value_heads": 64'),
        (("num_key_value_heads", "64", "at most num_attention_heads, 32"),)),
    Bad("more active experts than experts", "own/config.json",
            swap('"hidden_size"', '"num_experts": 4, "num_experts_per_tok": 8, "hidden_size"'),
        (("num_experts_per_tok", "8", "at most the number of experts, 4"),)),
    Bad("encoder and decoder", "own/config.json", swap('"model_type": "llama"', '"is_encoder_decoder": true'),
        (("is_encoder_decoder", "true", "a decoder-only model"),)),
    Bad("state-space layers", "own/config.json", swap('"model_type": "llama"', '"hybrid_override_pattern": "M-M*"'),
        (("hybrid_override_pattern", "'M-M*'", "models.yaml of an overlay"),)),
    Bad("layer types of other layers", "own/config.json",
            swap('"model_type": "llama"', '"layer_types": ["full_attention"]'),
        (("layer_types", "a list of 1", "a list of 32 layers"),)),
    Bad("unknown quantisation", "own/config.json", swap('"hidden_size"',
            '"quantization_config": {"quant_method": "bitsandbytes"}, "hidden_size"'),
        (("quantization_config", "bitsandbytes", "awq, gptq, mxfp4"),)),
    Bad("three-bit quantisation", "own/config.json", swap('"hidden_size"',
            '"quantization_config": {"quant_method": "gptq", "bits": 3}, "hidden_size"'),
        (("quantization_config", "'bits': 3", "a quant_method among"),)),
]

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
    Bad("unknown engine of measured rows", LAB, swap("small-24gb,1,1,vllm", "small-24gb,1,1,vlm"),
        (("line 5.engine_id", "'vlm'", "'vllm' (did you mean that?)"),)),
    Bad("unknown precision of measured rows", LAB, swap("llama-8b,bf16,small", "llama-8b,fp4,small"),
        (("line 5.precision", "'fp4'", "bf16, fp8"),)),
    Bad("unknown model of measured rows", LAB, swap("llama-8b,bf16,small", "llama-9b,bf16,small"),
        (("line 5.model_id", "'llama-9b'", "'llama-8b' (did you mean that?)"),)),
    Bad("curve without a speed", LAB, swap("120,9,curve", "120,,curve"),
            (("line 3.tpot_ms", "nothing", "a value in a row of use curve"),)),
    Bad("use of no kind", LAB, swap("120,9,curve", "120,9,maybe"),
            (("line 3.use", "'maybe'", "'curve', 'check' or 'ceiling'"),)),
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
    Bad("unknown precision of an engine", ENGINES, swap("    fp8: {", "    fp9: {"),
            (("vllm.precisions", "'fp9'", "'fp8' (did you mean that?)"),)),
    Bad("unknown key of a precision of an engine", ENGINES,
            swap("bf16: {min_compute_capability: 8.0}", "bf16: {minimum: 8.0}"),
        (("vllm.precisions.bf16.minimum", "an unknown key", "one of amd, min_compute_capability, weight_only_below"),)),
    Bad("no tensor-parallel size", ENGINES, swap("tp_sizes: [1, 2]", "tp_sizes: []"),
            (("vllm.tp_sizes", "a list of 0", "at least 1 entry"),)),
    Bad("memory of more than all", ENGINES, swap("memory_fraction: 0.9", "memory_fraction: 90"),
        (("vllm.memory_fraction", "90", "less than or equal to 1"),)),
    Bad("precision that runs like none", PRECISIONS, swap("runs_like: fp8", "runs_like: int8"),
            (("fp8.runs_like", "'int8'", "bf16, fp8"),)),
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
        ("tpot", "an empty mapping", "at least 1 entry"), ("ttft", "nothing", "required"),
            ("engine_factors", "nothing", "required"),
        ("ttft_engine_factors", "nothing", "required"), ("errors", "nothing", "required"),
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
    Bad("several values of one problem", "problem.yaml", swap("grade: C", "grade: E", "peak_concurrency: 40",
            "peak_concurrency: -4",
                                                              "kinds: [on_demand, owned]", "kinds: [rented]",
                                                                  "amount: 900000", "amount: lots"), (
        (f"{CHAT}.slo.grade", "'E'", "'A', 'B' or 'C'"), (f"{CHAT}.demand.peak_concurrency", "-4",
            "greater than or equal to 1"),
        ("limits.budget.amount", "'lots'", "a number"), ("limits.kinds.0", "'rented'", "'on_demand'"))),
    Bad("several rules of one service", "problem.yaml", swap("share_fraction: 1.0", "share_fraction: 0.5",
            "context_tokens: 2048", "context_tokens: 9",
                                                             "    demand: {peak_concurrency: 40}\n", ""), (
        (f"{CHAT}.demand", "nothing", "a demand"), (f"{CHAT}.workload", "0.5", "a sum of 1"),
        (f"{CHAT}.context_tokens", "9", "at least"))),
    Bad("several lines of one problem", "problem.yaml", swap("schema_version: 1", "schema_version: 01", "name: desk",
            "name: desk\nname: twin",
                                                             "peak_concurrency: 40", "peak_concurrency: 0b101"), (
        ("line 1, column 17", "'01'", "no leading zero"), ("line 3, column 1", "the key 'name' twice", "once"),
        ("line 13, column 32", "'0b101'", "a decimal integer"))),
    Bad("several names of one problem", "problem.yaml", swap("model: llama-8b", "model: gpt", "engines: [vllm]",
            "engines: [a, b]",
                                                             "forbid: []", "forbid: [c]"), (
        (f"{CHAT}.model", "'gpt'", "an id of models.yaml"), (f"{CHAT}.engines", "'a'", "vllm"),
            (f"{CHAT}.engines", "'b'", "vllm"),
        ("limits.gpus", "'c'", "big-80gb")), "desk"),
    Bad("several rows of one table", OFFERS, swap("0,2.5,USD", "0,x,USD", "reserved,12", "reserved,0", "160000,JPY",
            "160000,CHF"), (
        ("line 2.price", "'x'", "a number"), ("line 3.term_months", "0 with kind reserved", "1 or more"),
        ("line 4.currency", "'CHF'", "'USD', 'JPY' or 'EUR'"))),
]

TABLE = [*WRONG_VALUES, *WRONG_KEYS, *WRONG_TOGETHER, *WRONG_NAMES, *WRONG_TEXTS, *WRONG_MODELS, *WRONG_TABLES,
    *WRONG_FACTS, *WRONG_FOLDERS,
         *WRONG_OVERLAYS, *SEVERAL]


def refused(workspace: Workspace, *overrides: str) -> InputError:
    """Return the error that reading the workspace ends in."""
    with pytest.raises(InputError) as caught:
        workspace.read(overrides)
    return caught.value


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
def test_bad_input_names_file_place_found_and_allowed(bad: Bad, workspace: Workspace) -> None:
    bad.change(workspace / bad.file)
    error = refused(workspace)

    ours = bad.file.startswith("catalog") and bad.where != "desk"
    assert type(error) is (CatalogError if ours else InputError)
    assert error.exit_code == (ExitCode.BAD_CATALOG if ours else ExitCode.BAD_INPUT)

    assert [fault.key for fault in error.faults] == [key for key, _, _ in bad.faults]
    named = bad.where or bad.file
    for fault, (_, found, allowed) in zip(error.faults, bad.faults, strict=True):
        assert fault.file == named or fault.file == str(workspace / named)
        assert found in fault.found
        assert allowed in fault.allowed
    assert str(error).splitlines() == [str(fault) for fault in error.faults]


def test_the_table_has_distinct_rows() -> None:
    assert len({bad.name for bad in TABLE}) == len(TABLE)


def test_the_workspace_itself_is_good(workspace: Workspace) -> None:
    assert {offer.offer_id for offer in workspace.read().candidates.offers} == {
        "cloud-big-x1", "cloud-small-x2", "quote-big-x2", "owned-big-x1.on-prem-jp", "owned-small-x2.on-prem-jp"}


OVERRIDES: list[tuple[str, Expected]] = [
    ("grade", ("grade", "no KEY=VALUE", "a dotted key, '=', a value")),
    ("=1", ("=1", "no KEY=VALUE", "a dotted key")),
    ("services..model=x", ("services..model=x", "no KEY=VALUE", "a dotted key")),
    ("services.2.model=x", ("services.2.model=x", "no entry services.2", "an index from 0 to 1")),
    ("services.first.model=x", ("services.first.model=x", "no entry services.first", "an index from 0 to 1")),
    ("services.\u00b2.model=x", ("services.\u00b2.model=x", "no entry services.\u00b2", "an index from 0 to 1")),
    (f"services.{'9' * 5000}.model=x", (f"services.{'9' * 5000}.model=x", "no entry services.999",
        "an index from 0 to 1")),
    ("services.5=x", ("services.5=x", "no entry services.5", "an index from 0 to 1")),
    ("limits.gpus.allow.0=x", ("limits.gpus.allow.0=x", "no entry limits.gpus.allow.0", "this one is empty")),
    ("name.first=x", ("name.first=x", "a key inside name, which is a plain value", "a key of the problem file")),
    ("name.first.last=x", ("name.first.last=x", "a key inside name", "a key of the problem file")),
    ("name=[a", ("line 2, column 1", "did not find expected ',' or ']'", "one YAML")),
    ("name=\ud83d", ("", "text that is not Unicode", "UTF-8 text")),
    ("name=7", ("name", "7", "text")),
    ("services.0.slo.grde=B", ("services.0.slo.grde", "an unknown key", "'grade' (did you mean that?)")),
    ("services.0.demand.peak_concurrency=-1", ("services.0.demand.peak_concurrency", "-1",
        "greater than or equal to 1")),
    ("services.0.demand=null", ("services.0.demand", "nothing", "a demand for a sync service")),
]


@pytest.mark.parametrize(("override", "expected"), OVERRIDES,
        ids=[text[:30].encode("ascii", "replace").decode() for text, _ in OVERRIDES])
def test_bad_override_is_named(override: str, expected: Expected, workspace: Workspace) -> None:
    error = refused(workspace, override)
    (fault,) = error.faults
    assert error.exit_code == ExitCode.BAD_INPUT
    assert fault.file.startswith("--set")
    assert fault.key == expected[0]
    assert expected[1] in fault.found
    assert expected[2] in fault.allowed


def test_bad_overrides_are_reported_together(workspace: Workspace) -> None:
    error = refused(workspace, "services.7.model=x", "name", "name=[")
    assert [fault.key for fault in error.faults] == ["services.7.model=x", "name", "line 2, column 1"]


def test_a_fault_of_the_file_is_not_blamed_on_an_override(workspace: Workspace) -> None:
    swap("amount: 900000", "amount: 0")(workspace / "problem.yaml")
    error = refused(workspace, "name=tower")
    assert [(fault.file, fault.key) for fault in error.faults] == [(str(workspace / "problem.yaml"),
        "limits.budget.amount")]


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


def test_names_that_no_disk_can_hold_are_bad_input() -> None:
    from optimizer.load import load_catalog, load_problem

    for name in ("x" * 5000, "a\x00b", "\u8ca0\u8377" * 200):
        with pytest.raises(InputError, match="no such file"):
            load_problem(name)
        with pytest.raises(CatalogError, match="no such folder"):
            load_catalog(Path(name))
        with pytest.raises(InputError, match="no such folder"):
            load_catalog(overlays=[Path(name)], references=())


def test_an_empty_name_is_no_problem() -> None:
    from optimizer.load import load_problem

    with pytest.raises(InputError, match="a folder"):
        load_problem("")


def test_a_misspelt_shipped_name_is_guessed() -> None:
    from optimizer.load import load_problem

    with pytest.raises(InputError, match="did you mean helpdesk-llama3-8b"):
        load_problem("helpdesk-lama3-8b")


def test_a_model_path_too_long_for_the_disk_is_bad_input(workspace: Workspace) -> None:
    swap("model: own/config.json", "model: " + "\u8ca0" * 190 + ".json")(workspace / "problem.yaml")
    (fault,) = refused(workspace).faults
    assert fault.found.startswith("unreadable")


def test_an_unreadable_problem_is_bad_input(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # the tests may run as root, whom no file refuses
    (fault,) = refused(workspace).faults
    assert fault.found == "unreadable ([Errno 13] Permission denied)"


def test_a_file_beyond_every_size_is_bad_input(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.load.text.LARGEST_BYTES", 100)
    (fault,) = refused(workspace).faults
    assert fault.found.endswith("bytes")
    assert fault.allowed == "at most 100 bytes"
