"""Photos, drawn again: no larger than a page needs, without place, device or anything hidden behind the picture."""

from __future__ import annotations

import io
import struct
from typing import Any

from PIL import Image, ImageOps

from app.rules.files import BROKEN, Kind
from app.text import Text

LONGEST_SIDE = 2000
MOST_PIXELS = 64_000_000
"""A phone's largest photo; a picture that claims more is not unpacked."""
TOO_MANY_PIXELS = Text(
    "这张图太大，没有加上。请缩小再试。", "This picture has too many pixels; it was not added. Make it smaller."
)
SAVING: dict[str, dict[str, Any]] = {"jpeg": {"quality": 85}, "png": {"optimize": False}, "webp": {"quality": 85}}
FAULTS = (OSError, SyntaxError, ValueError, EOFError, struct.error, OverflowError)


def drawn_again(content: bytes, kind: Kind) -> bytes | Text:
    """The picture alone, upright, its longest side at most 2000 px; or why not."""
    try:
        with Image.open(io.BytesIO(content), formats=[kind.code.upper()]) as image:
            if image.width * image.height > MOST_PIXELS:
                return TOO_MANY_PIXELS
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is read at a smaller scale at once
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            plain = upright.convert("RGBA" if upright.has_transparency_data and kind.code != "jpeg" else "RGB")
            plain.info.clear()
            target = io.BytesIO()
            plain.save(target, kind.code.upper(), **SAVING[kind.code])
    except Image.DecompressionBombError:
        return TOO_MANY_PIXELS
    except FAULTS:
        return BROKEN
    return target.getvalue()
