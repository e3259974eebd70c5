"""Pictures as addresses and data as JSON, for a page that is one file."""

import base64
import json
from typing import Any

from markupsafe import Markup


def inline(content: bytes, kind: str = "png") -> str:
    """Return a picture as the address of itself, for a page that is one file."""
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")


def json_in_page(value: Any) -> Markup:
    """Return JSON that no text in it can leave: `<`, `>`, `&` and line separators are escaped."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  nothing in it can end the element
