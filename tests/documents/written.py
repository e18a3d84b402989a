"""Write documents in tests as commands do."""

from __future__ import annotations

from optimizer.documents.document import Document
from optimizer.documents.publish import published
from optimizer.messages import voice_of


def written(document: Document, form: str, language: str = "en") -> str:
    """Return a document as text."""
    made = published(document, form, voice_of(language))
    assert isinstance(made, str)
    return made
