"""docs/: generated pages are those of the sources, links lead somewhere, sentences are short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.gallery import PAGE, gallery_page, section
from tests.docs.pages import DOCS, PAGES, ROOT

BESIDE = ("README.md", "README.ja.md", "CONTRIBUTING.md", "SECURITY.md")
READ = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in BESIDE)]
WRITTEN_ELSEWHERE = {"accuracy.md", "problems.md", "model-families.md", *(Path(name).name for name in PAGES)}
"""Pages of tables that a program writes."""

LONGEST_SENTENCE = 25
"""Words, after STYLE: one idea a sentence."""


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_those_of_the_sources(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `python -m tests.docs`"


@pytest.mark.parametrize("name", ["office-a5000-workstations", "tokyo-cloud-only", "stock-too-short"])
def test_the_gallery_shows_what_is_answered(name: str) -> None:
    assert section(name) in (DOCS / PAGE).read_text(encoding="utf-8"), "run `python -m tests.docs`"


@pytest.mark.slow
def test_the_whole_gallery_shows_what_is_answered() -> None:
    assert (DOCS / PAGE).read_text(encoding="utf-8") == gallery_page(), "run `python -m tests.docs`"


def anchor(heading: str) -> str:
    """Return the address of a heading, as Markdown's table of contents makes it."""
    plain = re.sub(r"[`*\[\]]|\(.*?\)", "", heading).strip().lower()
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-")


def prose(text: str) -> str:
    """Return a page without its code, tables, comments and the addresses of its links."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "    ", "#", "!["))]
    return re.sub(r"\]\([^)]*\)", "]", "\n".join(lines))


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a page; an item of a list is one of its own."""
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", prose(text)):
        yield from re.split(r"(?<=[.!?:])[)\"*]*\s+(?=[A-Z`*\[(0-9\"]|gpumix)", " ".join(block.split()))


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, part = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if part:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert part in map(anchor, headings), target


@pytest.mark.parametrize(
    "page", [page for page in READ if page.name not in WRITTEN_ELSEWHERE and ".ja." not in page.name],
    ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    long = [one for one in sentences(page.read_text(encoding="utf-8")) if len(one.split()) > LONGEST_SENTENCE]
    assert not long
