"""What a test of one's own needs beside its rows: a model given by its config.json, a GPU type of another overlay."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, read_bytes
from optimizer.load.csv_files import columns_of
from optimizer.load.model_config import read_model_config, same_shape
from optimizer.load.text import decode
from optimizer.load.yaml_files import parse_mapping
from optimizer.schema.catalog import Gpu, LlmModel, ThroughputPoint

MODELS, GPUS = "models.yaml", "gpus.csv"


@dataclass(frozen=True)
class OwnModels:
    """Models that files give as a path, under the ids that their rows bear."""

    catalog: Catalog
    """The catalog with these models in it."""
    models: dict[str, LlmModel]


def is_path(name: str | None) -> bool:
    """Say whether a model is named by the path of its config.json."""
    return name is not None and name.endswith(".json")


def own_id(path: Path) -> str:
    """Make an id of the folder that a config.json lies in.

    >>> own_id(Path("models/Acme 12B/config.json")), own_id(Path("tiny.json"))
    ('acme-12b', 'tiny')
    """
    name = path.parent.name if path.stem == "config" and path.parent.name else path.stem
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "own-model"


def with_own_models(catalog: Catalog, names: Iterable[str | None], beside: Path) -> OwnModels:
    """Read models that are given as paths, looked for from here and then beside a file, into a catalog.

    Speeds of a model of the same shape hold for it, as they do when a plan is solved.

    Raises:
        InputError: a file is not there or is no config.json, or its folder's name is the id of another model.
    """
    found: dict[str, LlmModel] = {}
    ids: dict[str, str] = {}
    faults: list[Fault] = []
    for name in dict.fromkeys(name for name in names if name is not None and is_path(name)):
        path = next((one for one in (Path(name), beside / name) if one.is_file()), Path(name))
        try:
            model, _ = read_model_config(path)
        except InputError as error:
            faults += error.faults
            continue
        model_id, known = own_id(path), catalog.models.get(own_id(path))
        if known is not None and not same_shape(known, model):
            faults.append(Fault(name, "--model", f"a folder named {model_id}, the id of another model", "another name"))
            continue
        ids[name.lower()] = model_id
        if known is None:
            twin = next((one for one in catalog.models.values() if same_shape(model, one)), None)
            found[model_id] = model.model_copy(update={"runs_like": twin.runs_like if twin else model_id})
    if faults:
        raise InputError(faults)
    models, names_of = {**catalog.models, **found}, {**catalog.model_names, **ids}
    return OwnModels(replace(catalog, models=models, model_names=names_of) if ids else catalog, found)


def _text(path: Path) -> str:
    return decode(read_bytes(path), str(path)) if path.is_file() else ""


def _appended(text: str, more: str) -> str:
    return text + ("\n" if text and not text.endswith("\n") else "") + more


def _models_text(folder: Path, models: dict[str, LlmModel]) -> str | None:
    """Return models.yaml of a folder with models appended that it lacks, None where it has them all."""
    text = _text(folder / MODELS)
    known = parse_mapping(text, str(folder / MODELS)) if text.strip() else {}
    more = {name: model.model_dump(mode="json", exclude_defaults=True) for name, model in models.items()
            if name not in known}
    return _appended(text, yaml.safe_dump(more, sort_keys=False, allow_unicode=True)) if more else None


def _gpus_text(folder: Path, gpus: list[Gpu]) -> str | None:
    """Return gpus.csv of a folder with GPU types appended that it lacks, None where it has them all."""
    text = _text(folder / GPUS)
    rows = list(csv.reader(io.StringIO(text)))
    head = rows[0] if rows else columns_of(Gpu)
    column = head.index("gpu_id") if "gpu_id" in head else 0
    known = {row[column] for row in rows[1:] if len(row) > column}
    stream = io.StringIO()
    writer = csv.DictWriter(stream, head, extrasaction="ignore", lineterminator="\n")
    if not rows:
        writer.writeheader()
    more = [gpu for gpu in gpus if gpu.gpu_id not in known]
    for gpu in more:
        writer.writerow({name: str(value).lower() if isinstance(value, bool) else value
                         for name, value in gpu.model_dump(mode="json", exclude_none=True).items()})
    return _appended(text, stream.getvalue()) if more else None


def own_files(
    folder: Path, rows: Iterable[ThroughputPoint], catalog: Catalog, models: dict[str, LlmModel]
) -> dict[Path, str]:
    """Return the files that a user catalog lacks for its rows to stand alone: path -> whole text.

    Args:
        folder: the user catalog that the rows are written to.
        rows: the rows.
        catalog: with the overlays that the rows' names come from.
        models: models given by their config.json.
    """
    used = {row.model_id for row in rows}
    gpus = sorted({row.gpu_id for row in rows} & catalog.from_overlay.get("gpus", frozenset()))
    texts = {
        folder / MODELS: _models_text(folder, {name: model for name, model in models.items() if name in used}),
        folder / GPUS: _gpus_text(folder, [catalog.gpus[gpu] for gpu in gpus])}
    return {path: text for path, text in texts.items() if text is not None}
