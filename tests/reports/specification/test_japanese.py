"""Japanese documents are Japanese: every sentence of the library has its wording."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from optimizer.documents.document import Document, Verbatim, blocks_of, lines_of, worded
from optimizer.messages import Message, voice_of
from optimizer.reports.specification.compose import compose, voice_for
from optimizer.reports.specification.findings import Findings, findings_of_plan
from optimizer.reports.specification.pictures import draw_frontier
from tests.problems.conftest import solve_shipped
from tests.reports.specification.documents import COMMAND, EVERY, SETTINGS, composed, found, pictures, words_of

ENGLISH = re.compile(r"[a-z]{2,}(?: [a-z]{2,}){2,}")
"""Three words in a row; names of models, GPUs and engines have fewer."""

OTHERWISE = (
    ("budget-too-small", ()),
    ("helpdesk-llama3-8b", ("limits.evidence=interpolated", "limits.kinds=[owned]")),
    ("helpdesk-llama3-8b", ("limits.survive.region=true", "limits.nodes.max=1")),
    ("helpdesk-llama3-8b", ("services.0.slo.ttft_ms=20",)),
    ("helpdesk-llama3-8b", ("limits.gpus.allow=[t4-16gb,v100-sxm-16gb]",)),
    ("helpdesk-llama3-8b", ("limits.power_kw=0.2", "limits.kinds=[owned]")),
    ("helpdesk-llama3-8b", ("services.0.slo.tokens_per_s_per_user=500",)),
    ("helpdesk-llama3-8b", ("limits.speed_confidence=0.95", "limits.budget.amount=300")),
    ("helpdesk-llama3-8b", ("limits.at_least={aws-g5.xlarge-us-east-1-on-demand: 1}", "limits.nodes.min=3")),
    ("helpdesk-llama3-8b", ("limits.survive.provider=true", "limits.survive.region=true", "limits.survive.nodes=1")),
    ("invoice-extraction", ("services.0.slo.e2e_ms=900",)),
    ("campus-daily-users", ("limits.budget.amount=10",)),
    ("overnight-summaries", ("limits.budget.amount=10",)),
    ("tokyo-cloud-or-own", ("limits.budget.amount=1000",)),
    ("tokyo-cloud-or-own", ("currency=EUR", "limits.budget.amount=1000000")),
    ("own-model", ("limits.providers.allow=[sakura,gmo]",)),
    ("assistant-llama-70b", ("services.0.precisions=[int4]", "limits.regions.forbid=[on-prem-jp,on-prem-us]")),
)
"""Questions whose answers say what those of the shipped problems do not."""


def english_in(document: Document, own: str) -> list[str]:
    """List the English sentences of a document; those of the problem itself and the titles of sources are no fault."""
    texts = [
        "".join(span.text for span in line).replace(own, "")
        for section in document.sections if section.ident != "sources"
        for block in blocks_of(section) if not isinstance(block, Verbatim) for line in lines_of(block)
    ]
    return [text for text in texts if ENGLISH.search(text)]


def held(one: Findings, document: Document) -> None:
    """Hold that nothing was left in English."""
    assert english_in(document, one.loaded.problem.description) == []


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name == "helpdesk-llama3-8b" else pytest.mark.slow) for name in EVERY
])
def test_every_shipped_problem_is_written_in_japanese(name: str) -> None:
    document, _ = composed(name, "ja")
    drawn = pictures(name, "ja")
    assert bool(drawn.figures) == (found(name).frontier is not None)
    held(found(name), document)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "overrides"), OTHERWISE, ids=lambda value: " ".join(value) or "as it is"
                         if isinstance(value, tuple) else value)
def test_other_questions_are_answered_in_japanese(name: str, overrides: tuple[str, ...]) -> None:
    one = found(name, *overrides)
    for shown in (one, replace(one, explanation=None, frontier=None)):
        for only_summary in (False, True):
            document, voice = compose(shown, "ja", COMMAND, only_summary=only_summary)
            held(one, worded(document, voice))
    draw_frontier(one, SETTINGS, voice)


def test_names_pass_through_and_messages_are_worded() -> None:
    voice = voice_for(found("helpdesk-llama3-8b"), "ja")
    assert voice.say("rtx-5090-32gb") == "rtx-5090-32gb"
    needs = Message("engine.needs-capability", engine="vLLM", least=8.0, gpu="t4-16gb", found="7.5")
    assert voice.say(needs) == "vLLMはCompute Capability 8以上を要するが、t4-16gbは7.5である"
    assert voice.say(Message("verdict.alone", usd=463.7, times=1.05)) == \
        "単独では月額73,487円（463.70米ドル）、採用構成の1.05倍"


@pytest.mark.parametrize(("usd", "said"), [
    (10.0, "約1,500円"), (440.0, "約6.6万円"), (1000.0, "約15万円"), (123456.0, "約1,852万円"),
])
def test_yen_are_told_as_one_says_them(usd: float, said: str) -> None:
    assert voice_of("ja", "JPY", 150.0, printed=True).about(usd) == said


def test_money_is_written_in_the_readers_currency_first() -> None:
    yen, euro = voice_of("ja", "JPY", 150.0, printed=True), voice_of("en", "EUR", 0.8)
    assert (yen.money(2.0), euro.money(2.0)) == ("300円（2.00米ドル）", "EUR 1.60 ($2.00)")
    assert (yen.signed(-2.0), yen.signed(0.0), euro.change(2.0)) == ("-300円（-2.00米ドル）", "±0", "+EUR 1.60")
    assert (yen.signed(2.0), euro.signed(-2.0), voice_of("en").signed(-2.0)) == (
        "+300円（+2.00米ドル）", "-EUR 1.60 (-$2.00)", "-$2.00")


def test_a_requirement_says_whose_it_is() -> None:
    one, two = (voice_of("ja", services=ids) for ids in (("chat",), ("chat", "code")))
    key = "services.1.headroom_fraction"
    assert (one.requirement("services.0.headroom_fraction"), two.requirement(key)) == ("余裕率", "codeの余裕率")
    assert two.requirement("services.1.unknown") == "services.1.unknown"


def test_the_first_page_names_commitments_and_spot_nodes() -> None:
    case = solve_shipped("office-day-profile")
    document, _ = compose(findings_of_plan(case.loaded, case.catalog, case.plan), "ja", COMMAND, only_summary=True)
    text = "\n".join(words_of(document))
    assert "gcp-a2-highgpu-2g-asia-northeast1-reserved-36mは36か月の期間契約であり" in text
    assert "gcp-a2-highgpu-1g-asia-northeast1-spotはスポットであり" in text


def test_several_offers_are_parted_in_japanese() -> None:
    offers = ("owned-a.on-prem-jp", "owned-b.on-prem-jp")
    said = voice_of("ja").say(Message("warning.assumed", offers=offers))
    assert said == "仮定価格のノード：owned-a.on-prem-jp、owned-b.on-prem-jp。発注前に見積の取得を要する。"
