"""Write the reference pages of docs/ anew from the schema, the commands and the catalog: python -m tests.docs."""

from __future__ import annotations

from tests.docs.gallery import PAGE, gallery_page
from tests.docs.pages import DOCS, PAGES

for name, page in {**PAGES, PAGE: gallery_page}.items():
    (DOCS / name).write_text(page(), encoding="utf-8")
    print(f"wrote {DOCS / name}")
