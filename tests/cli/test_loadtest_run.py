"""`gpumix loadtest run` against a server of exact speed: what stands, and what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from optimizer.loadtest.document import document_of
from optimizer.loadtest.formats import read_levels
from tests.cli.conftest import Result, Run, finished, process
from tests.loadtest.conftest import Start, known_server, needs_client

__all__ = ["known_server"]

SHORT = ("--isl", "32", "--osl", "8", "--runs", "1", "--until", "0.2", "--workers", "1", "--format", "json")
"""A request of 10 + 7 x 2 = 24 ms alone, 10 + 7 x 3 = 31 ms with three others, unless a test says otherwise."""


def is_clean(result: Result) -> bool:
    """Say whether nothing went wrong, but perhaps that a busy machine delayed requests as short as these."""
    told = [line for line in result.err.splitlines() if line.startswith("gpumix: ")]
    return result.code in (0, 6) and all("this client moves what it measures" in line for line in told)


def asked(run: Run, url: str, records: Path, *more: str) -> Result:
    return run("loadtest", "run", "--url", url, "--records", records, *SHORT, *more)


@needs_client
def test_records_are_kept_and_import_to_what_was_printed(run: Run, known_server: Start, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    url = known_server(knots=[[1, 5], [4, 8]])
    result = asked(run, url, records, "--users", "4", "--gpu", "big-80gb")
    assert is_clean(result), result.err
    (told,) = json.loads(result.out)["levels"]
    assert (told["users"], told["failed"], told["osl_tokens"]) == (4, 0, 8)
    assert told["tpot_ms"] == pytest.approx(8.0, rel=0.15)  # the machine may be busy; tests of accuracy are slow ones
    assert abs(told["isl_tokens"] - 32) <= 2  # the words were counted out with the endpoint's own usage
    text = records.read_text(encoding="utf-8")
    (level,) = read_levels(document_of(text, "records"))[1]
    assert (level.tpot.mean, level.ttft.mean) == (told["tpot_ms"], told["ttft_ms"])
    assert (level.stated.gpu, level.stated.model, level.completed) == ("big-80gb", "tiny", told["requests"])
    parts = [json.loads(line).get("part") for line in text.splitlines()]
    assert parts.count("warm-up") >= 10
    assert parts.count("measured") == told["requests"] >= 64


@needs_client
def test_the_chat_path_and_the_key_of_the_environment(
    run: Run, known_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = known_server(key="secret-7")
    monkeypatch.delenv("GPUMIX_API_KEY", raising=False)
    without = asked(run, url, tmp_path / "a.jsonl", "--users", "1")
    assert (without.code, without.out) == (2, "")
    assert "HTTP 401: the endpoint wants a key: set GPUMIX_API_KEY" in without.err
    monkeypatch.setenv("GPUMIX_API_KEY", "secret-7")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):  # traffic goes to the endpoint and nowhere else
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    good = asked(run, url, tmp_path / "b.jsonl", "--users", "2", "--endpoint", "chat")
    assert is_clean(good), good.err
    assert "secret-7" not in (tmp_path / "b.jsonl").read_text(encoding="utf-8")


@needs_client
def test_an_endpoint_that_is_down_is_one_line(run: Run, tmp_path: Path) -> None:
    result = asked(run, "http://127.0.0.1:9", tmp_path / "a.jsonl")
    assert result.code == 2
    assert result.err == ("gpumix: http://127.0.0.1:9: found the endpoint is down: no connection; allowed: an endpoint"
                          " that streams an answer\n")
    assert not (tmp_path / "a.jsonl").exists()


@needs_client
def test_an_endpoint_that_points_elsewhere_is_not_followed(run: Run, known_server: Start, tmp_path: Path) -> None:
    result = asked(run, known_server(always="307"), tmp_path / "a.jsonl")
    assert (result.code, result.out) == (2, "")
    assert "HTTP 307: the endpoint points elsewhere; no request follows" in result.err


PROBES = 5
"""Requests before the first of a level."""


@needs_client
@pytest.mark.parametrize(("fault", "said"), [
    ("500", "HTTP 500 from the server"), ("cut", "the stream was cut before its end"),
    ("garbage", "garbage in the stream: a line that is no JSON"),
])
def test_one_bad_answer_in_the_middle_is_told_and_the_level_stands(
    run: Run, known_server: Start, tmp_path: Path, fault: str, said: str,
) -> None:
    url = known_server(faults={str(PROBES + 30): fault})
    result = asked(run, url, tmp_path / "a.jsonl", "--users", "4")
    assert result.code == 6
    assert f"gpumix: 4 users, run 1: 1 x {said}" in result.err
    (told,) = json.loads(result.out)["levels"]
    assert told["failed"] == 1


@needs_client
def test_a_limited_rate_ends_the_run_and_keeps_finished_levels(
    run: Run, known_server: Start, tmp_path: Path,
) -> None:
    faults = {str(number): "429" for number in range(120, 400)}
    result = asked(run, known_server(faults=faults), tmp_path / "a.jsonl", "--users", "1,4,8")
    assert result.code == 6
    assert "4 users, run 1: dropped: HTTP 429: the endpoint limits the rate" in result.err
    assert "8 users" not in result.err
    assert [level["users"] for level in json.loads(result.out)["levels"]] == [1]
    text = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert [level.users for level in read_levels(document_of(text, "records"))[1]] == [1]


@needs_client
def test_a_server_that_dies_ends_the_run(run: Run, known_server: Start, tmp_path: Path) -> None:
    result = asked(run, known_server(faults={"30": "die"}), tmp_path / "a.jsonl", "--users", "4")
    assert result.code == 6
    assert "dropped" in result.err
    assert json.loads(result.out)["levels"] == []


@needs_client
def test_answers_that_end_early_are_told_and_a_strict_endpoint_is_asked_less(
    run: Run, known_server: Start, tmp_path: Path,
) -> None:
    result = asked(run, known_server(always="short", refuses=["ignore_eos"]), tmp_path / "a.jsonl", "--users", "2")
    assert result.code == 6
    assert "this endpoint does not take ignore_eos" in result.err
    assert "answers ended early: 4.0 of 8 tokens on average" in result.err


JUMP = """\
import time
real, start = time.time, time.perf_counter()
time.time = lambda: real() + (3600 if time.perf_counter() - start > {after} else 0)
"""


@needs_client
def test_a_clock_that_jumps_drops_the_level(
    run: Run, known_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(JUMP.format(after=3.0), encoding="utf-8")
    inherited = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "site"), inherited)))
    result = asked(run, known_server(knots=[[1, 10]], prefill_ms=60), tmp_path / "a.jsonl", "--users", "2")
    assert result.code == 6
    assert "dropped: the clock of this machine jumped by +3600.0 s" in result.err


@needs_client
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_finished_levels(known_server: Start, tmp_path: Path) -> None:
    records = tmp_path / "a.jsonl"
    command = process("loadtest", "run", "--url", known_server(), "--records", records, *SHORT, "--users", "1,2,3,4",
                      output=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not records.exists() or "finished_level" not in records.read_text("utf-8")):
        time.sleep(0.05)
    time.sleep(0.3)
    command.send_signal(signal.SIGINT)
    result = finished(command)
    assert result.code == 130
    assert [level["users"] for level in json.loads(result.out)["levels"]][:1] == [1]
    assert read_levels(document_of(records.read_text(encoding="utf-8"), "records"))[1][0].users == 1


@pytest.mark.parametrize("wrong", [
    ("--url", "ftp://x"), ("--url", "http://me:pw@host"), ("--users", "0"), ("--users", "1,x"), ("--until", "2")])
def test_wrong_options_are_refused_before_anything_is_sent(run: Run, tmp_path: Path, wrong: tuple[str, str]) -> None:
    result = asked(run, "http://127.0.0.1:9", tmp_path / "a.jsonl", *wrong)
    assert (result.code, result.out) == (2, "")
    assert wrong[0] in result.err
    assert "pw" not in result.err


def test_lengths_come_from_options_or_a_problem(run: Run, desk: Path) -> None:
    none = run("loadtest", "run", "--url", "http://127.0.0.1:9")
    assert (none.code, "--isl, --osl" in none.err) == (2, True)
    other = run("loadtest", "run", "--url", "http://127.0.0.1:9", "--problem", desk, "--service", "nobody")
    assert (other.code, "--service: found 'nobody'; allowed: one of chat" in other.err) == (2, True)
    third = run("loadtest", "run", "--url", "http://127.0.0.1:9", "--problem", desk, "--request-class", "3")
    assert "--request-class: found 3; allowed: 1 to 1" in third.err


@needs_client
def test_records_are_never_written_over(run: Run, known_server: Start, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("mine", encoding="utf-8")
    result = asked(run, known_server(), tmp_path / "a.jsonl", "--users", "1")
    assert (result.code, (tmp_path / "a.jsonl").read_text(encoding="utf-8")) == (2, "mine")


@needs_client
@pytest.mark.parametrize("framing", ["close", "http10"])
def test_answers_that_end_with_their_connection_are_measured(
    run: Run, known_server: Start, tmp_path: Path, framing: str,
) -> None:
    result = asked(run, known_server(framing=framing), tmp_path / "a.jsonl", "--users", "2")
    assert is_clean(result), result.err
    (told,) = json.loads(result.out)["levels"]
    assert (told["failed"], told["osl_tokens"]) == (0, 8)
    assert told["tpot_ms"] == pytest.approx(2.33, rel=0.3)


@needs_client
def test_several_tokens_in_an_event_are_told_and_the_row_is_trusted_less(
    run: Run, known_server: Start, tmp_path: Path,
) -> None:
    result = asked(run, known_server(per_event=4), tmp_path / "a.jsonl", "--users", "1")
    assert result.code == 6
    assert "about 4.0 tokens come in one event: TTFT is that of the first event" in result.err
    (level,) = read_levels(document_of((tmp_path / "a.jsonl").read_text("utf-8"), "records"))[1]
    assert any("4.0 tokens come in one event" in doubt for doubt in level.doubts)


@needs_client
def test_all_tokens_at_once_leave_whole_responses_and_throughput(
    run: Run, known_server: Start, tmp_path: Path,
) -> None:
    result = asked(run, known_server(per_event=99), tmp_path / "a.jsonl", "--users", "1")
    assert result.code == 6
    assert "all tokens of an answer come in one event: TTFT and TPOT cannot be measured" in result.err
    (told,) = json.loads(result.out)["levels"]
    assert (told["tpot_ms"], told["ttft_ms"], told["failed"]) == (None, None, 0)
    assert told["e2e_ms"] == pytest.approx(24.0, rel=0.4)  # 10 + 7 x 2
    assert told["output_tokens_per_s"] == pytest.approx(8 / 0.024, rel=0.4)


@needs_client
def test_an_endpoint_of_reasoning_models_is_asked_in_its_own_words(
    run: Run, known_server: Start, tmp_path: Path,
) -> None:
    url = known_server(refuses=["max_tokens", "temperature", "ignore_eos"])
    result = asked(run, url, tmp_path / "a.jsonl", "--users", "1", "--endpoint", "chat")
    assert is_clean(result), result.err
    assert "this endpoint does not take ignore_eos" in result.err
    assert json.loads(result.out)["levels"][0]["osl_tokens"] == 8


@needs_client
@pytest.mark.parametrize("silent", [False, True])
def test_two_tests_in_a_row_find_nothing_in_the_prefix_cache(
    run: Run, known_server: Start, tmp_path: Path, silent: bool,
) -> None:
    url = known_server(remembers=True, silent=silent)  # a silent one shows its counters at /metrics only
    for number in "12":
        result = asked(run, url, tmp_path / f"{number}.jsonl", "--users", "2", "--isl", "64")
        assert is_clean(result), result.err
        ends = [json.loads(line) for line in (tmp_path / f"{number}.jsonl").read_text("utf-8").splitlines()]
        assert ends[-1]["cached_fraction"] == 0.0
    salts = [json.loads((tmp_path / f"{number}.jsonl").read_text("utf-8").splitlines()[0])["salt"] for number in "12"]
    assert salts[0] != salts[1]


@needs_client
def test_a_cache_is_measured_on_purpose_only(run: Run, known_server: Start, tmp_path: Path) -> None:
    url = known_server(remembers=True)
    result = asked(run, url, tmp_path / "a.jsonl", "--users", "2", "--isl", "128", "--prefix-cached", "0.5")
    assert is_clean(result), result.err
    (level,) = read_levels(document_of((tmp_path / "a.jsonl").read_text("utf-8"), "records"))[1]
    assert level.prefix_cached_fraction == 0.5
    assert level.cached_fraction == pytest.approx(0.42, abs=0.1)  # whole blocks of 16 words only


@needs_client
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl on the search path, for a certificate")
def test_an_authority_of_ones_own_is_named_or_the_fault_is(
    run: Run, known_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=gpumix-node", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    url = known_server(tls=[str(certificate), str(key)])
    refused = asked(run, url, tmp_path / "a.jsonl", "--users", "1")
    assert (refused.code, refused.out) == (2, "")
    assert "the endpoint's certificate is not trusted (self-signed certificate): name its authority with --cacert" in (
        refused.err)
    named = asked(run, url, tmp_path / "b.jsonl", "--users", "1", "--cacert", str(certificate))
    assert is_clean(named), named.err
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(certificate))
        assert is_clean(asked(run, url, tmp_path / f"{variable}.jsonl", "--users", "1"))
        monkeypatch.delenv(variable)
    plain = asked(run, url.replace("https", "http"), tmp_path / "c.jsonl", "--timeout", "1")
    assert (plain.code, plain.out) == (2, "")
    no_tls = asked(run, known_server().replace("http", "https"), tmp_path / "d.jsonl", "--timeout", "1")
    assert "TLS failed" in no_tls.err
    none = asked(run, url, tmp_path / "e.jsonl", "--cacert", str(tmp_path / "none.pem"))
    assert (none.code, "--cacert" in none.err) == (2, True)
