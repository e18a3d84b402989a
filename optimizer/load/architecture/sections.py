"""Where in a config.json the decoder stands, what stands beside it, and what cannot be served as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown

INNER = ("text_config", "llm_config", "language_config", "language_model_config", "decoder_config")
"""Keys under which multimodal models keep their decoder."""

TOWERS = ("vision_config", "vision_encoder_config", "visual_config", "visual", "audio_config", "sound_config")
"""Keys under which they keep what reads images and sound."""

ENCODERS = frozenset({
    "bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "electra", "albert", "distilbert", "deberta",
    "deberta-v2", "mpnet", "nomic_bert", "modernbert", "funnel", "longformer", "big_bird", "ernie", "ernie_m", "xlnet",
    "xlm", "flaubert", "squeezebert", "mobilebert", "layoutlm", "layoutlmv2", "layoutlmv3", "luke", "fnet", "nezha",
    "roformer", "rembert", "megatron-bert", "roc_bert", "data2vec-text", "convbert", "canine", "esm", "gte", "new",
    "jina_bert", "jina_bert_v2", "xmod", "roberta-prelayernorm", "vit", "clip", "siglip", "siglip2", "dinov2",
    "wav2vec2",
    "hubert", "neobert", "eurobert", "mra", "yoso", "lilt", "ibert", "tapas", "clap", "altclip", "bge", "colqwen2",
    "jina_embeddings_v3", "modernvbert", "vit_mae", "swin", "convnext", "deit", "beit",
})
"""model_type of encoders: they keep no KV cache, and generate no text."""

ENCODER_DECODERS = frozenset({
    "t5", "mt5", "umt5", "longt5", "switch_transformers", "bart", "mbart", "pegasus", "pegasus_x", "bigbird_pegasus",
    "blenderbot", "blenderbot-small", "marian", "m2m_100", "nllb-moe", "whisper", "led", "prophetnet", "xlm-prophetnet",
    "fsmt", "plbart", "mvp", "t5gemma", "t5gemma2", "moonshine", "speech_to_text", "encoder-decoder", "florence2",
    "vision-encoder-decoder", "speech-encoder-decoder", "seamless_m4t", "seamless_m4t_v2", "pix2struct", "udop",
    "trocr", "musicgen", "nougat", "donut", "kosmos-2.5",
})
"""model_type of models whose decoder also attends to an encoder."""

DIFFUSION = frozenset({"llada", "llada_moe", "dream", "diffusion_gemma", "sdar", "sdar_moe"})
"""model_type of models that fill in many tokens at once: no engine here serves them token by token."""

UNSERVED = frozenset({
    "git", "ctrl", "openai-gpt", "bert-generation", "biogpt", "blip", "blip-2", "instructblip", "instructblipvideo",
    "rwkv5", "rwkv6", "jetmoe", "phi4_multimodal", "phi4mm", "muse_glimmer", "cosmos3_edge", "rwkv", "rwkv7", "xlstm",
    "zamba", "zamba2", "recurrent_gemma", "recurrentgemma", "cpmant", "reformer", "gpt_neo", "xglm", "pi0", "janus",
    "kosmos-2", "apertus1p5", "apertus1p5_text", "beam", "lara_mini", "mllama", "mllama_text_model",
})
"""model_type of decoders whose layers gpumix has no reader for; the plain rules would count them wrongly."""

TASKS = ("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
         "ForMultipleChoice", "ForPreTraining", "ForImageClassification", "ForCTC", "ForMaskedImageModeling")
"""Ends of architecture names that classify or fill in: they generate nothing."""


GENERATING = ("LMHeadModel", "ChatModel", "ChatGLMModel", "LMModel")
"""Ends of architecture names that generate text although they end in Model."""


@dataclass(frozen=True, slots=True)
class Sections:
    """A config.json taken apart."""

    whole: dict[str, Any]
    decoder: dict[str, Any]
    """The decoder's own section, or the whole."""
    prefix: str
    """Where it stands, such as `text_config.`."""
    family: str
    """model_type of the decoder."""
    outer: str
    """model_type of the whole."""
    towers: dict[str, dict[str, Any]]

    @property
    def nested(self) -> bool:
        """Whether the decoder stands in a section of its own."""
        return bool(self.prefix)


def _refuse_others(data: dict[str, Any], label: str) -> None:
    """Refuse what is no decoder.

    Raises:
        InputError: an encoder, a classifier, an encoder with a decoder, or a diffusion model.
    """
    kind = str(data.get("model_type") or "")
    if "peft_type" in data or "base_model_name_or_path" in data:
        found = f"an adapter of {shown(data.get('base_model_name_or_path'))}: it holds no whole model"
        raise InputError([Fault(label, "peft_type", found, "the config.json of the model it was made for")])
    named = data.get("architectures")
    listed = [str(name) for name in named] if isinstance(named, list) else []
    if data.get("is_encoder_decoder") is True or kind in ENCODER_DECODERS:
        key, found = ("model_type", shown(kind)) if kind in ENCODER_DECODERS else ("is_encoder_decoder", "true")
        allowed = "a decoder-only model: an encoder beside it keeps a cache of its own"
        raise InputError([Fault(label, key, found, allowed)])
    if kind in DIFFUSION:
        raise InputError([Fault(label, "model_type", shown(kind), "a model that generates token by token")])
    if kind in UNSERVED and "Grok1ForCausalLM" not in listed:
        raise InputError([Fault(label, "model_type", f"{shown(kind)}, whose layers gpumix does not know how to count",
                                "another model, or the facts of this one in models.yaml of an overlay")])
    headless = [name for name in listed if name.endswith("Model") and not name.endswith(GENERATING)]
    if headless and len(headless) == len(listed) and kind not in ENCODERS and not data.get("vision_config"):
        found = f"{', '.join(headless)}: without a head it makes embeddings and generates no text"
        raise InputError([Fault(label, "architectures", found, "a decoder that generates text")])
    tasks = [name for name in listed if name.endswith(TASKS)]
    if kind in ENCODERS and not any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in listed):
        raise InputError([Fault(label, "model_type", f"{shown(kind)}, an encoder: it keeps no KV cache",
                                "a decoder that generates text")])
    if tasks and len(tasks) == len(listed):
        found = f"{', '.join(tasks)}: it generates no text and keeps no KV cache"
        raise InputError([Fault(label, "architectures", found, "a decoder that generates text")])


def sections_of(data: dict[str, Any], label: str) -> Sections:
    """Find the decoder of a config.

    Raises:
        InputError: what it describes is no decoder.
    """
    _refuse_others(data, label)
    outer = str(data.get("model_type") or "unknown")
    source, prefix = data, ""
    for name in ("thinker_config", "language_model", *INNER):
        inner = source.get(name)
        if isinstance(inner, dict) and inner:
            source, prefix = inner, f"{prefix}{name}."
            if name not in ("thinker_config", "language_model"):
                break
    if prefix and not any(name in source for name in ("model_type", "hidden_size", "vocab_size", "num_hidden_layers")):
        source, prefix = data, ""
    if prefix:
        _refuse_others({**source, "architectures": source.get("architectures")}, label)
    around = [one for one in (data, data.get("thinker_config")) if isinstance(one, dict)]
    towers = {name: one[name] for one in around for name in TOWERS if isinstance(one.get(name), dict)}
    family = str(source.get("model_type") or outer)
    return Sections(data, source, prefix, family, outer, towers)
