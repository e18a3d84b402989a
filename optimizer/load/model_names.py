"""Models by the names people write: ids, Hugging Face names with or without owner, names of quantised copies."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from optimizer.load.architecture.names import precision_named
from optimizer.schema.catalog import LlmModel

COPY_MARKS = re.compile(
    r"[-_ .:@](quantized|w8a8|w8a16|w4a16|w4a8|fp8|int8|int4|dynamic|awq|gptq|hqq|bnb|4bit|8bit|autoround|nvfp4(a16)?"
    r"|mxfp4|fp4|bf16|fp16|g?(32|64|128)g?|block|static|per[-_]?tensor|kv|gguf|q[0-9](_[0-9k])?(_[sml])?|hf|marlin"
    r"|torchao|smoothquant|unsloth)(?=[-_ .:@]|$)")
"""What the names of copies add to the model's own."""

UNPLANNED = re.compile(
    r"[-_ .:@](gguf|iq[0-9]\w*|q[0-9]_\w+|exl[23]|[0-9.]+bpw|[2356][-_]?bit|int[2356]|w[2356]a16|mlx)(?=[-_ .:@]|$)")
"""Marks of copies in a precision that the name leaves open, or that `precisions.yaml` does not have."""

CALLED = re.compile(r"^  (?:name|hf_id): *(.+)$|^  aliases: *\[(.*)\]$|^ {2,4}- *(\S.*)$", re.MULTILINE)
"""Lines of models.yaml with names."""


def squeezed(name: str) -> str:
    """Reduce a name to its letters and digits.

    >>> squeezed("Qwen/Qwen3-32B")
    'qwenqwen332b'
    """
    return "".join(letter for letter in name.lower() if letter.isalnum())


def stem(name: str) -> str:
    """Return a name without its owner and without marks of a copy, letters and digits alone.

    >>> stem("qwen/qwen3-32b-awq"), stem("meta-llama/Meta-Llama-3.1-8B-Instruct-FP8-dynamic")
    ('qwen332b', 'llama318binstruct')
    """
    short = name.lower().rpartition("/")[2].removeprefix("meta-")
    before = None
    while before != short:
        before, short = short, COPY_MARKS.sub("", short)
    return squeezed(short)


def names_of(model_id: str, model: LlmModel) -> Iterator[str]:
    """Yield every name of a model."""
    yield model_id
    yield model.name
    yield from model.aliases
    if model.hf_id:
        yield model.hf_id


def names_in(block: str) -> Iterator[str]:
    """Yield the names that stand in one entry of models.yaml, its id first."""
    yield block.split(":", 1)[0].strip("'\"")
    for found in CALLED.finditer(block):
        for part in re.split(r", *", found[1] or found[2] or found[3] or ""):
            yield part.strip().strip("'\"")


def find_model_id(models: Mapping[str, LlmModel], model_names: Mapping[str, str], reference: str) -> str | None:
    """Return the id that a name stands for, None where nothing bears it.

    The id or another name as written comes first, then the same letters and digits, then those without marks of a
    quantised copy.
    """
    if reference in models:
        return reference
    exact = model_names.get(reference.lower())
    if exact in models:
        return exact
    wanted, short = squeezed(reference.rpartition("/")[2]), stem(reference)
    by_name: dict[str, str] = {}
    by_stem: dict[str, str] = {}
    for model_id, model in models.items():
        for name in names_of(model_id, model):
            by_name.setdefault(squeezed(name.rpartition("/")[2]), model_id)
            by_stem.setdefault(stem(name), model_id)
    if wanted not in by_name and precision_named(reference) is None and UNPLANNED.search(reference.lower()):
        return None  # a copy whose precision is not known must not be planned as the original
    return by_name.get(wanted) or by_stem.get(short)


def as_named(model: LlmModel, reference: str) -> LlmModel:
    """Return a model at the precision that its name states, where it states another than the model's own."""
    stated = precision_named(reference)
    if stated is None or stated == model.native_precision or reference == model.hf_id:
        return model
    return model.model_copy(update={
        "native_precision": stated, "native_kv_precision": None, "precision_by_name": True})


def nearest(reference: str, names: Iterable[str], most: int = 4) -> list[str]:
    """List the names that come nearest to one that nothing bears."""
    known = {stem(name): name for name in names if name}
    wanted = stem(reference)
    within = [name for short, name in known.items() if wanted and (wanted in short or short in wanted)]
    close = [known[short] for short in difflib.get_close_matches(wanted, known, n=most, cutoff=0.6)]
    return list(dict.fromkeys([*close, *sorted(within, key=len)]))[:most]
