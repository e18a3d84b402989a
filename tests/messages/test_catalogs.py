"""Every sentence has its wording in every language, every wording is used, and no language needs code of its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import gpumix_referee
import optimizer
from optimizer.messages.catalog import FILE, LOCALE, catalog_of, languages

PACKAGE, REFEREE = Path(optimizer.__file__).parent, Path(gpumix_referee.__file__).parent
ENGLISH = catalog_of("en").forms


def written_in_code() -> set[str]:
    """Return every string that the code or a template writes."""
    found: set[str] = set()
    for path in (*PACKAGE.rglob("*.py"), *REFEREE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    for path in (PACKAGE / "reports" / "specification" / "templates").rglob("*.xml"):
        found |= set(re.findall(r"[\"']([^\"']+)[\"']", path.read_text("utf-8")))
    return found


def beginnings_in_code() -> set[str]:
    """Return how ids begin that the code puts together: `f"frontier.title-{axis}"`."""
    return {
        node.values[0].value
        for path in (*PACKAGE.rglob("*.py"), *REFEREE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant)
        and isinstance(node.values[0].value, str) and re.fullmatch(r"[a-z]+\.[a-z.-]*", node.values[0].value)
    }


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", languages())
def test_a_catalog_is_a_gettext_file(language: str) -> None:
    with (LOCALE / language / FILE).open("rb") as file:
        read = read_po(file, locale=language, abort_invalid=True)
    assert {message.id if isinstance(message.id, str) else message.id[0] for message in read if message.id} == set(
        catalog_of(language).forms)
    assert read.num_plurals == max(len(forms) for forms in catalog_of(language).forms.values())


@pytest.mark.parametrize("language", languages())
def test_a_catalog_is_complete_and_names_only_parameters_that_there_are(language: str) -> None:
    forms = catalog_of(language).forms
    assert set(forms) == set(ENGLISH)
    assert [ident for ident, texts in forms.items() if not all(texts)] == []
    lacking = {
        ident: fields_of(text) - fields_of(ENGLISH[ident][0])
        for ident, texts in forms.items() for text in texts
        if not (fields_of(text) <= fields_of(ENGLISH[ident][0]) | EXTRA.get(ident, set()))}
    assert lacking == {}


EXTRA: dict[str, set[str]] = {}
"""Parameters that English does not name and another language does."""


def test_every_id_in_the_code_is_in_the_catalogs() -> None:
    calls = [
        node.args[0].value
        for path in (*PACKAGE.rglob("*.py"), *REFEREE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message"
        and node.args and isinstance(node.args[0], ast.Constant)
    ]
    assert len(calls) > 100
    assert sorted(set(calls) - set(ENGLISH)) == []


def test_no_id_is_unused() -> None:
    code, beginnings = written_in_code(), tuple(beginnings_in_code())
    words = ("word.", "key.")  # words of the data's own keys, looked up by them
    dynamic = (*words, *beginnings)
    unused = [ident for ident in ENGLISH if ident not in code and ident.removeprefix("book.") not in code
              and not ident.startswith(dynamic)]
    assert unused == []


def test_japanese_is_written_in_japanese() -> None:
    """Three English words in a row are a sentence that nobody translated; options and keys have fewer."""
    english = re.compile(r"(?<![\w{:.])[a-z]{2,}(?: [a-z]{2,}){2,}")
    told = {ident: texts for ident, texts in catalog_of("ja").forms.items()
            if any(english.search(re.sub(r"\{[^}]*\}|`[^`]*`", " ", text)) for text in texts)}
    assert told == {}
