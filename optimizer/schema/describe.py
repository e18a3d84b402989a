"""The JSON Schema of a schema type, each key described by the docstring under its field."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@cache
def _documented(module: str) -> dict[str, dict[str, str]]:
    """Return class -> field -> docstring of a module's source; nothing where the source is not there."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, SyntaxError):
        return {}
    return {node.name: _under_fields(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _under_fields(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[field.target.id] = inspect.cleandoc(below.value.value)
    return found


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring under each field of a type, inherited ones included.

    >>> from optimizer.schema.problem import Fx
    >>> field_docs(Fx)["as_of"]
    'The day the rate was read.'
    """
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        docs |= _documented(base.__module__).get(base.__name__, {}) if issubclass(base, BaseModel) else {}
    return docs


def models_within(annotation: Any) -> set[type[BaseModel]]:
    """Return every schema type in an annotation or in what its validators take, and in the fields of those."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inner = (models_within(field.annotation) for field in annotation.model_fields.values())
        return {annotation}.union(*inner)
    within = (*get_args(annotation), *filter(None, [getattr(annotation, "json_schema_input_type", None)]))
    return set().union(*map(models_within, within))


def described_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a type with the descriptions of its fields.

    The docstrings are read from the source now, not when the classes are built: start-up does not pay for them.
    """
    schema = model.model_json_schema()
    places = {model.__name__: schema} | schema.get("$defs", {})
    for found in models_within(model):
        properties = places.get(found.__name__, {}).get("properties", {})
        for name, text in field_docs(found).items():
            if name in properties:
                properties[name]["description"] = text
    return {"$schema": DRAFT, **schema}
