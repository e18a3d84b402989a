"""The phases of a level, counted without a server; and what the lines of a stream say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizer.loadtest.answers import Answer, body_of, forms_of, said_of_status
from optimizer.loadtest.control import Control, Limits, limits_of
from optimizer.loadtest.prompts import WORDS, new_salt, prompt_of, shared_prompt_of
from optimizer.loadtest.wire import StreamError

SMALL = Limits(warm_up=3, least=4, most=6, until=0.05)


def served(control: Control, count: int, tpot_ms: float | None = 10.0) -> list[str]:
    """Serve requests one after another and return the parts they belonged to."""
    parts = []
    for _ in range(count):
        parts.append(control.phase)
        control.start(parts[-1])
        control.finish(parts[-1], tpot_ms)
    return parts


def test_limits_are_those_of_the_rule() -> None:
    assert limits_of(1, 0.1) == Limits(10, 64, 128, 0.1)
    assert limits_of(64, 0.1) == Limits(128, 640, 1280, 0.1)


def test_a_level_warms_up_is_measured_until_it_is_tight_and_ends() -> None:
    control = Control(SMALL)
    assert served(control, 7) == ["warm-up"] * 3 + ["measured"] * 4
    assert (control.phase, control.stopped_by) == ("over", "interval")


def test_what_never_becomes_tight_ends_at_the_most_requests() -> None:
    control = Control(SMALL)
    served(control, 3)
    for tpot in (1.0, 30.0, 1.0, 30.0, 1.0, 30.0):
        served(control, 1, tpot)
    assert (control.phase, control.stopped_by, control.measured) == ("over", "requests", 6)


def test_users_go_on_while_the_last_measured_requests_are_answered() -> None:
    control = Control(Limits(warm_up=0, least=1, most=2, until=0.0), phase="measured")
    control.start("measured")
    control.start("measured")
    assert control.phase == "drain"
    control.finish("measured", 10.0)
    control.start("drain")
    control.finish("drain", 99.0)
    assert control.phase == "drain"
    control.finish("measured", 10.0)
    assert (control.phase, control.tpots_ms) == ("over", [10.0, 10.0])


def test_failures_end_a_level_but_a_few_do_not() -> None:
    control = Control(limits_of(1, 0.05))
    served(control, 3, None)
    assert control.phase == "warm-up"
    served(control, 1, None)
    assert (control.phase, control.stopped_by) == ("over", "failures")
    healthy = Control(limits_of(4, 1e-9))
    served(healthy, 60)
    served(healthy, 3, None)
    assert healthy.phase == "measured"


def test_a_time_limit_ends_a_level() -> None:
    control = Control(SMALL)
    control.time_is_up()
    assert (control.phase, control.stopped_by) == ("over", "time")


def event(**data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode()


def text(content: str, **more: Any) -> bytes:
    return event(choices=[{"text": content, **more}])


def test_first_and_last_tokens_make_the_latencies() -> None:
    answer = Answer()
    for number, line in enumerate((text("a"), text("b"), text("c"), text("", finish_reason="length"))):
        answer.take(line, 10.0 + number)
    answer.take(event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3}), 20.0)
    record = answer.record(9.5)
    # first token at 10, last at 12 of three: 2 s / 2; the line of the usage at 20 is no token
    assert (record["ttft_ms"], record["tpot_ms"], record["e2e_ms"], record["n_in"]) == (500.0, 1000.0, 2500.0, 7)


def test_tokens_are_counted_by_the_server_not_by_chunks() -> None:
    answer = Answer()
    answer.take(text("several words at once"), 1.0)
    answer.take(text("and more", finish_reason="stop"), 2.0)
    answer.take(event(choices=[], usage={"completion_tokens": 11}), 2.0)
    assert answer.record(0.0)["tpot_ms"] == 100.0  # 1 s over 10 tokens, not over 1 chunk


def test_reasoning_is_seen_by_the_user_and_empty_chunks_are_not() -> None:
    answer = Answer()
    answer.take(event(choices=[{"delta": {"role": "assistant", "content": ""}}]), 1.0)
    answer.take(event(choices=[{"delta": {"reasoning_content": "hm"}}]), 2.0)
    answer.take(event(choices=[{"delta": {"content": "yes"}, "finish_reason": "stop"}]), 3.0)
    assert answer.record(0.0)["ttft_ms"] == 2000.0


@pytest.mark.parametrize(("lines", "said"), [
    ([b"data: {not json"], "no JSON"), ([b"data: [1]"], "no mapping"),
    ([event(error={"message": "out of memory"})], "an error in the stream: {'message': 'out of memory'}"),
    ([text("a"), text("b")], "cut before its end"), ([text("a"), b"data: [DONE]"], "fewer than two tokens"),
    ([b"data: [DONE]"], "fewer than two tokens"),
])
def test_what_is_no_whole_answer_is_an_error(lines: list[bytes], said: str) -> None:
    def read() -> None:
        answer = Answer()
        for line in lines:
            answer.take(line, 1.0)
        answer.record(0.0)

    with pytest.raises(StreamError, match=said):
        read()


def test_comments_and_blank_lines_of_a_stream_are_passed_over() -> None:
    answer = Answer()
    for line in (b"", b": ping", b"event: message"):
        answer.take(line, 1.0)
    assert answer.first_s is None


@pytest.mark.parametrize(("status", "said"), [
    (403, "wants a key"), (404, "--served-model"), (429, "limiter"), (307, "no request follows"), (503, "HTTP 503")])
def test_each_status_says_what_to_do(status: int, said: str) -> None:
    assert said in said_of_status(status, has_key=False)


def test_tokens_that_come_at_once_have_no_latencies_but_a_whole_time() -> None:
    answer = Answer()
    answer.take_pieces([(2.0, text("everything", finish_reason="stop") + b"\n\n"),
                        (2.0, event(choices=[], usage={"completion_tokens": 9}))])
    record = answer.record(0.5)
    assert (record["ttft_ms"], record["tpot_ms"], record["e2e_ms"], record["n_out"]) == (None, None, 1500.0, 9)


def test_a_line_belongs_to_the_piece_that_ends_it() -> None:
    answer = Answer()
    first, second = text("a") + b"\n\n", text("b", finish_reason="stop") + b"\n\n"
    answer.take_pieces([(1.0, first[:20]), (2.0, first[20:] + second[:10]), (3.0, second[10:])])
    assert (answer.first_s, answer.last_s, answer.first_chunks, answer.finished) == (2.0, 3.0, 1, True)


@pytest.mark.parametrize(("usage", "timings", "cached"), [
    ({"prompt_tokens_details": {"cached_tokens": 48}}, None, 48), ({}, {"cache_n": 7}, 7), ({}, None, None),
    ({"prompt_tokens_details": None}, {"prompt_n": 7}, None),
])
def test_cached_tokens_are_those_of_the_usage_or_of_llama_cpp(
    usage: dict[str, Any], timings: dict[str, Any] | None, cached: int | None,
) -> None:
    assert Answer(usage=usage, timings=timings).cached_tokens == cached


def test_no_prompt_is_a_prefix_of_another_and_none_repeats_in_another_invocation() -> None:
    assert new_salt() != new_salt()
    prompts = [prompt_of(words, f"{salt}-{words}-{number}").split()
               for salt in ("a", "b") for words in (20, 40) for number in range(50)]
    starts = {tuple(prompt[:16]) for prompt in prompts}
    assert len(starts) == len(prompts)  # a block of a prefix cache is 16 tokens
    assert set(prompts[0]) <= set(WORDS)


def test_a_shared_prompt_shares_what_was_asked_and_keeps_its_length() -> None:
    one, other = (shared_prompt_of(100, 0.75, "salt", seed).split() for seed in ("a", "b"))
    assert len(one) == len(other) == 100
    assert one[:75] == other[:75]
    assert one[75:] != other[75:]
    assert shared_prompt_of(100, 0.75, "other", "a").split()[:75] != one[:75]


def test_bodies_ask_in_the_words_of_their_form() -> None:
    exact, *_, plainest = forms_of("chat")
    body = body_of("chat", "m", "hello", 5, exact)
    assert (body["messages"][0]["content"], body["max_tokens"], body["ignore_eos"]) == ("hello", 5, True)
    assert body["temperature"] == 0
    assert body_of("chat", "m", "hello", 5, plainest).keys() == {"model", "max_completion_tokens", "stream", "messages"}
