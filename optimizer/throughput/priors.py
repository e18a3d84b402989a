"""What the fit believes before it sees a row.

First guesses are physical (utilisation of bandwidth 0.77, of arithmetic 0.6); the spreads are those with which rows
left out - a level, curve, configuration, combination, GPU, model, engine at a time - were predicted best by the others.
"""

from __future__ import annotations

from optimizer.schema.calibration import Kinship
from optimizer.throughput.posterior import Prior

TPOT_PRIOR = Prior(
    coefficients={
        "step_ms": (1.0, 2.0), "layer_ms": (0.02, 2.0), "weight_read": (1.3, 0.7), "kv_read": (1.3, 0.7),
        "sequence_ms": (0.03, 2.0), "batch_compute": (1.3, 0.7), "prefill_share": (1.3, 0.7),
        "allreduce_ms": (0.01, 2.0), "link_traffic": (1.5, 0.7),
    },
    deviations={
        "weight_read by mixture": 0.87, "layer_ms by mixture": 0.75, "prefill_share by mixture": 0.9,
        "prefill_share by precision|architecture": 0.355, "sequence_ms by engine": 11.643,
        "allreduce_ms by engine": 3.292, "kv_read by attention": 0.4, "allreduce_ms by link": 2.56,
        "link_traffic by link": 2.922, "batch_compute by mixture": 0.2,
        "batch_compute by precision|architecture": 2.097, "sequence_ms by mixture": 0.352,
        "kv_read by engine": 0.124, "layer_ms by attention": 2.097, "step_ms by engine": 0.125,
        "link_traffic by engine": 0.466,
    },
    effects={
        "engine": 0.938, "family": 0.087, "architecture|engine": 0.11, "laboratory": 0.27,
        "precision|architecture": 0.205, "attention": 0.393,
    },
    drift=0.06,
    kinship=Kinship(
        alike={"gpu|engine": 0.068, "precision|engine": 0.196, "configuration": 0.031,
               "precision|architecture": 0.024},
        smooth={"engine": 0.222, "configuration": 0.062, "gpu": 0.128, "precision|engine": 0.141},
        smooth_length=2.4,
        rough={"configuration": 0.135},
        rough_length=1.35,
        years=1.35,
        run=0.071,
        noise=0.026,
    ),
)

TTFT_PRIOR = Prior(
    coefficients={"base_ms": (30.0, 1.0), "prefill": (2.0, 0.7), "queue": (0.4, 1.0), "step": (4.0, 1.0),
                  "link_traffic": (1.5, 0.7)},
    deviations={
        "base_ms by engine": 0.5,
        "prefill by engine": 0.143,
        "prefill by mixture": 0.926,
        "prefill by precision|architecture": 0.286,
        "queue by engine": 1.5,
        "queue by mixture": 1.5,
        "step by engine": 0.158,
    },
    effects={"engine": 0.8, "family": 0.132, "architecture|engine": 0.1, "gpu|engine": 0.074, "laboratory": 0.3},
    drift=0.15,
    kinship=Kinship(
        alike={"model": 0.11, "engine": 0.357, "architecture|engine": 0.162, "gpu": 0.182, "gpu|engine": 0.127,
               "precision|engine": 0.139, "configuration": 0.1},
        smooth={"model": 0.496, "engine": 0.494, "configuration": 0.052},
        smooth_length=1.5,
        rough={"configuration": 0.361, "engine": 0.114},
        rough_length=2.0,
        years=0.7,
        run=0.365,
        noise=0.027,
    ),
)
