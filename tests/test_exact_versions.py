"""The exact versions that the tests are installed with answer what pyproject.toml asks for, on every Python."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cli

ROOT = Path(cli.__file__).resolve().parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = {"test": ROOT / "tests/requirements.txt", "lint": ROOT / ".ci/requirements-lint.txt",
         "docs": ROOT / ".ci/requirements-docs.txt"}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def asked(extra: str) -> Iterator[Requirement]:
    """Yield what an installation with an extra needs directly, extras of the project itself followed."""
    yield from map(Requirement, PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"])
    for line in PROJECT["project"]["optional-dependencies"][extra]:
        one = Requirement(line)
        if one.name != "gpumix":
            yield one
        for further in sorted(one.extras) if one.name == "gpumix" else ():
            yield from asked(further)


def blocks(extra: str) -> list[list[str]]:
    """Return the lines of each package: its version, then the hashes of its files."""
    lines = [line.rstrip(" \\") for line in FILES[extra].read_text("utf-8").splitlines() if not line.startswith("#")]
    starts = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


@pytest.mark.parametrize("extra", FILES)
def test_every_package_has_one_version_and_its_hashes(extra: str) -> None:
    for first, *hashes in blocks(extra):
        assert re.fullmatch(r"[a-z0-9._-]+==[^ ;]+( ; .+)?", first), first
        assert hashes, first
        assert all(HASH.fullmatch(line.strip()) for line in hashes), first
    assert "://" not in FILES[extra].read_text("utf-8")


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("extra", FILES)
def test_they_are_what_the_project_asks_for(extra: str, python: str) -> None:
    """After a change of pyproject.toml .ci/lock writes them anew."""
    system = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": "linux",
              "platform_machine": "x86_64", "implementation_name": "cpython",
              "platform_python_implementation": "CPython"}
    exact: dict[str, list[str]] = {}
    for first, *_ in blocks(extra):
        one = Requirement(first)
        if one.marker is None or one.marker.evaluate(system):
            exact.setdefault(canonicalize_name(one.name), []).append(str(one.specifier).removeprefix("=="))
    assert all(len(versions) == 1 for versions in exact.values())
    for one in asked(extra):
        if one.marker is None or one.marker.evaluate(system):
            (version,) = exact[canonicalize_name(one.name)]
            assert one.specifier.contains(version, prereleases=True), f"{one}: {version}"


def test_the_readme_installs_them() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    command = readme.partition("<!-- test command -->")[2].partition("```sh\n")[2].partition("\n```")[0]
    assert "\n" not in command
    assert "pip install -q -r tests/requirements.txt" in command
    assert command.endswith("-m pytest -n 2")
