"""Every reader and command on changed files: each ends in time, within memory, with a message, and overwrites nothing.

    python -m tests.fuzz.fuzzer [CASES] [SEED]
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutations import NASTY, changed
from tests.load.workspace import CONFIG, OVERLAY, PROBLEM
from tests.loadtest import files as results
from tests.proof.test_check_by_hand import SPLIT, costs, stated

SMALL = Path(__file__).parents[1] / "data" / "small_catalog"

CPU_S, WALL_S, MEMORY_MIB = 10, 60, 1024
"""What one case may take; a machine with other work gives less than a CPU."""

CODES = {0, 1, 2, 3, 5, 6}
"""Any other exit is our own fault."""

KEPT = b"kept"

MELANGE = {"gpu_info": {"A10G": {"cost": 1.01, "tputs": [[2, 1], [5, 1]]}, "A100": {"cost": 3.67, "tputs": [[9, 6],
           [20, 7]]}}, "workload_distribution": [[0.25, 0.25], [0.25, 0.25]], "total_request_rate": 16,
           "slice_factor": 4}

TRACE = "timestamp,input_tokens,output_tokens\n" + "".join(f"{10 * i},{100 + i},{50 + i}\n" for i in range(40))

LOG = "".join(json.dumps({"created": 1767225600 + i, "usage": {"prompt_tokens": 10 + i, "completion_tokens": 5}}) + "\n"
              for i in range(40))

HOURS = "hour,fraction\n" + "".join(f"{hour},{hour / 23}\n" for hour in range(24))

DESK = PROBLEM.partition("  - service_id: night")[0] + "limits: {kinds: [on_demand], gpus: {allow: [big-80gb]}}\n"

PROFILED = DESK.replace("peak_concurrency: 40}", "peak_concurrency: 40, profile: {file: hours.csv}}")

LOGS = ("case_id,source_group,model_hf_id,precision,gpu,tp,gpu_memory_utilization,vllm_version,model_weights_gib\n"
        "a,lab,meta-llama/Llama-3.1-8B-Instruct,bf16,H100,1,0.9,0.9.0,15.0\n")

CERTIFICATE = stated(costs(2), SPLIT, rounded=[{"c0": "1/2"}])

OVERRIDES = "name,services.0.demand.peak_concurrency\na,10\nb,20\n"

SKYPILOT = ("InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"
            "a3,H100,8,208,1872,88.5,us-central1,,30.1\n")


@dataclass(frozen=True)
class Kind:
    """A command with the files it reads; one of those named first is changed."""

    name: str
    words: tuple[str, ...]
    files: dict[str, str]
    targets: tuple[str, ...]
    weight: int = 3
    output: bool = True
    """Whether `-o out` may be given."""


def _kinds() -> tuple[Kind, ...]:
    small = ("--catalog", str(SMALL))
    overlay = {f"ov/{name}": text for name, text in OVERLAY.items()}
    whole = {"p.yaml": PROBLEM, "own/config.json": CONFIG, **overlay}
    plan = {"plan.json": "PLAN", "p.yaml": DESK}
    found = [
        Kind("solve", ("solve", "p.yaml", *small, "--overlay", "ov"), whole, tuple(whole), 8),
        Kind("check", ("check", "p.yaml", *small, "--overlay", "ov"), whole, tuple(whole), 8, output=False),
        Kind("hours", ("solve", "p.yaml", *small), {"p.yaml": PROFILED, "hours.csv": HOURS}, ("hours.csv", "p.yaml")),
        Kind("pareto", ("pareto", "p.yaml", *small), {"p.yaml": DESK}, ("p.yaml",), 1),
        Kind("explain", ("explain", "p.yaml", *small), {"p.yaml": DESK}, ("p.yaml",), 1),
        Kind("quarters", ("solve", "p.yaml", *small), {"p.yaml": f"{DESK}roadmap: {{start: 2027-01, quarters: 4}}\n"},
             ("p.yaml",), 2),
        Kind("shared", ("solve", "p.yaml", "--shed", "--set", "sharing=nodes", *small, "--overlay", "ov"), whole,
             ("p.yaml",), 2),
        Kind("catalog check", ("catalog", "check", *small, "--overlay", "ov"), overlay, tuple(overlay), 1),
        Kind("verify", ("verify", "plan.json", "--problem", "p.yaml", *small), plan, ("plan.json",), 6),
        Kind("spec diff", ("spec", "diff", "plan.json", "other.json"), plan | {"other.json": "PLAN"}, ("other.json",)),
        Kind("sign", ("sign", "plan.json", "--key", "key.pem"), plan | {"key.pem": "KEY"}, ("key.pem", "plan.json"), 2,
             output=False),
        Kind("trace", ("demand", "from-trace", "t"), {"t": TRACE}, ("t",), 5),
        Kind("log", ("demand", "from-trace", "t"), {"t": LOG}, ("t",), 5),
        Kind("melange", ("referee", "melange", "m.json"), {"m.json": json.dumps(MELANGE)}, ("m.json",), 4),
        Kind("memory logs", ("catalog", "accuracy", "--memory", "logs.csv"), {"logs.csv": LOGS}, ("logs.csv",), 1),
        Kind("certificate", ("check-certificate", "c.json"), {"c.json": CERTIFICATE}, ("c.json",), 5, output=False),
        Kind("certificate of a problem", ("check-certificate", "c.json", "--problem", "p.yaml", *small),
             {"c.json": CERTIFICATE, "p.yaml": DESK}, ("c.json", "p.yaml"), 1, output=False),
        Kind("certify", ("solve", "p.yaml", *small, "--certificate", "proof.json"), {"p.yaml": DESK}, ("p.yaml",), 2),
        Kind("skypilot", ("import", "skypilot", "gcp.csv", "--into", "new"), {"gcp.csv": SKYPILOT}, ("gcp.csv",), 2,
             output=False),
        Kind("overrides", ("batch", "p.yaml", "--out", "b", "--workers", "1", "--overrides", "o.csv", *small),
             {"p.yaml": DESK, "o.csv": OVERRIDES}, ("o.csv",), 1, output=False),
        Kind("ledger", ("batch", "report", "b", "--rows", "grade"), {"b/ledger.sqlite": "LEDGER"},
             ("b/ledger.sqlite",)),
        Kind("template", ("spec", "p.yaml", *small, "--format", "markdown", "--template", "tp"),
             {"p.yaml": DESK, "tp/en/summary.xml": "TEMPLATE"}, ("tp/en/summary.xml",), 1),
    ]
    for name, text in (("vllm", json.dumps(results.VLLM)), ("genai-perf", results.GENAI_PERF),
                       ("locust", results.LOCUST), ("records", results.jsonl(results.records()))):
        words = ("loadtest", "import", "r", "--into", "new", "--model", "llama-8b", "--gpu", "big-80gb", "--tp", "1",
                 "--gpu-count", "1", "--precision", "bf16", "--engine", "vllm", "--isl", "100", "--osl", "51",
                 "--date", "2026-09-22", *small, *(("--concurrency", "4") if name in ("genai-perf", "locust") else ()))
        found.append(Kind(f"import {name}", words, {"r": text}, ("r",), 2, output=False))
    return tuple(found)


KINDS = _kinds()


def seeds(folder: Path) -> dict[str, bytes]:
    """Make the files that only the program itself can write: a plan, a ledger, a key."""
    from optimizer.reports.specification.compose import templates_with

    (folder / "p.yaml").write_text(DESK)
    small = ["--catalog", str(SMALL)]
    run_here(["solve", "p.yaml", *small, "--format", "json", "-o", "plan.json"], folder)
    run_here(["batch", "p.yaml", *small, "--out", "b", "--workers", "1", "--set",
              "services.0.demand.peak_concurrency=10:12:1"], folder)
    found = {"PLAN": (folder / "plan.json").read_bytes(), "LEDGER": (folder / "b" / "ledger.sqlite").read_bytes(),
             "KEY": b"", "TEMPLATE": templates_with({})["en/summary.xml"].encode()}
    try:
        from cryptography.hazmat.primitives import serialization as how
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        found["KEY"] = key.private_bytes(how.Encoding.PEM, how.PrivateFormat.PKCS8, how.NoEncryption())
    except ImportError:
        pass
    return found


@dataclass(frozen=True)
class Ended:
    """What became of one case."""

    code: int
    said: str
    cpu_s: float
    wall_s: float
    memory_mib: float


def run_here(words: list[str], folder: Path) -> Ended:
    """Run a command in a process of its own, which begins as a copy of this one."""
    from optimizer.commands.main import main

    said = folder / ".said"
    start, inherited = time.monotonic(), _resident_mib()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (4 * CPU_S, 4 * CPU_S + 1))
            sys.argv = ["gpumix", *words]
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            main()
        except SystemExit as ended:
            sys.stdout.flush()
            os._exit(ended.code if isinstance(ended.code, int) else 1)
        finally:
            os._exit(99)
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - start > WALL_S:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(status)
    text = said.read_bytes().decode("utf-8", "replace") if said.exists() else ""
    return Ended(code, text, used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024 - inherited)


def _resident_mib() -> float:
    """Return what this process holds now: a copy of it begins with as much."""
    held = Path("/proc/self/statm")
    return int(held.read_text().split()[1]) * resource.getpagesize() / 2**20 if held.exists() else 0.0


def trouble(ended: Ended, folder: Path, kept: bool, processes: int = 1) -> str | None:
    """Say what a case may not end in; None where it ended well."""
    if ended.code not in CODES:
        return f"exit {ended.code}"
    if "our own fault" in ended.said or "Traceback" in ended.said:
        return "a fault of our own"
    if ended.cpu_s > CPU_S * processes:
        return f"{ended.cpu_s:.0f} s of CPU"
    if ended.memory_mib > MEMORY_MIB:
        return f"{ended.memory_mib:.0f} MiB"
    if "\x1b" in ended.said or "\x9b" in ended.said:
        return "an escape in the output"
    if kept and ended.code in (2, 3) and (folder / "out").read_bytes() != KEPT:
        return "an output overwritten"
    longest = max(map(len, ended.said.splitlines()), default=0)
    return f"a line of {longest} characters" if ended.code == 2 and longest > 3200 else None


def case(number: int, seed: int, made: dict[str, bytes], folder: Path) -> tuple[Kind, list[str], Ended, str | None]:
    """Run one case: the same for the same number and seed."""
    draw = random.Random(f"{seed}/{number}")
    kind = draw.choices(KINDS, [one.weight for one in KINDS])[0]
    target = draw.choice(kind.targets)
    for name, text in kind.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        data = made.get(text, text.encode())
        place.write_bytes(changed(data, draw) if name == target else data)
    words = list(kind.words)
    kept = kind.output and draw.random() < 0.3
    if kept:
        (folder / "out").write_bytes(KEPT)
        words += ["-o", "out"]
    if draw.random() < 0.1 and "p.yaml" in kind.files and kind.name not in ("template", "overrides"):
        key = draw.choice(["services.0.demand.peak_concurrency", "limits.budget.amount", "name", "services.0.slo"])
        value = draw.choice(NASTY).replace("\x00", "").encode("utf-8", "replace").decode()
        words += ["--set", f"{key}={value}"]
    ended = run_here(words, folder)
    return kind, words, ended, trouble(ended, folder, kept, 3 if "batch" in words else 1)


def fuzz(cases: int, seed: int = 1, told: Callable[[str], None] = lambda line: None) -> list[str]:
    """Run so many cases and return what went wrong, each with how to see it again."""
    import optimizer.answer
    import optimizer.load.trace.reading
    import optimizer.replay  # noqa: F401 - loaded before the copies are made

    wrong, codes = list[str](), Counter[int]()
    with tempfile.TemporaryDirectory() as top:
        (Path(top) / "seeds").mkdir()
        made = seeds(Path(top) / "seeds")
        for number in range(cases):
            folder = Path(top) / "case"
            folder.mkdir()
            kind, words, ended, found = case(number, seed, made, folder)
            codes[ended.code] += 1
            if found is not None:
                wrong.append(f"case {number} of seed {seed}, {kind.name} ({' '.join(words)[:120]}): {found}\n"
                             f"{ended.said[-600:]}")
                told(wrong[-1])
            shutil.rmtree(folder)
    told(f"{cases} cases, exits {dict(sorted(codes.items()))}, {len(wrong)} wrong")
    return wrong


if __name__ == "__main__":
    fuzz(int((*sys.argv[1:], "1000")[0]), int((*sys.argv[2:], "1")[0]), lambda line: print(line, flush=True))
