"""A problem file, with `--set` overrides, as a `Problem`."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.catalog import Catalog
from optimizer.load.faults import faults_of
from optimizer.load.overrides import apply_overrides, blame_overrides
from optimizer.load.paths import named_file, set_by_user
from optimizer.load.profiles import read_profiles
from optimizer.load.text import decode, read_bytes
from optimizer.load.yaml_files import fresh, parse_mapping
from optimizer.messages import Message
from optimizer.schema.catalog import LlmModel
from optimizer.schema.problem import Problem


@dataclass(frozen=True)
class LoadedProblem:
    """A problem with what its file referred to."""

    problem: Problem
    text: str
    label: str
    sha256: str
    own_models: dict[str, LlmModel]
    """Models given as config.json, by the text that names them."""
    places: tuple[Message, ...] = ()
    """What the places that the problem names stand for."""


def shipped_problems_dir() -> Path:
    """Return the folder of the shipped problems: inside the wheel, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "problems"
    return inside if inside.is_dir() else inside.parent.parent / "problems"


def shipped_problem_names() -> list[str]:
    """List the names of the shipped problems."""
    return sorted(path.stem for path in shipped_problems_dir().glob("*.yaml"))


def problem_path(reference: str) -> Path:
    """Find a problem by path, or by its shipped name.

    Raises:
        InputError: there is neither.
    """
    path = Path(reference)
    if os.path.isfile(path):  # unlike Path.is_file, no error for names that no disk can hold
        return path
    shipped = shipped_problems_dir() / f"{path.name.removesuffix('.yaml')}.yaml"
    if os.path.isfile(shipped) and (path.name == reference or path.parent.name == "problems"):
        return shipped
    if os.path.exists(path):
        return path  # a folder: reading it says so
    names = shipped_problem_names()
    close = difflib.get_close_matches(path.stem, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise InputError([Fault(reference, "", "no such file", f"a path, or a shipped name: {', '.join(names)}{hint}")])


def problem_text(reference: str) -> tuple[str, Path]:
    """Return the text of a problem file and where it lies."""
    path = problem_path(reference)
    label = reference or str(path)
    return decode(read_bytes(path, label), label), path


def _as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_as_tuples(inner) for inner in value)
    return value


def _own_models(
    problem: Problem, base: Path, label: str, outside: Callable[[str], bool]
) -> tuple[dict[str, LlmModel], list[bytes]]:
    """Read every model that is a path to a config.json, looked for beside the problem file, then from here."""
    if not any(service.model.endswith(".json") for service in problem.services):
        return {}, []
    from optimizer.load.model_config import read_model_config

    models: dict[str, LlmModel] = {}
    raws: list[bytes] = []
    faults: list[Fault] = []
    for index, service in enumerate(problem.services):
        if not service.model.endswith(".json") or service.model in models:
            continue
        key, allowed = f"services.{index}.model", "a config.json beside the problem, or seen from here"
        try:
            path = named_file(service.model, base, (label, key), allowed, outside(key))
            models[service.model], raw = read_model_config(path)
            raws.append(raw)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return models, raws


@lru_cache(maxsize=64)
def _parsed(text: str, label: str) -> dict[str, Any]:
    """Parse a problem file, of which a batch makes many variants, once."""
    return parse_mapping(text, label)


def parse_problem(
    text: str, label: str, overrides: tuple[str, ...] = (), base: Path = Path(), allow_outside: bool = False
) -> LoadedProblem:
    """Turn the text of a problem file into a `Problem`.

    Args:
        label: how faults name the file.
        overrides: KEY=VALUE, as `--set` takes them.
        base: the folder of the file.
        allow_outside: whether files that it names may lie outside that folder; those of overrides always may.

    Raises:
        InputError: with every fault of the file, or of an override.
    """

    def outside(key: str) -> bool:
        return allow_outside or set_by_user(key, overrides)

    data = fresh(_parsed(text, label))
    apply_overrides(data, overrides)
    unread = read_profiles(data, base, label, outside)
    try:
        problem = Problem.model_validate(_as_tuples(data))
    except ValidationError as error:
        raise InputError(blame_overrides([*unread, *faults_of(error, label, Problem)], overrides)) from None
    if unread:
        raise InputError(blame_overrides(unread, overrides))
    own, raws = _own_models(problem, base, label, outside)
    unused = {"roadmap"} if problem.roadmap is None else None  # a key that came later leaves older fingerprints alone
    digest = hashlib.sha256(problem.model_dump_json(exclude=unused).encode())
    for raw in raws:
        digest.update(raw)
    return LoadedProblem(problem, text, label, digest.hexdigest(), own)


def load_problem(reference: str, overrides: tuple[str, ...] = (), allow_outside: bool = False) -> LoadedProblem:
    """Read a problem by path or shipped name; `allow_outside` as `parse_problem` takes it.

    Raises:
        InputError: with every fault of the file.
    """
    text, path = problem_text(reference)
    return parse_problem(text, reference, overrides, path.parent, allow_outside)


def problem_schema_json() -> str:
    """Return the JSON Schema of a problem file, each key with its description."""
    from optimizer.schema.describe import described_schema

    return json.dumps(described_schema(Problem), indent=2, ensure_ascii=False)


def with_known_shapes(loaded: LoadedProblem, catalog: Catalog) -> LoadedProblem:
    """Let an own model share the measured speeds of a catalog model with the same weights shape, where there is one."""
    from optimizer.load.model_config import same_shape

    own = {}
    for name, model in loaded.own_models.items():
        twin = next((known for known in catalog.models.values() if same_shape(model, known)), None)
        own[name] = model if twin is None else model.model_copy(update={"runs_like": twin.runs_like})
    return replace(loaded, own_models=own)
