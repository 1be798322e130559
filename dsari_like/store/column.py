"""What a column of JSON text holds. Must not know which column. Apart from `rows`, because a start needs no rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def mapping_of(text: str | None) -> Mapping[str, Any]:
    """The map a JSON column holds; an empty one when it holds anything else, as a foreign hand may have written."""
    if not text or text == "{}":  # nearly all there are
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
