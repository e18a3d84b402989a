"""What the wheel holds: one package with its types and data, and the command; nothing beside it."""

from __future__ import annotations

import ast
import email
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import optimizer

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    builders = pytest.importorskip("hatchling.builders.wheel")
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = builders.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(path)


def test_nothing_lies_beside_the_package(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {one for one in tops if not one.endswith(".dist-info")} == {"gpumix"}
    names = set(wheel.namelist())
    assert {"gpumix/py.typed", "gpumix/optimizer/commands/main.py", "gpumix/optimizer/catalogs/gpus.csv"} <= names
    assert any(name.startswith("gpumix/optimizer/problems/") for name in names)
    assert not [name for name in names if "/tests/" in name or name.endswith(".pyc")]


def test_the_command_starts_inside_the_package(wheel: zipfile.ZipFile) -> None:
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "gpumix = gpumix.__main__:main" in wheel.read(entry).decode()


def test_no_module_imports_what_stands_only_in_a_checkout(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        if name.endswith(".py"):
            tree = ast.parse(wheel.read(name))
            imported = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
            imported += [one.name for n in ast.walk(tree) if isinstance(n, ast.Import) for one in n.names]
            assert not [one for one in imported if one.partition(".")[0] == "optimizer"], name


def test_it_solves_from_its_own_files_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "there")
    script = (
        "import sys\n"
        "there, root = sys.argv[1:]\n"
        "sys.meta_path[:] = [one for one in sys.meta_path if 'editable' not in str(one).lower()]\n"
        "sys.path[:] = [there, *(p for p in sys.path if p and p != root)]\n"
        "import gpumix\n"
        "plan = gpumix.load('helpdesk-llama3-8b').solve()\n"
        "assert gpumix.__file__.startswith(there) and 'optimizer' not in sys.modules, gpumix.__file__\n"
        "print(plan.status)\n")
    done = subprocess.run([sys.executable, "-P", "-c", script, str(tmp_path / "there"), str(ROOT)], text=True,
                          capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (0, "optimal\n"), done.stderr


def test_metadata_is_whole(wheel: zipfile.ZipFile) -> None:
    (path,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    found = email.message_from_string(wheel.read(path).decode())
    known = pytest.importorskip("trove_classifiers").classifiers
    assert (found["Name"], found["Version"], found["License-Expression"]) == (
        "gpumix", optimizer.__version__, "Apache-2.0")
    assert not [one for one in found.get_all("Classifier", []) if one not in known]
    assert "Typing :: Typed" in found.get_all("Classifier", [])
    assert found["Description-Content-Type"] == "text/markdown"
    assert found["Requires-Python"] == ">=3.11"


def test_version_is_stated_once_more_and_the_same() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert stated == optimizer.__version__
