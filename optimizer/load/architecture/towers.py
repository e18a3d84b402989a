"""What a multimodal model has beside its decoder: vision and audio towers with their projectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from optimizer.load.architecture.family_defaults import defaults_of
from optimizer.load.architecture.keys import MOST_LAYERS, Keys
from optimizer.load.architecture.sections import Sections

CHECKED = frozenset({
    "aria", "cohere2_vision", "cosmos3_omni", "deepseek_vl", "deepseek_vl_v2", "ernie4_5_vl_moe", "ernie4_5_moe_vl",
    "gemma3", "gemma4", "glm4v", "glm4v_moe", "glm46v", "idefics3", "internvl", "internvl_chat", "kimi_k25",
    "kimi_k3", "kimi_vl", "lfm2_vl", "lighton_ocr", "llama4", "llava", "llava_next", "llava_next_video",
    "llava_onevision", "minicpm_ocr", "minicpmv4_6", "minicpmv4_7", "minimax_m3_vl", "mistral3", "nemotron_h_omni",
    "ovis2", "paligemma", "pixtral", "qianfan_ocr", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe",
    "qwen3_omni_moe", "qwen3_omni_moe_thinker", "qwen3_5", "qwen3_5_moe", "shieldgemma2", "smolvlm", "step3_vl",
    "step3p5", "step3p7", "video_llama_3", "vipllava", "gemma3n",
})
"""model_type of models whose total, towers included, is within 1% of the real architecture's or the published one."""

TOWER_CLASSES = {
    "clip_vision_model": "clip_vision_model", "siglip_vision_model": "siglip_vision_model", "pixtral": "pixtral",
    "siglip2_vision_model": "siglip2_vision_model", "idefics3": "idefics3_vision", "idefics3_vision": "idefics3_vision",
    "smolvlm": "idefics3_vision", "smolvlm_vision": "idefics3_vision",
}
"""model_type of towers that may leave sizes to their class -> its entry in `model_families.yaml`."""

BESIDE = re.compile(
    r"visual|vision|image|img|audio|sound|speech|video|perceiver|qformer|resampler|connector|talker|wav")
"""Names of sections that hold weights beside the decoder."""

GLM4V = frozenset({"glm4v", "glm4v_moe", "glm46v", "glmga", "glm4v_vision", "glm4v_moe_vision"})
"""Towers whose blocks are as wide inside as the decoder, and whose merger is a gated block of intermediate_size."""

GATED = frozenset({"qwen2_5_vl", "pixtral", "gemma4_vision", "glm4v", "glm4v_moe", "glm4v_vision", "glm_ocr_vision",
                   "glm4v_moe_vision", "qwen2_5_omni_vision_encoder", "mistral3", "ministral3", "gemma4", "glm46v"})
"""model_type of towers, or of models, whose feed-forward blocks have three matrices."""

MERGES_SQUARE = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "kimi_k25",
                           "kimi_vl", "kimi_k3", "qwen3_omni_moe", "qwen2_5_omni"})
"""model_type of models that join spatial_merge_size^2 patches in two square steps."""

WITHOUT_SECTION: Mapping[str, tuple[float, str]] = {
    "qwen3_omni_moe": (4.79e9, "vision 0.54, audio 0.65 and talker 3.6 billion, the last not loaded for text"),
    "gemma3n": (0.99e9, "vision 0.30 and audio 0.68 billion"),
}
"""model_type -> weights beside the decoder where the config leaves their sections out (published totals)."""


def _vision(given: Mapping[str, Any], sections: Sections, label: str, name: str, hidden: int, parent: Keys) -> float:
    """Count layers of 4 h^2 of attention + feed-forward + biases and norms, patches, positions, and the merger."""
    kind = str(given.get("model_type") or sections.outer)
    tower = Keys({**defaults_of(TOWER_CLASSES.get(kind, "")), **given}, label, f"{name}.", parent)
    stated = tower.whole("embed_dim", "vt_hidden_size", "hidden_size", "width", default=0, least=0)
    layers = tower.whole("num_hidden_layers", "depth", "vt_num_hidden_layers", "layers", default=0, least=0,
                         most=MOST_LAYERS)
    ratio = tower.number("mlp_ratio", 4.0)
    inner = tower.whole("intermediate_size", "vt_intermediate_size", default=int(ratio * stated), least=0)
    patch = tower.whole("patch_size", default=14, least=0)
    channels = tower.whole("num_channels", "in_channels", default=3)
    pixels = patch**2 * channels * tower.whole("temporal_patch_size", default=1)
    image = tower.get("image_size")
    side = image // patch if isinstance(image, int) and not isinstance(image, bool) and patch else 0
    positions = tower.whole("num_position_embeddings", "position_embedding_size", default=side**2, least=0)
    if not layers or not stated:
        return 0.0
    if {kind, sections.outer} & GLM4V:
        return _glm4v(tower, stated, layers, pixels + positions)
    matrices = 3 if {kind, sections.outer} & GATED else 2
    layer = 4 * stated * (stated + 1) + matrices * stated * inner + inner + 5 * stated
    return float(layers * layer + (pixels + 1 + positions) * stated) + _projector(tower, sections, stated, hidden)


def _glm4v(tower: Keys, width: int, layers: int, tables: int) -> float:
    """Count GLM-4V's tower: blocks as wide inside as its output, a strided convolution, and a gated merger."""
    out, inner = tower.whole("out_hidden_size"), tower.whole("intermediate_size")
    merge = tower.whole("spatial_merge_size", default=2) ** 2
    blocks = layers * (4 * width**2 + 3 * width * out)
    return float(blocks + tables * width + merge * width * out + out**2 + 3 * out * inner)


def _projector(tower: Keys, sections: Sections, width: int, hidden: int) -> float:
    """Count what leads from the tower to the decoder: a merger of patches, or two matrices."""
    kernel = tower.get("merge_kernel_size")
    by_kernel = kernel[0] if isinstance(kernel, list) and kernel and isinstance(kernel[0], int) else 1
    factor = tower.whole("spatial_merge_size", default=max(1, by_kernel))
    merged = width * factor**2
    deep = tower.get("deepstack_visual_indexes")
    steps = 1 + (len(deep) if isinstance(deep, list) else 0)
    out = tower.whole("out_hidden_size", default=hidden) if sections.outer in MERGES_SQUARE else hidden
    if sections.outer in MERGES_SQUARE:
        return float(steps * merged * (merged + out))
    ratio = sections.whole.get("downsample_ratio")
    if isinstance(ratio, float) and 0 < ratio <= 1:
        merged = int(width / ratio**2)
    return float(merged * hidden + hidden**2) if sections.outer not in ("gemma3", "gemma4", "paligemma") else float(
        merged * hidden)


def _audio(given: Mapping[str, Any], label: str, name: str, hidden: int, parent: Keys) -> float:
    """Count a Whisper-like encoder; 0 where the section names its shape otherwise."""
    tower = Keys(given, label, f"{name}.", parent)
    width = tower.whole("d_model", "hidden_size", default=0, least=0)
    layers = tower.whole("encoder_layers", "num_hidden_layers", "conf_num_hidden_layers", default=0, least=0,
                         most=MOST_LAYERS)
    inner = tower.whole("encoder_ffn_dim", "intermediate_size", default=4 * width, least=0)
    return float(layers * (4 * width * width + 2 * width * inner) + width * hidden) if layers else 0.0


def tower_parameters(sections: Sections, label: str, hidden: int) -> tuple[float, bool, tuple[str, ...]]:
    """Return the weights beside a decoder, whether their counting was checked, and what is to be said of them.

    Raises:
        InputError: a section has values that cannot be.
    """
    parent = Keys({}, label)
    total, notes = 0.0, []
    for name, given in sections.towers.items():
        audio = "audio" in name or "sound" in name
        found = _audio(given, label, name, hidden, parent) if audio else _vision(
            given, sections, label, name, hidden, parent)
        total += found
        if not found and len(given) > 1:
            notes.append(f"{name}: its shape is not known; its weights are not counted")
    parent.check()
    if sections.outer in WITHOUT_SECTION and not sections.towers:
        total, said = WITHOUT_SECTION[sections.outer]
        notes.append(f"beside the decoder {said} (published total; the config does not state them)")
    others = [name for name, part in sections.whole.items() if isinstance(part, dict) and part
              and BESIDE.search(name) and name not in sections.towers and sections.outer not in CHECKED]
    notes += [f"{name}: its weights are not counted" for name in others]
    unknown = bool(notes) and total == 0
    checked = not unknown and not others and (not total or sections.outer in CHECKED)
    return total, checked, tuple(notes)
