"""Rows that another system sends by itself, each request signed with a secret that both know.

The sender computes HMAC-SHA256 over `TIMESTAMP.BODY` with the secret and sends

    X-Minsheng-Timestamp: 1772000000
    X-Minsheng-Signature: sha256=HEX

A request older than `OLDEST_SECONDS` is refused, so that one that was overheard cannot be sent again later; one that is sent twice counts once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

from crawlers.systems.source import SystemSource
from models.errors import BadRequest

OLDEST_SECONDS: Final = 300.0
MOST_ROWS: Final = 1_000


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the sender has to send."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_genuine(secret: str, timestamp: str, given: str, body: bytes, now: float) -> bool:
    """Whether the request was made by who knows the secret, and just now."""
    if not secret or not timestamp.isdigit() or abs(now - int(timestamp)) > OLDEST_SECONDS:
        return False
    return hmac.compare_digest(signature(secret, timestamp, body).encode(), given.encode())


def rows_of(source: SystemSource, body: bytes) -> list[dict[str, Any]]:
    """The rows of a request: what `items` finds, else the list or the one object that the body is. Raises BadRequest."""
    try:
        told = json.loads(body)
    except ValueError:
        raise BadRequest(name="body", value=body[:40].decode("utf-8", "replace"), reason="应为 JSON") from None
    if source.items:
        import jmespath

        told = jmespath.search(source.items, told)
    rows = told if isinstance(told, list) else [told]
    if not all(isinstance(row, dict) for row in rows) or not rows:
        raise BadRequest(name="body", value=type(told).__name__, reason="应为一个对象，或对象的列表")
    if len(rows) > MOST_ROWS:
        raise BadRequest(name="body", value=len(rows), reason=f"一次最多 {MOST_ROWS:,} 行")
    return rows
