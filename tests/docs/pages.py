"""The pages of docs/reference that are generated, each by one function."""

from __future__ import annotations

import csv
import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
import yaml

import gpumix
from optimizer.commands.main import app
from optimizer.errors import ExitCode
from optimizer.question import rules
from optimizer.schema.describe import described_schema
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem

ROOT = Path(__file__).parents[2]
DOCS, CATALOGS, PROBLEMS = ROOT / "docs", ROOT / "catalogs", ROOT / "problems"
WRITTEN = "<!-- Written by `python -m tests.docs`; change the source, not this page. -->\n\n"

MEANINGS = {
    ExitCode.PLAN: "a plan: optimal, or feasible with its gap",
    ExitCode.INFEASIBLE: "proven infeasible: no plan exists in this catalog",
    ExitCode.BAD_INPUT: "a bad problem, overlay, import or option",
    ExitCode.BAD_CATALOG: "a broken shipped catalog, or `--catalog`",
    ExitCode.OWN_FAULT: "a fault of gpumix; please report it",
    ExitCode.LIMIT: "a limit was reached without a plan",
    ExitCode.CHECK_FAILED: "a check was not met: regret, load test, accuracy",
    ExitCode.INTERRUPTED: "interrupted",
}

FILES = {
    "gpus.csv": "GPU types: memory that a process really sees, bandwidth, tensor speed, power, links",
    "model_families.yaml": "what classes of model families take where a multimodal config leaves sizes out",
    "models.yaml": "models with the facts that memory and speed need; one weights shape shares a `runs_like` group",
    "engines.yaml": "what each engine runs, and what it takes of the memory",
    "precisions.yaml": "precisions of weights and of the KV cache",
    "offers/": "rented offers by provider: on demand, reserved with term, spot, marketplace; yen prices stay in yen",
    "on_prem.yaml": "nodes to buy, two sites (US, Japan), and every assumption with its range",
    "throughput/": "measured rows with their layout, in four uses (below)",
    "sources.csv": "which laboratory each source of measured rows is",
    "apis/": "prices of hosted APIs",
    "products.csv": "how GPUs and machines are sold: new, remaining stock, used, ended",
    "regions.csv": "country and city of each provider's regions",
    "place_names.csv": "other names of countries and cities, in English and Japanese",
    "places.csv": "which part of the world regions are in",
    "price_moves.csv": "how far prices moved since a date",
    "fx.csv": "exchange rates by day",
    "calibration.yaml": "fitted constants of the speed estimate and their errors",
    "kin_weights.csv": "what the measured rows of each model weigh in correcting the estimate, solved once",
    "serving.yaml": "how each engine is started: image, port, flags, metrics",
    "companions.yaml": "images beside the engines: balancer, metrics, dashboard",
    "gpu_labels.csv": "labels of GPU types in Kubernetes",
    "gpu_names.csv": "names of GPU types in other projects",
    "gpu_hosts.csv": "what a host of a GPU type has beside its GPUs",
    "sky_clouds.csv": "providers as SkyPilot names them",
    "capacities.csv": "capacities that are stated outright; empty as shipped",
    "use_cases.yaml": "typical values by use case, for `gpumix init`",
    "REJECTED.csv": "what was refused, and why",
}
"""What each file of the catalog holds."""


def cell(text: object) -> str:
    """Return a text as one cell of a table."""
    return re.sub(r"\s+", " ", str(text)).strip().replace("|", "\\|")


def commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by its whole name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        elif not command.hidden:
            yield f"{before} {name}", command


def arguments(command: Any) -> list[Any]:
    """List the positional parameters of a command."""
    return [one for one in command.params if one.param_type_name == "argument"]


def signature(name: str, command: Any) -> str:
    """Return how a command is called."""
    words = [one.metavar or (one.name or "").upper() for one in arguments(command)]
    return " ".join([name, *(w if one.required else f"[{w}]" for w, one in zip(words, arguments(command), strict=True)),
                     "[OPTIONS]"])


def option_row(one: Any) -> str:
    """Return the row of one option."""
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    kind = one.type_descriptor.annotation
    choices = [c.value for c in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
    value = "" if one.is_flag else " \\| ".join(choices) or one.metavar or getattr(kind, "__name__", "")
    unset = one.default in (None, False, ()) or callable(one.default)
    default = "" if unset else getattr(one.default, "value", one.default)
    return f"| {names} | {value} | {cell(default)} | {cell(one.help or '')} |"


def commands_page() -> str:
    """Return every command with its purpose, arguments and options."""
    found = list(commands(typer.main.get_command(app), "gpumix"))
    lines = ["# Commands", "",
             "PROBLEM is a path or the name of a shipped problem. Results are written whole or not at all.",
             "What a command returns stands under [exit codes](exit-codes.md).", "",
             "| command | what it does |", "|---|---|"]
    for name, command in found:
        lines.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {cell((command.help or '').split(chr(10) * 2)[0])} |")
    for name, command in found:
        # paragraphs of a docstring, without the marks that keep examples unwrapped
        help_text = re.sub(r"\n+\x08\n", "\n\n", inspect.cleandoc(command.help or "")).strip()
        first, _, more = help_text.partition("\n\n")
        lines += ["", f"## {name}", "", cell(first), "", "```sh", signature(name, command), "```", ""]
        if more:
            lines += ["```text", more, "```", ""]
        lines += [f"- **{one.metavar or one.name}**: {cell(one.help or '')}" for one in arguments(command)]
        options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
        if options:
            lines += ["", "| option | value | default | what it does |", "|---|---|---|---|", *map(option_row, options)]
    return written("\n".join(lines))


def written(text: str) -> str:
    """Return a page with the note of who wrote it."""
    return WRITTEN + re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def exit_codes_page() -> str:
    """Return the exit codes."""
    rows = [f"| {int(code)} | `{code.name}` | {MEANINGS[code]} |" for code in ExitCode]
    return written("\n".join([
        "# Exit codes", "", "The process tells its caller what happened by its exit code.", "",
        "| code | name | means |", "|---|---|---|", *rows, "",
        "Bad input gives one line a fault: file, key, what was found, what is allowed. All faults come at once.",
        "Nothing is overwritten then, and there is no traceback (`GPUMIX_DEBUG=1` shows one for faults of gpumix)."]))


def kind_of(node: dict[str, Any]) -> str:
    """Return the type of a key of a JSON Schema in words, a type of its own as a link."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join(f"`{one}`" for one in node["enum"])
    if "anyOf" in node or "oneOf" in node:
        parts = [kind_of(one) for one in node.get("anyOf", node.get("oneOf", []))]
        return " or ".join(dict.fromkeys(part for part in parts if part != "null")) or "null"
    kind = node.get("type", "any")
    if kind == "array":
        return f"list of {kind_of(node.get('items', {}))}"
    if kind == "object":
        inner = node.get("additionalProperties")
        return f"map of {kind_of(inner)}" if isinstance(inner, dict) and inner else "map"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def default_of(node: dict[str, Any], required: bool) -> str:
    """Return what holds when a key is left out."""
    if required:
        return "required"
    value = node.get("default")
    if value in (None, "") or isinstance(value, dict | list):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def type_table(node: dict[str, Any]) -> list[str]:
    """Return the keys of one type as a table."""
    rows = ["| key | type | default | means |", "|---|---|---|---|"]
    for key, inner in node.get("properties", {}).items():
        default = default_of(inner, key in node.get("required", ()))
        rows.append(f"| `{key}` | {cell(kind_of(inner))} | {default} | {cell(inner.get('description', ''))} |")
    return rows


def schema_page(title: str, lead: list[str], schema: dict[str, Any], top: str) -> str:
    """Return the page of a schema: its own keys first, then each type that it uses."""
    lines = [f"# {title}", "", *lead, "", f"## {top}", "", *type_table(schema)]
    for name, node in schema.get("$defs", {}).items():
        if node.get("properties"):
            described = cell(node.get("description", "")) if "description" in node else ""
            lines += ["", f"## {name}", "", described, "", *type_table(node)]
        else:
            lines += ["", f"## {name}", "", kind_of(node) + "."]
    return written("\n".join(lines))


def problem_page() -> str:
    """Return every key of a problem file."""
    example = (PROBLEMS / "helpdesk-llama3-8b.yaml").read_text(encoding="utf-8")
    lead = ["A problem is one YAML file. `gpumix schema` prints the same as JSON Schema, for editors.",
            "Unknown keys, wrong types, NaN and duplicate keys are refused, all faults at once.",
            "`--set services.0.slo.grade=B` overrides a key; grade and number replace each other.", "",
            "The shipped problem `helpdesk-llama3-8b`:", "", "```yaml", example.strip(), "```"]
    return schema_page("Problem file", lead, described_schema(Problem), "Keys of the file")


def plan_page() -> str:
    """Return every key of a plan's JSON."""
    lead = ["`gpumix solve PROBLEM --format json` writes one plan. Keys are added, never renamed.",
            "Money and nodes are null or empty when there is no plan. A month is 730 hours.",
            "The same input gives the same bytes: no timings and no clock stand in a plan.",
            "`plan_sha256` is the digest of everything else, over the canonical JSON of RFC 8785."]
    return schema_page("Plan as JSON", lead, described_schema(Plan), "Keys of the plan")


def rows_in(path: Path) -> int:
    """Return the rows of a file or of the files of a folder."""
    if path.is_dir():
        return sum(rows_in(one) for one in sorted(path.glob("*.csv")))
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as opened:
            return sum(1 for _ in csv.DictReader(opened))
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return len(data["nodes"] if path.name == "on_prem.yaml" else data)


def catalogs_page() -> str:
    """Return every file of the catalog with its rows."""
    lines = ["# Catalogs", "", "`catalogs/` holds facts only. Rows have `source_url` and `as_of`, most a confidence.",
             "`gpumix catalog list TABLE` prints a table, `gpumix catalog check` checks all.", "",
             "| file | rows or entries | holds |", "|---|---|---|"]
    for name, holds in FILES.items():
        lines.append(f"| `{name}` | {rows_in(CATALOGS / name):,} | {holds} |")
    lines += ["", "Measured rows have one of four uses:", "", "| use | means |", "|---|---|",
              "| `curve` | may be called measured |", "| `fit` | corrects estimates |", "| `check` | only checks |",
              "| `ceiling` | caps estimates |", "",
              "Rows that are `speculative` or `disaggregated` are kept, and no plan rests on them."]
    for folder, title in (("offers", "Rented offers"), ("throughput", "Measured rows")):
        lines += ["", f"## {title}", "", "| file | rows |", "|---|---|"]
        lines += [f"| `{one.name}` | {rows_in(one):,} |" for one in sorted((CATALOGS / folder).glob("*.csv"))]
    return written("\n".join(lines))


def rules_page() -> str:
    """Return every rule of a plan, as its function says it."""
    lines = ["# The rules of every plan", "",
             "Each rule is one function of `optimizer/question/rules.py`, with a twin in `optimizer/verify/`.",
             "The twin never sees a solver.", ""]
    symbols = inspect.cleandoc(rules.__doc__ or "").partition("Symbols:")[2]
    lines += ["Symbols: " + cell(symbols), ""]
    for name, found in vars(rules).items():
        if (inspect.isfunction(found) and found.__module__ == rules.__name__ and not name.startswith("_")
                and list(inspect.signature(found).parameters)[:2] == ["question", "program"]):
            lines += [f"## {name}", "", inspect.cleandoc(found.__doc__ or ""), ""]
    return written("\n".join(lines))


def members(public: type) -> Iterator[tuple[str, str, str]]:
    """Yield (name, how it is written, docstring) of what a class offers, its constructor first."""
    stated = vars(public)
    if "__init__" in stated and not hasattr(public, "__dataclass_fields__"):
        yield "", f"{public.__name__}{plain_signature(public)}", inspect.getdoc(stated["__init__"]) or ""
    for name, member in stated.items():
        if isinstance(member, property):
            yield name, f".{name}", inspect.getdoc(member.fget) or ""
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield name, f".{name}{plain_signature(member)}", inspect.getdoc(member) or ""


def plain_signature(public: Callable[..., Any]) -> str:
    """Return the parameters of a function, without self and with short names of types."""
    found = inspect.signature(public)
    found = found.replace(parameters=[one for one in found.parameters.values() if one.name != "self"])
    return re.sub(r"'", "", str(found)).replace(" -> None", "")


def python_page() -> str:
    """Return the names that `import gpumix` promises."""
    lines = ["# Python", "", "`import gpumix` is the promised way in. What stands here is added to, never renamed.",
             "Importing it takes no time: what a name needs is imported when the name is first used.", "",
             "```python", "import gpumix", "", 'problem = gpumix.load("helpdesk-llama3-8b")', "plan = problem.solve()",
             "print(plan)                       # the report of `gpumix solve`",
             "plan.to_frame()                   # nodes as a table", "plan.plot().save(\"plan.png\")",
             'problem.with_values({"services.0.demand.peak_concurrency": 80}).solve().usd_per_month',
             'problem.pareto("users", high=200).to_frame()', "```", "",
             "A notebook shows results as tables and charts. Faults raise `InputError`, which names all of them."]
    for name in gpumix.__all__:
        public = getattr(gpumix, name)
        if inspect.isclass(public):
            lines += ["", f"## gpumix.{name}", "", inspect.getdoc(public) or ""]
            for _, shown, text in members(public) if public.__module__.startswith("gpumix") else ():
                lines += ["", f"`{shown}`", "", *(f"> {line}".rstrip() for line in text.splitlines())]
        elif callable(public):
            lines += ["", f"## gpumix.{name}", "", f"`gpumix.{name}{plain_signature(public)}`", "",
                      inspect.getdoc(public) or ""]
    return written("\n".join(fenced(lines)))


def fenced(lines: list[str]) -> Iterator[str]:
    """Yield lines with the examples of docstrings as code, and each argument or error as an item."""
    for text in lines:
        for line in text.splitlines() or [""]:
            quote, rest = ("> ", line[2:]) if line.startswith("> ") else ("", line)
            if rest.startswith((">>> ", "... ")):
                yield f"{quote}    {rest}"
            elif rest.startswith("    ") and not rest.startswith("     "):
                yield f"{quote}- {rest.strip()}"
            elif rest in ("Args:", "Raises:"):
                yield f"{quote}**{rest}**"
                yield quote.strip()
            else:
                yield line


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/exit-codes.md": exit_codes_page,
    "reference/problem-file.md": problem_page,
    "reference/plan-json.md": plan_page,
    "reference/catalogs.md": catalogs_page,
    "reference/rules.md": rules_page,
    "reference/python.md": python_page,
}
