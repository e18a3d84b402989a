"""Everything that can be wrong with a problem, its own model, or an override.

Each row breaks one file of a valid workspace in one way. A row names, for every fault that must come out and in this
order, the key or line, a part of what was found, and a part of what is allowed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import CatalogError, ExitCode, InputError
from tests.load.bad_input import Bad, Expected, add, check, drop, make_folder, problem, put, recode, refused, swap
from tests.load.workspace import Workspace

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
            ("limits.kinds.0", "'on-demand'", "'on_demand', 'reserved', 'spot', 'marketplace', 'owned' or 'api'")),
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
            ("limit", "an unknown key", "'limits' (did you mean that?), or one of accounting, assumptions, currency")),
    problem("unknown key without a near one", "name: desk", "name: desk\nzzz: 1",
            ("zzz", "an unknown key", "one of accounting, assumptions, currency")),
    problem("key missing", "  - service_id: chat\n    model: llama-8b\n", "  - service_id: chat\n",
            (f"{CHAT}.model", "nothing", "this key is required")),
    problem("no version", "schema_version: 1\n", "", ("schema_version", "nothing", "this key is required")),
    problem("key twice", "name: desk", "name: desk\nname: tower",
            ("line 3, column 1", "the key 'name' twice", "each key once")),
    problem("a list as key", "name: desk", "name: desk\n? [a, b]\n: 1",
            ("line 3, column 3", "a key that is no plain text", "text as key")),
    problem("merge key", "name: desk", "name: desk\n<<: {currency: JPY}",
            ("<<", "an unknown key", "one of accounting, assumptions")),
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
    Bad("missing config.json", "own/config.json", drop,
        (("services.1.model", "'own/config.json', no such file", "beside the problem"),), "problem.yaml"),
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
        (("hybrid_override_pattern", "'M-M*'", "meaning is known"),)),
    Bad("layer types of other layers", "own/config.json",
            swap('"model_type": "llama"', '"layer_types": ["full_attention"]'),
        (("layer_types", "a list of 1", "a list of 32 layers"),)),
    Bad("unknown quantisation", "own/config.json", swap('"hidden_size"',
            '"quantization_config": {"quant_method": "bitsandbytes"}, "hidden_size"'),
        (("quantization_config", "bitsandbytes", "awq, gptq, auto-round, mxfp4"),)),
    Bad("three-bit quantisation", "own/config.json", swap('"hidden_size"',
            '"quantization_config": {"quant_method": "gptq", "bits": 3}, "hidden_size"'),
        (("quantization_config", "'bits': 3", "a quant_method among"),)),
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
]

TABLE = [
    *WRONG_VALUES, *WRONG_KEYS, *WRONG_TOGETHER, *WRONG_NAMES, *WRONG_TEXTS, *WRONG_MODELS, *SEVERAL,
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
def test_a_bad_problem_is_named(bad: Bad, workspace: Workspace) -> None:
    check(bad, workspace)


def test_the_table_has_distinct_rows() -> None:
    assert len({bad.name for bad in TABLE}) == len(TABLE)


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

    with pytest.raises(InputError) as caught:
        load_problem("")
    assert str(caught.value) == ".: found a folder; allowed: a file"


def test_a_misspelt_shipped_name_is_guessed() -> None:
    from optimizer.load import load_problem

    with pytest.raises(InputError, match="did you mean helpdesk-llama3-8b"):
        load_problem("helpdesk-lama3-8b")


def test_a_model_path_too_long_for_the_disk_is_bad_input(workspace: Workspace) -> None:
    swap("model: own/config.json", "model: " + "\u8ca0" * 190 + ".json")(workspace / "problem.yaml")
    (fault,) = refused(workspace).faults
    assert (fault.key, fault.found[-14:]) == ("services.1.model", ", no such file")


def test_an_unreadable_problem_is_bad_input(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("optimizer.load.text.os.open", refuse)  # the tests may run as root, whom no file refuses
    (fault,) = refused(workspace).faults
    assert fault.found == "unreadable (Permission denied)"


def test_a_file_beyond_every_size_is_bad_input(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.load.text.LARGEST_BYTES", 100)
    (fault,) = refused(workspace).faults
    assert fault.found.endswith("bytes")
    assert fault.allowed == "at most 100 bytes"
