"""What is no plain file is refused without waiting for it, and what a problem names stays below its folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load import load_catalog, load_problem
from optimizer.load.measurements import read_measurements
from optimizer.load.model_config import read_model_config
from optimizer.load.plan import read_plan
from optimizer.load.startup_logs import read_startup_logs
from optimizer.load.tables_of_overrides import read_override_rows
from optimizer.load.text import decode, read_bytes, read_json
from optimizer.load.trace import Columns, read_trace
from tests.load.bad_input import refused
from tests.load.workspace import Workspace

READERS: dict[str, Callable[[Path], Any]] = {
    "bytes": read_bytes,
    "json": lambda path: read_json(path, "JSON"),
    "problem": lambda path: load_problem(str(path)),
    "plan": read_plan,
    "config": read_model_config,
    "trace": lambda path: read_trace(path, Columns()),
    "overrides": lambda path: read_override_rows(path, "x"),
    "start-up logs": read_startup_logs,
    "measurements": read_measurements,
}


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def unix_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "sock"))
    return folder / "sock"


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def link_to_pipe(folder: Path) -> Path:
    (folder / "link").symlink_to(fifo(folder))
    return folder / "link"


KINDS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "pipe": (fifo, "a named pipe"), "link to a pipe": (link_to_pipe, "a named pipe"),
    "zero": (lambda _: Path("/dev/zero"), "a device"), "null": (lambda _: Path("/dev/null"), "a device"),
    "folder": (lambda folder: folder, "a folder"), "socket": (unix_socket, "a socket"),
    "link to itself": (loop, "unreadable (Too many levels of symbolic links)"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_plain_file_is_refused_at_once(
    reader: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    make, found = KINDS[kind]
    with pytest.raises(InputError) as caught:
        READERS[reader](make(tmp_path))
    if (reader, kind) != ("problem", "link to itself"):
        assert found in str(caught.value)


@pytest.mark.parametrize("place", ["offers/a.csv", "models.yaml"])
def test_a_pipe_in_an_overlay_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "offers").mkdir()
    os.mkfifo(tmp_path / place)
    with pytest.raises(InputError, match="found a named pipe; allowed: a file"):
        load_catalog(None, [tmp_path])


def test_a_file_that_grows_while_it_is_read_is_cut_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 101)
    assert len(read_bytes(tmp_path / "large", most=101)) == 101
    with pytest.raises(InputError, match="found 101 bytes; allowed: at most 100 bytes"):
        read_bytes(tmp_path / "large", most=100)


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\x7f", "\x85"])
def test_characters_that_steer_a_terminal_are_no_text(character: str) -> None:
    with pytest.raises(InputError, match="line 2: found the control character"):
        decode(f"name\na{character}b\n".encode(), "a.csv")


def test_characters_that_steer_a_terminal_do_not_come_escaped(workspace: Workspace, tmp_path: Path) -> None:
    path = workspace / "problem.yaml"
    path.write_text(path.read_text().replace("name: desk", 'name: "a\\e[31mb"'))
    (fault,) = refused(workspace).faults
    assert (fault.key, fault.found) == ("line 2, column 7", "the control character #x1b")
    (tmp_path / "a.json").write_text('{"a":\n "\\u001b[31m"}')
    with pytest.raises(InputError, match="line 2: found the control character #x1b"):
        read_json(tmp_path / "a.json", "JSON")
    (tmp_path / "a.json").write_text('{"a": "\\\\u001b, tab \\t and line \\u000a"}')
    assert read_json(tmp_path / "a.json", "JSON") == {"a": "\\u001b, tab \t and line \n"}


def outside(tmp_path: Path, key: str) -> Path:
    """Return a problem, in a folder of its own, that names a file beside that folder."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret").write_text("root:x:0:0\n")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "inner" / "link.json").symlink_to(tmp_path / "config.json")
    model, demand = ("llama-8b", key) if key.startswith("{") else (key, "{peak_concurrency: 4}")
    path = tmp_path / "inner" / "p.yaml"
    path.write_text(f"""\
schema_version: 1
name: desk
services:
  - {{service_id: chat, model: "{model}", slo: {{tokens_per_s_per_user: 25}},
     workload: [{{isl_tokens: 512, osl_tokens: 256}}], demand: {demand}}}
""")
    return path


@pytest.mark.parametrize("key", [
    "../config.json", "link.json", "{profile: {file: ../secret}}", "{profile: ../secret}",
    "{peak_concurrency: 4, profile: {file: /dev/../etc/hosts}}",
])
def test_what_a_problem_names_stays_below_its_folder(key: str, tmp_path: Path) -> None:
    path = outside(tmp_path, key)
    with pytest.raises(InputError, match=r"outside the folder of the problem; allowed: .*--allow-outside") as caught:
        load_problem(str(path))
    assert "root:" not in str(caught.value)
    with pytest.raises(InputError) as caught:  # the file is read then, and found to be no such thing
        load_problem(str(path), allow_outside=True)
    assert "outside" not in str(caught.value)


def test_the_user_may_name_any_file(tmp_path: Path, workspace: Workspace) -> None:
    config = workspace.root / "own" / "config.json"
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "p.yaml"
    path.write_text((workspace / "problem.yaml").read_text().replace("own/config.json", "llama-8b"))
    loaded = load_problem(str(path), (f"services.1.model={config}",))
    assert list(loaded.own_models) == [str(config)]
