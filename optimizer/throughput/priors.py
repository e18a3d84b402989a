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
        "sequence_ms": (0.03, 2.0), "prefill_share": (1.3, 0.7), "allreduce_ms": (0.01, 2.0),
    },
    deviations={
        "weight_read by memory": 0.1,
        "weight_read by mixture": 0.11,
        "layer_ms by mixture": 0.75,
        "prefill_share by mixture": 0.9,
        "prefill_share by precision|architecture": 0.3,
        "sequence_ms by engine": 1.5,
        "allreduce_ms by engine": 0.85,
    },
    effects={"engine": 1.5, "family": 0.165, "architecture|engine": 0.06, "gpu|engine": 0.01, "memory|engine": 0.2},
    kinship=Kinship(
        alike={"model": 0.04, "engine": 0.053, "architecture|engine": 0.108, "gpu": 0.097, "gpu|engine": 0.052,
               "precision|engine": 0.314, "configuration": 0.152},
        smooth={"model": 0.135, "engine": 0.222, "configuration": 0.218},
        smooth_length=1.5,
        rough={"configuration": 0.2, "engine": 0.05},
        rough_length=2.0,
        run=0.057,
        noise=0.004,
    ),
)

TTFT_PRIOR = Prior(
    coefficients={"base_ms": (30.0, 1.0), "prefill": (2.0, 0.7), "queue": (0.4, 1.0), "step": (4.0, 1.0)},
    deviations={
        "base_ms by engine": 0.5,
        "prefill by engine": 0.143,
        "prefill by mixture": 0.926,
        "prefill by precision|architecture": 0.286,
        "queue by engine": 1.5,
        "queue by mixture": 1.5,
        "step by engine": 0.158,
    },
    effects={"engine": 0.8, "family": 0.132, "architecture|engine": 0.049, "gpu|engine": 0.074},
    kinship=Kinship(
        alike={"model": 0.11, "engine": 0.357, "architecture|engine": 0.162, "gpu": 0.182, "gpu|engine": 0.127,
               "precision|engine": 0.139, "configuration": 0.1},
        smooth={"model": 0.496, "engine": 0.494, "configuration": 0.052},
        smooth_length=1.5,
        rough={"configuration": 0.361, "engine": 0.114},
        rough_length=2.0,
        run=0.365,
        noise=0.027,
    ),
)
