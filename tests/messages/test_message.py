"""A message is English text that any language can word again; nothing of it is lost on the way."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from pydantic import BaseModel

from optimizer.messages import Message, message_of, voice_of

SLOW = Message("speed.too-slow", speed=12.25, evidence="estimated", asked=25.0)
NESTED = Message("verdict.at-step", step="speed", reason=SLOW)


class Told(BaseModel):
    said: tuple[Message, ...]


def test_it_is_the_english_sentence() -> None:
    assert SLOW == "12.2 tok/s for a single request (estimated), 25 asked"
    assert f"{NESTED}".startswith("speed: 12.2 tok/s")


def test_another_language_words_it_and_what_it_holds() -> None:
    assert voice_of("ja").say(NESTED) == "推論速度：1件のみでも12.2トークン/秒（推定値）であり、要求の25に満たない"
    assert voice_of("ja").say("rtx-5090-32gb") == "rtx-5090-32gb"


def test_one_and_many() -> None:
    assert [str(Message("capacity.nodes", n=n)) for n in (1, 2)] == ["1 node", "2 nodes"]
    assert voice_of("ja").say(Message("capacity.nodes", n=1)) == "1台"


def test_a_list_is_joined_as_the_language_joins() -> None:
    held = Message("doctor.conflict", requirements=("a", "b"))
    assert (str(held), voice_of("ja").say(held)) == (
        "a and b cannot hold together", "aおよびbは同時に満たすことができない")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_is_still_a_message(copied: object) -> None:
    again = copied(NESTED)  # type: ignore[operator]
    assert (again, again.id, again.parameters["reason"].parameters["asked"]) == (NESTED, "verdict.at-step", 25.0)


def test_json_carries_id_parameters_and_text_and_is_read_back() -> None:
    data = json.loads(Told(said=(NESTED,)).model_dump_json())["said"][0]
    assert (data["id"], data["text"], data["parameters"]["reason"]["id"]) == (
        "verdict.at-step", str(NESTED), "speed.too-slow")
    assert voice_of("ja").say(Told(said=(data,)).said[0]) == voice_of("ja").say(NESTED)  # type: ignore[arg-type]
    assert Told(said=("as version 1 wrote it",)).said[0].id == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [
    {"id": "no.such-id"}, {"parameters": {}}, {"parameters": {"step": 1, "reason": [[]]}},
])
def test_what_this_version_cannot_word_keeps_its_text(change: dict[str, object]) -> None:
    assert message_of({**SLOW.as_json(), **change}) == str(SLOW)


@pytest.mark.parametrize("data", [7, {"id": "a"}, {"id": 1, "parameters": {}, "text": ""}])
def test_anything_else_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="allowed: a text, or an object of id"):
        message_of(data)


def test_money_dates_and_signs_follow_the_language() -> None:
    yen = voice_of("ja", "JPY", 150.0)
    assert (yen.money(2.0), voice_of("en").money(2.0)) == ("300円（2.00米ドル）", "$2.00")
    assert (yen.date("2026-12-01"), voice_of("en").date("2026-12-01")) == ("2026年12月1日", "2026-12-01")
    assert (voice_of("en").for_print().words("asks.kw", value=2.0), voice_of("en").for_print().say("a x b")) == (
        "2 kW", "a x b")
