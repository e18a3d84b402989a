"""What a quantisation config says of every weight: its methods, groups, lists of names, and the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.architecture.sections import Sections
from optimizer.load.faults import shown


@dataclass(frozen=True, slots=True)
class Scheme:
    """How some weights are stored."""

    precision: str
    weight_bytes: float
    """Bytes a weight, scales included."""
    scale_bytes: float = 0.0


PLAIN = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32", "half": "fp16", "float": "fp32"}
"""dtype of a checkpoint -> precision."""

SIXTEEN = Scheme("bf16", 2.0)
FP8, INT8, W8A16 = Scheme("fp8", 1.0), Scheme("int8", 1.0), Scheme("w8a16", 1.0)
NVFP4 = Scheme("fp4", 0.5625, 0.0625)
MXFP4 = Scheme("mxfp4", 0.53125, 0.03125)
MXFP8 = Scheme("fp8", 1.03125, 0.03125)
DEEPSEEK_FP4 = Scheme("fp4", 0.53125, 0.03125)
"""DeepSeek V4's `expert_dtype: fp4`: 4-bit numbers with one 8-bit scale for 32 of them."""


def grouped_int4(group_size: Any, symmetric: bool = False) -> Scheme:
    """Return 4-bit integers with a 16-bit scale, and a 4-bit zero point unless symmetric, for each group."""
    size = group_size if isinstance(group_size, int) and not isinstance(group_size, bool) and group_size > 0 else 128
    scales = (2.0 if symmetric else 2.5) / size
    return Scheme("int4", 0.5 + scales, scales)


ALGORITHMS = {
    "FP8": FP8, "FP8_PER_CHANNEL_PER_TOKEN": FP8, "FP8_PB_WO": FP8, "FP8_PB_REAL": FP8, "FP8_BLOCK_SCALES": FP8,
    "MXFP8": MXFP8, "NVFP4": NVFP4, "NVFP4_AWQ": NVFP4, "W4A16_NVFP4": NVFP4, "W4A8_NVFP4_FP8": NVFP4,
    "NVFP4_SVDQUANT": NVFP4, "MXFP4": MXFP4, "W4A16_MXFP4": MXFP4, "W4A8_MXFP4_FP8": MXFP4, "W4A8_MXFP4_MXFP8": MXFP4,
    "W4A16_AWQ": grouped_int4(128), "W4A8_AWQ": grouped_int4(128), "INT4_AWQ": grouped_int4(128),
    "INT8_SQ": INT8, "INT8": INT8, "W8A8_SQ_PER_CHANNEL": INT8, "W8A16": W8A16, "W8A16_GPTQ": W8A16,
    "W4A16": grouped_int4(128), "W4A16_GPTQ": grouped_int4(128),
}
"""quant_algo of ModelOpt -> scheme."""

PLAIN_BITS = 16
"""A module with so many bits is not quantised."""

FP8_METHODS = frozenset({"fp8", "fbgemm_fp8", "ptpc_fp8"})
INT4_METHODS = frozenset({"awq", "gptq", "awq_marlin", "gptq_marlin", "auto-round", "autoround", "intel/auto-round",
                          "inc", "marlin"})
BY_NAME = {"fp4": NVFP4, "fp8": FP8, "int8": INT8, "w8a16": W8A16, "mxfp4": MXFP4, "int4": grouped_int4(128)}
"""Precision that a model's name states -> scheme of its linear layers, where no file says more."""

KNOWN = ("fp8", "fbgemm_fp8", "awq", "gptq", "auto-round", "mxfp4", "compressed-tensors", "modelopt",
         "quark", "torchao", "experts_int8")

@dataclass(frozen=True)
class Recipe:
    """What a quantisation config says of every weight."""

    default: Scheme | None
    """For linear layers; None: only what is named is quantised."""
    ignored: tuple[str, ...] = ()
    named: Mapping[str, Scheme] = field(default_factory=dict)
    """Module names or patterns -> scheme."""
    experts: Scheme | None = None
    """For experts, whatever the rest has."""
    experts_only: bool = False
    cache: str | None = None
    """Precision of the KV cache that the checkpoint brings scales for."""
    plain: Scheme = SIXTEEN


def _fault(label: str, key: str, found: Any, allowed: str) -> InputError:
    return InputError([Fault(label, key, shown(found), allowed)])


def _listed(*values: Any) -> tuple[str, ...]:
    """Return the first list of names."""
    for value in values:
        if isinstance(value, list | tuple):
            return tuple(str(one) for one in value)
    return ()


def _algorithm(name: Any, label: str, key: str) -> Scheme:
    found = ALGORITHMS.get(str(name).upper())
    if found is None:
        raise _fault(label, key, name, f"one of {', '.join(ALGORITHMS)}")
    return found


def _by_bits(weights: Mapping[str, Any], label: str, key: str, weight_only: bool, packing: str = "") -> Scheme:
    """Read number type, bits and group size of one group of weights."""
    bits, kind = weights.get("num_bits"), weights.get("type", "int")
    group = weights.get("group_size")
    if kind == "float" and bits == 8:
        return FP8
    if kind == "float" and bits == 4:
        return MXFP4 if "mxfp4" in packing or group == 32 else NVFP4
    if kind == "int" and bits == 4:
        return grouped_int4(group, weights.get("symmetric") is True)
    if kind == "int" and bits == 8:
        return W8A16 if weight_only else INT8
    raise _fault(label, key, f"{bits} bits of type {kind}", "4 or 8 bits of type int or float")


def _cache(data: Mapping[str, Any]) -> str | None:
    """Return the precision of the KV cache that a config states."""
    scheme = data.get("kv_cache_scheme")
    if isinstance(scheme, dict) and scheme.get("num_bits") == 8:
        return "fp8" if scheme.get("type") == "float" else "int8"
    stated = [scheme, data.get("kv_cache_quant_algo"), data.get("kv_cache_quant")]
    found = next((value for value in stated if isinstance(value, str) and value), "")
    return {"FP8": "fp8", "INT8": "int8", "NVFP4": "fp4"}.get(found.upper())


def _groups(data: Mapping[str, Any], label: str) -> tuple[Scheme | None, dict[str, Scheme]]:
    """Read config_groups: the scheme of all linear layers, and those of modules that are named."""
    groups = data.get("config_groups")
    if not isinstance(groups, dict) or not groups:
        return None, {}
    default: Scheme | None = None
    named: dict[str, Scheme] = {}
    for name, group in groups.items():
        weights = group.get("weights") if isinstance(group, dict) else None
        key = f"quantization_config.config_groups.{name}"
        if not isinstance(weights, dict):
            raise _fault(label, key, group, "a group with weights")
        packing = str(group.get("format") or data.get("format") or "")
        scheme = _by_bits(weights, label, key, group.get("input_activations") is None, packing)
        targets = _listed(group.get("targets")) or ("Linear",)
        if "Linear" in targets:
            default = scheme
        named |= {target: scheme for target in targets if target != "Linear"}
    return default, named


def _quark(data: Mapping[str, Any], label: str) -> Recipe:
    """Read AMD Quark: one scheme for all, some layers by pattern, a list of what is left out."""
    def scheme(part: Any, key: str) -> Scheme:
        weight = part.get("weight") if isinstance(part, dict) else None
        weight = weight[0] if isinstance(weight, list) and weight else weight
        kind = str(weight.get("dtype")) if isinstance(weight, dict) else "None"
        known = {"fp8_e4m3": FP8, "fp4": MXFP4, "int8": INT8, "int4": grouped_int4(128), "uint4": grouped_int4(128)}
        if kind not in known:
            raise _fault(label, key, kind, f"a weight with a dtype among {', '.join(known)}")
        return known[kind]

    layers = data.get("layer_quant_config")
    named = {str(name): scheme(part, f"quantization_config.layer_quant_config.{name}")
             for name, part in layers.items()} if isinstance(layers, dict) else {}
    whole = scheme(data.get("global_quant_config"), "quantization_config.global_quant_config")
    return Recipe(whole, _listed(data.get("exclude")), named, cache=_cache(data))


def _modelopt(data: Mapping[str, Any], label: str) -> Recipe:
    """Read ModelOpt: one algorithm, or MIXED_PRECISION with an algorithm for each layer."""
    ignored = _listed(data.get("ignore"), data.get("exclude_modules"), data.get("modules_to_not_convert"))
    listed = data.get("quantized_layers")
    named = {str(name): _algorithm(part.get("quant_algo"), label, f"quantized_layers.{name}.quant_algo")
             for name, part in listed.items() if isinstance(part, dict)} if isinstance(listed, dict) else {}
    algorithm = data.get("quant_algo")
    if algorithm is None:
        default, more = _groups(data, label)
        if default is None and not (named or more):
            raise _fault(label, "quantization_config.quant_algo", algorithm, f"one of {', '.join(ALGORITHMS)}")
        return Recipe(default, ignored, named or more, cache=_cache(data))
    if str(algorithm).upper() == "MIXED_PRECISION":
        if not named:
            raise _fault(label, "quantization_config.quantized_layers", listed, "an algorithm for each layer")
        base = FP8 if data.get("quant_method") in FP8_METHODS else None
        return Recipe(base, () if base else ignored, named, cache=_cache(data))
    return Recipe(_algorithm(algorithm, label, "quantization_config.quant_algo"), ignored, named, cache=_cache(data))


def _bits(data: Mapping[str, Any], label: str, method: str) -> Scheme:
    bits = data.get("bits", data.get("w_bit", 4))
    if bits not in (4, 8) or isinstance(bits, bool):
        found = str({"quant_method": method, "bits": bits})
        raise _fault(label, "quantization_config", found, f"4 or 8 bits, or a quant_method among {', '.join(KNOWN)}")
    size = data.get("group_size", data.get("q_group_size"))
    return grouped_int4(size, data.get("sym") is True and method != "awq") if bits == 4 else W8A16


def _exceptions(data: Mapping[str, Any], label: str, method: str) -> tuple[tuple[str, ...], dict[str, Scheme]]:
    """Read which modules GPTQModel (`dynamic`) and AutoRound (`extra_config`) leave out, or store with other bits."""
    left_out: list[str] = []
    named: dict[str, Scheme] = {}
    for key, patterned in (("dynamic", True), ("extra_config", False)):
        listed = data.get(key)
        for name, changed in (listed if isinstance(listed, dict) else {}).items():
            pattern = f"re:{str(name).removeprefix('+:').removeprefix('-:')}" if patterned else str(name)
            bits = changed.get("bits") if isinstance(changed, dict) else None
            if str(name).startswith("-:") or (isinstance(bits, int) and bits >= PLAIN_BITS):
                left_out.append(pattern)
            elif bits is not None:
                named[pattern] = _bits({**data, **changed}, label, method)
    return tuple(left_out), named


def _torchao(data: Mapping[str, Any], label: str) -> Scheme:
    text = str(data.get("quant_type")).lower()
    for mark, scheme in (("int4", grouped_int4(128)), ("float8", FP8), ("fp8", FP8), ("int8dynamic", INT8),
                         ("int8_dynamic", INT8), ("int8", W8A16)):
        if mark in text:
            return scheme
    raise _fault(label, "quantization_config.quant_type", data.get("quant_type"), "int4, int8 or float8 weights")


def recipe_of(data: Mapping[str, Any], label: str) -> Recipe:
    """Read a quantisation config of any kind.

    Raises:
        InputError: a method, algorithm or number of bits that is not known.
    """
    if isinstance(data.get("quantization"), dict) and "quant_algo" in data["quantization"]:
        return recipe_of(data["quantization"], label)  # ModelOpt's hf_quant_config.json as a section of the config
    method = str(data.get("quant_method") or ("modelopt" if "quant_algo" in data or "quantized_layers" in data else
                                              "compressed-tensors" if "config_groups" in data else None))
    ignored = _listed(data.get("modules_to_not_convert"), data.get("ignored_layers"), data.get("ignore"),
                      data.get("exclude_modules"), data.get("llm_int8_skip_modules"))
    if "quantized_layers" in data or method.startswith("modelopt") or (method in FP8_METHODS and "quant_algo" in data):
        return _modelopt(data, label)
    if method == "compressed-tensors":
        default, named = _groups(data, label)
        return Recipe(default if default or named else FP8, ignored, named, cache=_cache(data))
    if method in FP8_METHODS:
        return Recipe(FP8, ignored)
    if method in INT4_METHODS:
        scheme = _bits(data, label, method)
        left_out, named = _exceptions(data, label, method)
        head = {"lm_head": scheme} if data.get("lm_head") is True else {}
        return Recipe(scheme, (*ignored, *left_out), {**head, **named})
    if method == "mxfp4":
        return Recipe(None, ignored, experts=MXFP4, experts_only=True)
    if method == "experts_int8":
        return Recipe(None, ignored, experts=W8A16, experts_only=True)
    if method == "quark":
        return _quark(data, label)
    if method == "torchao":
        return Recipe(_torchao(data, label), ignored)
    inner = {key: data[key] for key in ("quant_method", "bits", "quant_algo") if key in data}
    raise _fault(label, "quantization_config", str(inner), f"a quant_method among {', '.join(KNOWN)}")


def recipe_from(sections: Sections, beside: Mapping[str, Any] | None, label: str) -> tuple[Recipe, str]:
    """Find what says how a checkpoint is stored; return it, and where it stands.

    The config's own section comes first, then hf_quant_config.json beside it, then its dtype. DeepSeek V4 states its
    experts' type apart.
    """
    inner, whole = sections.decoder, sections.whole
    places = [(one.get(key), key) for one in (inner, whole) for key in ("quantization_config", "compression_config")]
    recipe, said = None, "dtype"
    for given, key in places:
        if given is not None and not isinstance(given, dict):
            raise _fault(label, key, given, "a JSON object")
    for one in (inner, whole):
        if isinstance(one.get("quantization"), dict) and "bits" in one["quantization"]:
            allowed = "a checkpoint that the engines here load: MLX's are not"
            raise _fault(label, "quantization", one["quantization"], allowed)
    for given, key in [*places, (beside, "hf_quant_config.json")]:
        if isinstance(given, dict):
            recipe, said = recipe_of(given, label), key
            break
    if recipe is None:
        return plain_recipe(next((one[key] for one in (inner, whole) for key in ("torch_dtype", "dtype")
                                  if one.get(key)), None)), said
    if recipe.cache is None and beside:
        recipe = replace(recipe, cache=_cache(beside))
    if inner.get("expert_dtype") == "fp4" and not recipe.named:
        recipe = replace(recipe, experts=DEEPSEEK_FP4)
    return recipe, said


def plain_recipe(dtype: Any) -> Recipe:
    """Return the recipe of a checkpoint that is not quantised."""
    name = PLAIN.get(str(dtype).removeprefix("torch."), "bf16")
    scheme = Scheme(name, 4.0 if name == "fp32" else 2.0)
    return Recipe(None, plain=scheme)
