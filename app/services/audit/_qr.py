"""QR codes as inline SVG, of any size that the page gives them."""

from __future__ import annotations

import segno


def svg(text: str) -> str:
    """The code for `text`; 15 % of it may be damaged."""
    drawn: str = segno.make(text, error="m", micro=False).svg_inline(
        omitsize=True, title="QR", svgclass=None, lineclass=None
    )
    return drawn
