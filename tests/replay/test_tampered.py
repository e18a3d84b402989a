"""One leaf of a saved plan changed: refused by its key, or else by the digest; and who signed it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import optimizer.replay.replayed as replayed
from optimizer.answer import answer
from optimizer.errors import InputError
from optimizer.load import load_catalog, load_problem
from optimizer.load.plan import read_saved_plan
from optimizer.replay import replay
from optimizer.schema.plan import plan_sha256
from optimizer.solve import SolveSettings
from tests.cli.conftest import Run, desk, no_settings, run

__all__ = ["desk", "no_settings", "run"]

SMALL = Path(__file__).parents[1] / "data" / "small_catalog"
DIGEST = ("plan_sha256",)

DESK = """\
schema_version: 1
name: desk
services:
  - {service_id: chat, model: llama-8b, slo: {tokens_per_s_per_user: 16, ttft_ms: 5000},
     workload: [{isl_tokens: 512, osl_tokens: 256}], demand: {peak_concurrency: 100}, headroom_fraction: 0.1}
limits: {kinds: [on_demand, reserved], budget: {amount: 90000, per: month}}
"""

OTHER_WORDS = {
    "measured": "estimated", "estimated": "measured", "optimal": "feasible", "infeasible": "optimal", "A": "B",
    "on_demand": "reserved", "reserved": "on_demand", "list": "quoted", "vllm": "sglang", "bf16": "fp8",
}


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if inner is None:
        yield path
    else:
        for key, value in inner:
            yield from leaves(value, (*path, key))


def other(value: Any, draw: random.Random) -> Any:
    """Return another value of the same kind, one that could be meant."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + draw.choice([-1, 1]) if value else 1
    if isinstance(value, float):
        return value * draw.choice([0.5, 0.999, 1.5]) if value else 0.25
    return OTHER_WORDS.get(value, f"{value}x") if isinstance(value, str) else draw.choice([1.0, "x"])


def changed(data: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(data)
    target = copied
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return copied


@pytest.mark.parametrize("extra", [
    "", "  survive: {nodes: 1}\n", "  budget: {amount: 1, per: month}\n",
], ids=["plan", "loss", "infeasible"])
def test_every_changed_leaf_is_refused(extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 95% by key, though the digest was made anew; all of them by key or digest where it was not."""
    text = DESK if not extra else f"{DESK.partition('limits')[0]}limits:\n  kinds: [on_demand, reserved]\n{extra}"
    (tmp_path / "p.yaml").write_text(text)
    loaded, catalog = load_problem(str(tmp_path / "p.yaml")), load_catalog(SMALL)
    plan = answer(loaded, catalog, SolveSettings())
    monkeypatch.setattr(replayed, "answer", lambda *_: plan)  # the answer to the same inputs, worked out once
    monkeypatch.setattr(replayed, "best_plan", lambda *_, **__: plan)
    data, draw, file, missed = plan.as_json(), random.Random(7), tmp_path / "plan.json", []
    assert replay(plan, loaded, catalog, SolveSettings(), 0.0).faults == ()
    paths = [path for path in leaves(data) if path != DIGEST]
    for path in paths:
        target: Any = data
        for key in path:
            target = target[key]
        tampered = changed(data, path, other(target, draw))
        assert plan_sha256(tampered) != data["plan_sha256"]
        file.write_text(json.dumps({**tampered, "plan_sha256": plan_sha256(tampered)}))
        try:
            found = replay(read_saved_plan(file).plan, loaded, catalog, SolveSettings(), 0.0)
        except InputError:
            continue
        if found.passed:
            missed.append(path)
    assert len(missed) <= 0.05 * len(paths), missed
    assert {path[0] for path in missed} <= {"inputs", "proposals"}  # other inputs, and what is claimed unproven


def test_a_digest_outlives_other_tools_and_not_other_values() -> None:
    data = {"b": [1.0, 2.5, None, True], "a": "\u8ca0\u8377", "plan_sha256": "x"}
    assert plan_sha256(data) == plan_sha256(json.loads(json.dumps({"a": "\u8ca0\u8377", "b": [1, 2.5, None, True]})))
    assert plan_sha256(data) != plan_sha256({**data, "a": "\u8ca0"})
    assert plan_sha256(data) != plan_sha256({**data, "b": [1, 2.5, None, 1.5]})


@pytest.fixture
def saved(run: Run, desk: Path, tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert run("solve", desk, "--format", "json", "--output", path).code == 0
    return path


def test_a_file_changed_after_it_was_written_is_told_so(run: Run, desk: Path, saved: Path) -> None:
    assert run("verify", saved, "--problem", desk).code == 0
    data = json.loads(saved.read_text())
    data["inputs"]["ortools_version"] = "9.0"
    saved.write_text(json.dumps(data))
    result = run("verify", saved, "--problem", desk)
    assert result.code == 6
    assert "the file was changed after it was written" in " ".join(result.out.split())
    assert "plan_sha256: found" in run("spec", "diff", saved, saved).err
    del data["plan_sha256"]  # as the first version wrote them
    saved.write_text(json.dumps(data))
    assert run("verify", saved, "--problem", desk).code == 0


@pytest.mark.parametrize(("key", "value", "said"), [
    (("bound_usd_per_month",), 1900.0, "bound_usd_per_month: found 1900.0"),
    (("cost", "breakdown", "rent"), 900.0, "cost.breakdown"),
    (("nodes", 0, "region"), "osaka", "nodes.0.region: found 'osaka'; by the inputs 'tokyo'"),
    (("deployments", 0, "evidence"), "measured", "deployments.0.evidence: found 'measured'"),
    (("services", 0, "arithmetic"), "enough", "services.0.arithmetic.text: found 'enough'"),
])
def test_a_changed_figure_is_named_beside_what_the_inputs_give(
    run: Run, desk: Path, saved: Path, key: tuple[Any, ...], value: Any, said: str
) -> None:
    saved.write_text(json.dumps(changed(json.loads(saved.read_text()), key, value)))
    result = run("verify", saved, "--problem", desk)
    assert result.code == 6
    assert said in " ".join(result.out.split())


def keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a pair of keys, private and public."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key = ed25519.Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH))
    return private, public


def test_a_signature_vouches_for_one_plan_by_one_key(run: Run, desk: Path, saved: Path, tmp_path: Path) -> None:
    (private, public), (_, stranger) = keys(tmp_path, "mine"), keys(tmp_path, "other")
    assert run("sign", saved, "--key", private).code == 0
    check = ("verify", saved, "--problem", desk, "--signed-by")
    assert run(*check, public).code == 0
    wrong = run(*check, stranger)
    assert (wrong.code, "not made with the private half of this key" in " ".join(wrong.out.split())) == (6, True)
    data = json.loads(saved.read_text())
    data["inputs"]["ortools_version"] = "9.0"
    saved.write_text(json.dumps({**data, "plan_sha256": plan_sha256(data)}))  # the digest fits; the signature does not
    assert "it is of another plan" in " ".join(run(*check, public).out.split())


def test_what_is_no_key_or_no_signature_is_bad_input(run: Run, desk: Path, saved: Path, tmp_path: Path) -> None:
    private, public = keys(tmp_path, "mine")
    for wrong in (public, saved):
        result = run("sign", saved, "--key", wrong)
        assert (result.code, "found no key that can be read" in result.err) == (2, True)
    check = ("verify", saved, "--problem", desk, "--signed-by")
    assert "no such file" in run(*check, public).err
    (tmp_path / "plan.json.sig").write_text('{"algorithm": "none"}')
    assert "JSON with other keys" in run(*check, public).err
    assert run("sign", saved, "--key", private).code == 0
    assert "no key that can be read" in run(*check, private).err
    altered = json.loads(saved.read_text())
    altered["inputs"]["ortools_version"] = "9.0"
    saved.write_text(json.dumps(altered))
    assert "plan_sha256: found" in run("sign", saved, "--key", private).err
