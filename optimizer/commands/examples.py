"""Examples that the help of a command shows; a test runs every one of them."""

from __future__ import annotations

import typer

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("gpumix init", "gpumix init desk.yaml --use-case help-desk --users 800 --where JP --yes"),
    "solve": ("gpumix solve helpdesk-llama3-8b",
              "gpumix solve helpdesk-llama3-8b --set services.0.slo.grade=B --lang ja"),
    "pareto": ("gpumix pareto helpdesk-llama3-8b", "gpumix pareto helpdesk-llama3-8b --against users --range 40:80"),
    "explain": ("gpumix explain office-a5000-workstations", "gpumix explain office-a5000-workstations --tests"),
    "check": ("gpumix check helpdesk-llama3-8b", "gpumix check tokyo-cloud-or-own --set limits.country=JP"),
    "compare": ("gpumix compare office-a5000-workstations",
                "gpumix compare office-a5000-workstations --format json --output paid.json"),
    "cost": ("gpumix cost owned-server-8x-l40s.on-prem-jp",
             "gpumix cost owned-server-8x-l40s.on-prem-jp --problem tokyo-cloud-or-own"),
    "memory": ("gpumix memory qwen3-32b", "gpumix memory qwen3-32b --gpu h100-sxm-80gb --precision fp8 --context 8000"),
    "speed": ("gpumix speed llama-3.1-8b-instruct --gpu h100-sxm-80gb --engine vllm --isl 512 --osl 256 "
              "--concurrency 16",
              "gpumix speed qwen3-32b --gpu h100-sxm-80gb --engine vllm --tp 2 --precision fp8 --isl 1000 --osl 500 "
              "--concurrency 8"),
    "schema": ("gpumix schema",),
    "export": ("gpumix export office-a5000-workstations --to compose --out env",
               "gpumix export office-a5000-workstations --to kubernetes --out k8s"),
    "problems list": ("gpumix problems list",),
    "problems copy": ("gpumix problems copy campus-daily-users",
                      "gpumix problems copy campus-daily-users my-campus.yaml"),
    "loadtest plan": ("gpumix loadtest plan helpdesk-llama3-8b",
                      "gpumix loadtest plan helpdesk-llama3-8b --format json"),
    "catalog list": ("gpumix catalog list gpus", "gpumix catalog list offers --format csv --output offers.csv"),
    "catalog show": ("gpumix catalog show h100-sxm-80gb", "gpumix catalog show llama-3.1-8b-instruct"),
    "catalog age": ("gpumix catalog age", "gpumix catalog age --format json"),
}
"""Command -> lines that can be typed as they are, two where a command takes anything."""


def show_examples(app: typer.Typer, before: str = "") -> None:
    """Put the examples below the help of each command."""
    for group in app.registered_groups:
        if group.typer_instance is not None:
            show_examples(group.typer_instance, f"{before}{group.name} " if isinstance(group.name, str) else before)
    for command in app.registered_commands:
        callback = command.callback
        name = command.name or (callback.__name__.replace("_", "-") if callback else "")
        found = EXAMPLES.get(f"{before}{name}")
        if found:
            command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in found)
