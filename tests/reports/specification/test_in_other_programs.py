"""Documents in the programs they are read with: a browser, a word processor; skipped where there is none."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pypdfium2
import pytest

from optimizer.documents.document import Table
from tests.reports.specification.documents import composed, squeezed, words_of, written
from tests.reports.specification.test_formats import without_marks

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OFFICE = shutil.which("soffice") or shutil.which("libreoffice")

pytestmark = pytest.mark.slow

QUESTIONS = [("helpdesk-llama3-8b", "ja"), ("chat-and-code", "en"), ("budget-too-small", "ja")]

MEASURE = """
<script>
const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1);
const open = [...document.querySelectorAll('a[href^="#"]')].filter(a => !document.getElementById(a.hash.slice(1)));
const broken = [...document.images].filter(image => !image.naturalWidth);
document.title = JSON.stringify({
  wide: wide.map(e => e.tagName), open: open.map(a => a.hash), broken: broken.length,
  tables: document.querySelectorAll('table').length, text: document.body.innerText.length,
});
</script>
"""
"""What only a browser knows; the page itself forbids scripts, so its copy for the test has that rule taken out."""


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Open a page in a browser without a window."""
    assert CHROMIUM is not None
    common = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={page.parent}/user")
    return subprocess.run([CHROMIUM, *common, *options, page.as_uri()], check=True, capture_output=True, timeout=120)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [400, 1100])
@pytest.mark.parametrize(("name", "language"), QUESTIONS)
def test_a_browser_shows_the_page_whole(tmp_path: Path, name: str, language: str, width: int) -> None:
    text = written(name, language, "html").decode()  # type: ignore[arg-type]
    page = tmp_path / "page.html"
    page.write_text(re.sub(r"<meta http-equiv[^>]+>", "", text).replace("</body>", f"{MEASURE}</body>"), "utf-8")
    shown = browse(page, "--dump-dom", f"--window-size={width},1000").stdout.decode()
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title is not None
    measured = json.loads(title.group(1).replace("&quot;", '"').replace("&amp;", "&"))
    document, _ = composed(name, language)  # type: ignore[arg-type]
    tables = [b for section in document.sections for b in section.blocks if isinstance(b, Table)]
    assert (measured["wide"], measured["open"], measured["broken"]) == ([], [], 0)
    assert measured["tables"] == len(tables)
    assert measured["text"] > 3000


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize(("name", "language"), QUESTIONS)
def test_the_page_prints_its_summary_on_the_first_sheet(tmp_path: Path, name: str, language: str) -> None:
    (tmp_path / "page.html").write_bytes(written(name, language, "html"))  # type: ignore[arg-type]
    browse(tmp_path / "page.html", f"--print-to-pdf={tmp_path}/page.pdf", "--no-pdf-header-footer")
    pages = sheets(tmp_path / "page.pdf")
    document, _ = composed(name, language)  # type: ignore[arg-type]
    second = squeezed(document.sections[1].title)
    contents = pages[0].rfind(second)
    assert without_marks(squeezed(document.sections[0].title)) in pages[0]
    assert second in pages[1]
    assert contents == -1 or f"2.{second}" not in pages[0][:contents]


@pytest.mark.skipif(OFFICE is None, reason="no LibreOffice here")
@pytest.mark.parametrize(("name", "language"), QUESTIONS)
def test_a_word_processor_opens_the_document_whole(tmp_path: Path, name: str, language: str) -> None:
    (tmp_path / "spec.docx").write_bytes(written(name, language, "docx"))  # type: ignore[arg-type]
    assert OFFICE is not None
    profile = f"-env:UserInstallation={(tmp_path / 'user').as_uri()}"
    subprocess.run([OFFICE, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, tmp_path / "spec.docx"],
                   check=True, capture_output=True, timeout=180, env={**os.environ, "HOME": str(tmp_path)})
    shown = without_marks("".join(sheets(tmp_path / "spec.pdf")))
    document, _ = composed(name, language)  # type: ignore[arg-type]
    for text in words_of(document):
        assert without_marks(squeezed(text))[:16] in shown, text


def sheets(path: Path) -> list[str]:
    """Read the text of each page of a PDF."""
    pdf = pypdfium2.PdfDocument(path)
    try:
        return [squeezed(page.get_textpage().get_text_range()) for page in pdf]
    finally:
        pdf.close()


@pytest.mark.parametrize(("name", "language"), QUESTIONS)
def test_every_letter_of_the_pdf_has_a_glyph(name: str, language: str) -> None:
    """A letter without a glyph would be read back as nothing, or as another one."""
    pdf = pypdfium2.PdfDocument(written(name, language, "pdf"))  # type: ignore[arg-type]
    try:
        shown = set("".join(page.get_textpage().get_text_range() for page in pdf))
    finally:
        pdf.close()
    wanted = set("".join(words_of(composed(name, language)[0])))  # type: ignore[arg-type]
    assert {letter for letter in wanted - shown if letter.isprintable() and not letter.isspace()} == set()
