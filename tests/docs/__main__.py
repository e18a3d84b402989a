"""Write the pages of docs/ that are generated, and the answer in the READMEs, anew: python -m tests.docs."""

from __future__ import annotations

from tests.docs.gallery import PAGE, READMES, gallery_page, with_answer
from tests.docs.pages import DOCS, PAGES, ROOT

for name, page in {**PAGES, PAGE: gallery_page}.items():
    (DOCS / name).write_text(page(), encoding="utf-8")
    print(f"wrote {DOCS / name}")
for name, language in READMES.items():
    text = (ROOT / name).read_text(encoding="utf-8")
    (ROOT / name).write_text(with_answer(text, language), encoding="utf-8")
    print(f"wrote the answer of {ROOT / name}")
