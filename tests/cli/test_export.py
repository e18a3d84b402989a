"""`gpumix export`: a whole folder or nothing, and nothing lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Run

FILES = {
    "compose": {"README.md", "nodes/chat-1/compose.yaml", "nodes/chat-1/gate.conf", "balancer/alerts.yml",
                "balancer/compose.yaml", "balancer/balancer.conf", "balancer/prometheus.yml",
                "balancer/grafana/dashboard.json"},
    "kubernetes": {"README.md", "manifests/00-namespace.yaml", "manifests/10-engine-chat-1.yaml",
                   "manifests/20-balancer.yaml", "manifests/30-monitoring.yaml", "manifests/40-network.yaml"},
    "skypilot": {"README.md", "services/chat-1.yaml", "services/chat-1.gate.conf", "balancer/compose.yaml",
                 "balancer/targets/chat-1.yml"},
}
LLAMA = ("--checkpoint", "chat=org/llama")
"""The small catalog's model has no name on Hugging Face."""


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("target", FILES)
def test_a_folder_holds_the_whole_environment(run: Run, target: str, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "env"
    result = run("export", "helpdesk-llama3-8b", "--to", target, "--out", out)
    assert (result.code, result.err) == (0, "")
    files = everything(out)
    assert set(files) >= FILES[target]
    assert result.out.startswith(f"wrote {len(files) - 1} files to {out};")  # beside the list of their names
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["env"]
    again = run("export", "helpdesk-llama3-8b", "--to", target, "--out", tmp_path / "again")
    assert again.code == 0
    assert everything(tmp_path / "again") == files


def test_the_plan_of_the_catalog_in_force_is_written(run: Run, desk: Path, tmp_path: Path) -> None:
    """Two nodes of 64 requests carry 100; the small catalog names the engine, the shipped facts how it is started."""
    out = tmp_path / "env"
    result = run("export", desk, "--to", "compose", "--out", out, "--set", "services.0.demand.peak_concurrency=100",
                 *LLAMA)
    assert result.code == 0
    command = yaml.safe_load((out / "nodes/chat-1/compose.yaml").read_text())["services"]["engine-0"]["command"]
    assert command[:3] == ["vllm", "serve", "org/llama"]
    assert command[command.index("--max-num-seqs") + 1] == "64"
    assert (out / "balancer/balancer.conf").read_text().count("weight=1 ") == 2


def test_what_is_there_already_is_kept(run: Run, desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "env"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    result = run("export", desk, "--to", "compose", "--out", out, *LLAMA)
    assert result.code == 2
    assert "found a folder that holds files already; allowed: a folder that is new or empty" in result.err
    assert everything(out) == {"mine.txt": b"mine"}
    assert run("export", desk, "--to", "compose", "--out", out, "--force", *LLAMA).code == 0
    assert {"mine.txt", "README.md"} <= set(everything(out))


def test_writing_again_replaces_its_own_files_and_keeps_those_of_others(run: Run, desk: Path, tmp_path: Path) -> None:
    """Secrets that were put in stay; what the first plan had and the second has not goes; links are not followed."""
    out, fresh = tmp_path / "env", tmp_path / "fresh"
    assert run("export", desk, "--to", "compose", "--out", out, *LLAMA).code == 0
    (out / "nodes/chat-1/secrets").mkdir()
    (out / "nodes/chat-1/secrets/api_keys").write_text("key")
    (out / "nodes/chat-1/compose.yaml").write_text("edited")
    assert run("export", desk, "--to", "kubernetes", "--out", out, "--force", *LLAMA).code == 0
    assert run("export", desk, "--to", "kubernetes", "--out", fresh, *LLAMA).code == 0
    assert everything(out) == everything(fresh) | {"nodes/chat-1/secrets/api_keys": b"key"}
    assert not (out / "balancer").exists()


def test_a_list_of_files_that_leads_elsewhere_removes_nothing(run: Run, desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "env"
    assert run("export", desk, "--to", "compose", "--out", out, *LLAMA).code == 0
    (tmp_path / "precious").write_text("mine")
    (out / ".gpumix-files").write_text(f"../precious\n{tmp_path / 'precious'}\n\x00\n")
    assert run("export", desk, "--to", "compose", "--out", out, "--force", *LLAMA).code == 0
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_written(
    run: Run, desk: Path, tmp_path: Path
) -> None:
    out = tmp_path / "env"
    (out / "README.md").mkdir(parents=True)
    (out / "nodes").write_text("a file")
    result = run("export", desk, "--to", "compose", "--out", out, "--force", *LLAMA)
    assert result.code == 2
    assert f"{out / 'README.md'}: found a folder or a link" in result.err
    assert f"{out / 'nodes'}: found a file or a link" in result.err
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "nodes"]


def test_an_empty_folder_is_filled(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    assert run("export", desk, "--to", "compose", "--out", tmp_path / "env", *LLAMA).code == 0


def test_a_file_or_a_link_is_no_place(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        result = run("export", desk, "--to", "compose", "--out", tmp_path / name, "--force", *LLAMA)
        assert result.code == 2
        assert "found a file or a link; allowed: a folder that is new or empty" in result.err
    assert (tmp_path / "file").read_text() == "mine"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_place_below_a_file_cannot_be_written(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = run("export", desk, "--to", "compose", "--out", tmp_path / "file" / "env", *LLAMA)
    assert result.code == 2
    assert "a place that cannot be written" in result.err


@pytest.mark.parametrize("filled", [False, True])
def test_a_disk_without_room_leaves_what_was_there(
    run: Run, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filled: bool
) -> None:
    out = tmp_path / "env"
    if filled:
        assert run("export", desk, "--to", "compose", "--out", out, *LLAMA).code == 0
    before = everything(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("optimizer.documents.output.os.replace", full)
    result = run("export", desk, "--to", "kubernetes", "--out", out, "--force", *LLAMA)
    monkeypatch.undo()
    assert result.code == 2
    assert "a place that cannot be written (No space left on device)" in result.err
    assert everything(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    result = run("export", desk, "--to", "compose", "--out", tmp_path / "closed" / "env", *LLAMA)
    assert result.code == 2
    assert "a place that cannot be written" in result.err


def test_a_problem_without_a_plan_writes_nothing_and_says_why(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("export", desk, "--to", "compose", "--out", tmp_path / "env", "--set", "limits.budget.amount=1")
    assert result.code == 1
    assert "limits.budget" in result.out
    assert not (tmp_path / "env").exists()


def test_a_limit_without_a_plan_writes_nothing(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("export", desk, "--to", "compose", "--out", tmp_path / "env", "--deterministic-limit", "1e-9",
                 "--set", "limits.survive.nodes=1")
    assert result.code == 5
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(("arguments", "said"), [
    (("--to", "nomad"), "nomad"),
    (("--to", "compose", "--checkpoint", "chat"), "--checkpoint: found 'chat'; allowed: SERVICE=NAME"),
    (("--to", "compose", "--checkpoint", "chat=--evil"), "found 'chat=--evil'"),
    (("--to", "compose", "--checkpoint", "chat=a", "--checkpoint", "chat=b"), "chat twice; allowed: each service once"),
    (("--to", "compose", "--checkpoint", "talk=a"), "talk=...; allowed: one of the services: chat"),
])
def test_bad_options_are_refused(
    run: Run, desk: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("export", desk, "--out", tmp_path / "env", *arguments)
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "env").exists()


def test_an_overlay_says_how_an_engine_is_started(run: Run, desk: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "serving.yaml").write_text(
        "vllm:\n  command: serve {model} {sequences}\n  listen: -p {port}\n  images: {nvidia: 'acme/vllm:1'}\n"
        "  port: 9000\n  health_path: /up\n  metrics_path: /m\n  metrics: {}\n  precisions: {bf16: {}}\n"
        "  user: '7:7'\n  source_url: https://example.org\n  as_of: '2026'\n")
    result = run("export", desk, "--to", "compose", "--out", tmp_path / "env", "--overlay", own, *LLAMA)
    assert result.code == 0
    engine = yaml.safe_load((tmp_path / "env/nodes/chat-1/compose.yaml").read_text())["services"]["engine-0"]
    assert engine["command"] == ["serve", "org/llama", "40", "-p", "9000"]
    assert (engine["image"], engine["user"]) == ("acme/vllm:1", "7:7")


def test_faults_of_an_overlay_are_named_all_at_once(run: Run, desk: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "serving.yaml").write_text(
        "vllm:\n  command: 'serve {modle} \"x\"'\n  listen: -p {port}\n  images: {nvidia: 'no tag'}\n"
        "  port: 80\n  health_path: up\n  metrics_path: /m\n  metrics: {ttft: a}\n  precisions: {}\n"
        "  user: '0:0'\n  source_url: https://example.org\n  as_of: '2026'\n")
    (own / "companions.yaml").write_text(
        "proxy: {image: 'a/b:1', user: '5:5', source_url: https://example.org, as_of: '2026'}\n")
    result = run("solve", "--details", desk, "--overlay", own)
    assert result.code == 2
    for said in ("vllm.images.nvidia", "vllm.port", "vllm.health_path", "vllm.metrics.ttft", "vllm.user", "proxy"):
        assert said in result.err, said
    assert "Traceback" not in result.err
