"""One HTML file around a drawing: it opens without a network, and no text in it is taken for markup or script."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from optimizer.reports.charts import look

BUTTONS = ["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]
"""Tools of the page; none of them reaches a network."""

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""Content-Security-Policy: whatever the page holds, the browser fetches nothing."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 1.2em; color: {ink}; background: {paper}; font-family: {fonts}; }}
h1 {{ margin: 0; font-size: 1.4em; }}
p {{ margin: 0.3em 0 0.8em; color: {soft_ink}; }}
#drawing {{ min-width: {width}px; height: {height}px; }}
ul {{ margin: 0.8em 0 0; padding: 0 0 0 1.2em; color: {soft_ink}; font-size: 0.85em; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{subtitle} {hint}; drag to zoom, double-click to go back.</p>
<div id="drawing"></div>
<ul>
{notes}
</ul>
<script>{library}</script>
<script>Plotly.newPlot("drawing", {figure});</script>
</body>
</html>
"""


def safe(text: str) -> str:
    """Return a text that the chart shows as it stands: plotly reads a little HTML."""
    return html.escape(text, quote=False)


def page_of(
    figure: go.Figure, title: str, subtitle: str, hint: str, notes: Sequence[str], width_px: int, height_px: int
) -> bytes:
    """Return the bytes of a page that shows a figure, at least so wide.

    Args:
        figure: the drawing; its texts are escaped already (`safe`).
        title: of the page, plain text like all below.
        subtitle: a sentence below it.
        hint: what pointing at the drawing does.
        notes: the small print.
        width_px: least width of the drawing in pixels.
        height_px: its height.
    """
    return PAGE.format(
        policy=POLICY, title=html.escape(title), subtitle=html.escape(subtitle), hint=html.escape(hint), ink=look.INK,
        paper=look.PAPER, soft_ink=look.SOFT_INK, fonts=look.PAGE_FONTS, width=width_px, height=height_px,
        notes="\n".join(f"<li>{html.escape(note)}</li>" for note in notes),
        library=get_plotlyjs(), figure=_script(figure),
    ).encode()


def _script(figure: go.Figure) -> str:
    """Write a figure for a script; no text in it can end the script."""
    written: str = go.Figure(figure).update_layout(template="none").to_json()
    settings = json.dumps({"displaylogo": False, "responsive": True, "modeBarButtons": [BUTTONS]})
    body = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"Object.assign({body}, {{config: {settings}}})"
