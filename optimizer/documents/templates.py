"""Templates: how layouts are filled in, the shipped ones or a company's own of the same name."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError

LAYOUTS = Path(__file__).resolve().parent / "layouts"

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no XML may hold."""

REPLACEMENT = "\ufffd"


def printable(text: str) -> str:
    """Replace characters that no document may hold.

    >>> printable("a\\x07b")
    'a\ufffdb'
    """
    return UNPRINTABLE.sub(REPLACEMENT, text)


@lru_cache
def shipped_layouts() -> dict[str, str]:
    """Return the shipped layouts by the names of their files."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(LAYOUTS.iterdir()) if path.is_file()}


def _printable(value: object) -> object:
    """Keep out what no document may hold; text that is markup already stays so."""
    from markupsafe import Markup

    if isinstance(value, Markup):
        return Markup(printable(value))
    return printable(value) if isinstance(value, str) else value


def written(
    texts: Mapping[str, str], start: str, values: Mapping[str, Any], filters: Mapping[str, Any], folder: str = ""
) -> str:
    """Write with templates; every value is escaped, an unknown name is a fault.

    Args:
        folder: where the templates lie, with its slash; told beside the name of a broken one.

    Raises:
        InputError: a template is broken, or names something that there is not.
    """
    from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError
    from jinja2.sandbox import SandboxedEnvironment

    broken = (TemplateError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError,
              MemoryError)
    made = SandboxedEnvironment(
        loader=FunctionLoader(lambda name: (texts[name], name, None) if name in texts else None), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False,
        finalize=_printable)
    made.filters.update(filters)
    try:
        return str(made.get_template(start).render(values))
    except TemplateSyntaxError as error:
        found = f"a template that cannot be read ({error.message})"
        name = folder + (error.name or start)
        raise InputError([Fault(name, f"line {error.lineno}", found, "a Jinja template")]) from None
    except broken as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in texts]
        place, line = (frames[-1].filename, frames[-1].lineno) if frames else (start, 1)
        why = "it includes itself without end" if isinstance(error, RecursionError) else str(error)
        found = f"a template that cannot be filled in ({why})"
        allowed = "names and filters of the shipped templates"
        raise InputError([Fault(folder + place, f"line {line}", found, allowed)]) from None
