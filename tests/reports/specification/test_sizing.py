"""The memory chapter: which request fills a cache, and what may be called measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.reports.specification.compose import compose
from optimizer.reports.specification.findings import Findings, findings_of_plan, memory_lines, request_of
from optimizer.schema.base import Evidence
from tests.problems.conftest import Solved, solve_shipped
from tests.reports.specification.documents import COMMAND, words_of


def sized(case: Solved) -> Findings:
    """Find the memory of a plan, and nothing else that takes long."""
    lines = tuple(memory_lines(case.loaded, case.catalog, case.plan))
    return replace(findings_of_plan(case.loaded, case.catalog, case.plan), memory=lines, whole=True)


def said(found: Findings, language: str) -> str:
    """Return the words of the memory chapter."""
    document, _ = compose(found, language, COMMAND)
    chapter = [section for section in document.sections if section.ident == "memory"]
    return "\n".join(words_of(replace(document, sections=tuple(chapter))))


def test_classes_routed_apart_fill_the_cache_with_what_comes() -> None:
    """A node that serves the short class alone (512 + 256) is not sized by the documents of 24,512 tokens."""
    case = solve_shipped("documents-by-length")
    found = sized(case)
    short = next(line for line in found.memory if line.gpu_id == "rtx-a5000-24gb")
    both = next(line for line in found.memory if line.gpu_id != short.gpu_id)
    assert (short.request_tokens, short.routed_mean) == (768, False)
    assert (768 < both.request_tokens < 24512, both.routed_mean) == (True, True)
    parts = both.deployment.classes or ()
    assert (both.request_tokens - 1) * sum(one.concurrency for one in parts) < sum(
        one.concurrency * (one.isl_tokens + one.osl_tokens) for one in parts)
    assert all(line.fitting >= line.deployment.concurrency_per_replica for line in found.memory)
    assert "a measured run proves" not in said(found, "en")
    assert "1リクエスト（振り分けられる種別の平均）" in said(found, "ja")


def test_a_node_that_stands_in_is_sized_by_the_longest_request() -> None:
    case = solve_shipped("documents-by-length")
    (service,) = case.loaded.problem.services
    standing = case.plan.deployments[0].model_copy(update={"classes": ()})
    assert request_of(service, standing) == 24512


@pytest.mark.parametrize(("evidence", "english", "japanese"), [
    ("measured", "a measured run proves that they fit", "実測により収まることが確認されている"),
    ("interpolated", "a measured run proves that they fit", "実測により収まることが確認されている"),
    ("estimated", "no run has shown that they fit", "実測で確認されていない"),
])
def test_only_what_was_measured_is_called_so(evidence: Evidence, english: str, japanese: str) -> None:
    found = sized(solve_shipped("documents-by-length"))
    first = found.memory[0]
    one = replace(first, fitting=1, deployment=first.deployment.model_copy(update={"evidence": evidence}))
    found = replace(found, memory=(one,))
    assert english in said(found, "en")
    assert japanese in said(found, "ja")


def test_offers_that_run_the_same_are_sized_once() -> None:
    """Three offers of the A100 with two settings and one of the L4: three tables."""
    case = solve_shipped("office-day-profile")
    assert len(case.plan.deployments) == 4
    assert sorted(line.gpu_id for line in sized(case).memory) == ["a100-sxm-40gb", "a100-sxm-40gb", "l4-24gb"]
