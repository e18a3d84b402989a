"""Specifications of shipped problems for the tests, each found and laid out once, and how to read their text again."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from xml.etree import ElementTree

import pypdfium2

from optimizer.documents.document import Document, Verbatim, blocks_of, lines_of, plain, worded
from optimizer.documents.pictures import Pictures
from optimizer.documents.publish import published
from optimizer.load.problem import shipped_problem_names
from optimizer.load.serving import load_serving
from optimizer.messages import Voice
from optimizer.reports.specification.compose import compose
from optimizer.reports.specification.findings import Findings, find_everything
from optimizer.reports.specification.pictures import draw_frontier
from optimizer.solve import SolveSettings
from tests.problems.conftest import loaded_with_catalog

SETTINGS = SolveSettings()

COMMAND = "gpumix spec X"

FORMATS = ("markdown", "html", "docx", "pdf")
"""That hold the whole document."""

FEW = (("helpdesk-llama3-8b", "ja"), ("budget-too-small", "en"))
"""Of the default run: an owned node on estimates, and a problem without a plan."""

EVERY = shipped_problem_names()


@cache
def found(name: str, *overrides: str) -> Findings:
    """Find everything about a shipped problem."""
    loaded, catalog = loaded_with_catalog(name, *overrides)
    return find_everything(loaded, catalog, SETTINGS, load_serving())


@cache
def composed(name: str, language: str) -> tuple[Document, Voice]:
    """Write the document of a shipped problem."""
    document, voice = compose(found(name), language, COMMAND)
    return worded(document, voice), voice


@cache
def pictures(name: str, language: str) -> Pictures:
    """Draw the chart of a shipped problem."""
    picture = draw_frontier(found(name), SETTINGS, composed(name, language)[1])
    return Pictures({} if picture is None else {"frontier": picture})


@cache
def written(name: str, language: str, form: str) -> bytes:
    """Lay the document of a shipped problem out."""
    document, voice = composed(name, language)
    data = published(document, form, voice, pictures(name, language))
    return data if isinstance(data, bytes) else data.encode()


@dataclass
class _Text(HTMLParser):
    """Collects what a browser shows of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        self.parts += [] if self.hidden else [data]


def text_of(data: bytes, form: str) -> str:
    """Read the text of a document again, without white space."""
    if form == "html":
        page = _Text()
        page.feed(data.decode())
        text = "".join(page.parts)
    elif form == "markdown":
        text = re.sub(r"\\([\\`*_{}\[\]<>|#$~&!.)+=-])", r"\1", data.decode())
        text = re.sub(r"\[\[(\d+)\]\]\(#note-\d+\)", r"[\1]", text)
        text = re.sub(r"<(https?://[^>]+)>", r"\1", text)
        text = re.sub(r"</?b>|\*\*|`|^> ", "", text, flags=re.MULTILINE)
    elif form == "docx":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            text = "".join(ElementTree.fromstring(archive.read("word/document.xml")).itertext())
    else:
        pdf = pypdfium2.PdfDocument(data)
        try:
            text = "".join(page.get_textpage().get_text_range() for page in pdf)
        finally:
            pdf.close()
    return squeezed(text)


def squeezed(text: str) -> str:
    """Drop white space, places where a line may break, and hyphens that a PDF writes otherwise."""
    return re.sub("[\\s\u200b\u00ad\ufffe\x02]", "", text).replace("`", "")


def words_of(document: Document) -> list[str]:
    """List every text of a document: titles, headings, captions, lines."""
    listed = [document.title, document.subtitle]
    for section in document.sections:
        listed.append(section.title)
        for block in blocks_of(section):
            listed += [getattr(block, "caption", ""), getattr(block, "text", "")]
            listed += [plain(line) for line in lines_of(block)]
    return [text for text in listed if text]


def prose_of(document: Document) -> list[str]:
    """List the lines of a document, without what is shown as it stands, and without the numbers of notes."""
    return [
        "".join(span.text for span in line if not span.href and not span.code)
        for section in document.sections for block in blocks_of(section) if not isinstance(block, Verbatim)
        for line in lines_of(block)
        if section.ident != "sources" or not "".join(span.text for span in line).isdigit()
    ]
