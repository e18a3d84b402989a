"""Questions asked together are answered as if they were asked alone, to the last bit; stored weights are up to date."""

from __future__ import annotations

import random

from optimizer.load import Catalog, load_catalog
from optimizer.throughput import Question, prepare_curves, speed_curve
from optimizer.throughput.kin import kin_in, points_by_model

COUNTS = (1, 5, 16, 100, 700)


def questions(catalog: Catalog, model_id: str) -> list[Question]:
    """List questions about one model on many replicas, for three kinds of requests."""
    model = catalog.models[model_id]
    precision = catalog.precisions[model.native_precision]
    return [
        Question(model, model.native_precision, precision, gpu, engine_id, engine, tp, tp, isl, osl)
        for gpu in catalog.gpus.values()
        for engine_id, engine in catalog.engines.items()
        for tp in (1, 2)
        for isl, osl in ((512, 256), (4000, 100), (90, 1500))
    ]


def answers(catalog: Catalog, asked: list[Question]) -> list[list[float]]:
    found = []
    for question in asked:
        curve = speed_curve(catalog, question)
        assert curve is not None
        found.append([value for c in COUNTS for value in (curve.tpot_ms(c), curve.ttft_ms(c))])
    return found


def test_alone_and_together_are_the_same_to_the_last_bit() -> None:
    for model_id in ("llama-3-8b-instruct", "gpt-oss-120b"):
        together, alone = load_catalog(), load_catalog()
        everything = questions(together, model_id)
        prepare_curves(together, everything)
        few = random.Random(3).sample(range(len(everything)), 60)
        single = questions(alone, model_id)
        assert answers(together, [everything[i] for i in few]) == answers(alone, [single[i] for i in few])


def test_no_model_has_its_rows_weighed_anew() -> None:
    """Every model with measured rows finds its weights in kin_weights.csv: rows, formula and facts are those of it."""
    catalog = load_catalog()
    assert catalog.calibration is not None
    for group in points_by_model(catalog):
        kin = kin_in(catalog, catalog.calibration, group)
        for quantity, one in (("tpot", kin.tpot), ("ttft", kin.ttft)):
            if one is not None:
                stored = catalog.kin_weights[group, quantity]
                assert stored.rows_sha256 == one.relatives.digest(one.deviations_of_rows), (group, quantity)
                assert [float(weight) for weight in stored.weights.split()] == one.weights.tolist()


def test_weights_of_other_rows_are_solved_anew() -> None:
    catalog = load_catalog(references={"llama-3-8b-instruct"})
    assert catalog.calibration is not None
    group = catalog.models["llama-3-8b-instruct"].runs_like
    fresh = load_catalog(references={"llama-3-8b-instruct"})
    key = (group, "tpot")
    stale = fresh.kin_weights[key].model_copy(update={"rows_sha256": "0" * 64, "weights": "0.0"})
    fresh.kin_weights[key] = stale
    one, other = (kin_in(c, c.calibration, group).tpot for c in (catalog, fresh) if c.calibration is not None)
    assert one is not None
    assert other is not None
    assert abs(one.weights - other.weights).max() < 1e-6 * abs(one.weights).max()
