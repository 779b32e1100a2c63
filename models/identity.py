"""One rule for sameness: which record an item belongs to, and which of two states of it is later.

Identity (R3): a digest of source + native id; without a native id, of the canonical URL; without either, of the source,
the day and the text. Revision: one total order over the states of a record, so that late, repeated and reordered items
end in the same record whatever the order of arrival. Pseudonym: a keyed digest of a speaker (PIPL; domain.md §6).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from models.item import Item

# Parameters that follow the reader, not the page.
_TRACKING = re.compile(
    r"^(utm_.*|spm|from|share.*|scene|timestamp|_t|jsessionid|phpsessid|sid|session_?id)$", re.IGNORECASE
)
_DEFAULT_PORT = {"http": 80, "https": 443}
_FILLED_BITS, _DIGEST_BITS = 8, 12


def digest(*parts: str) -> str:
    """32 hexadecimal digits (128 bits) of the parts, each closed by its length so that no two lists collide."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.hexdigest()


def canonical_url(url: str) -> str:
    """The address without what does not change the page: case of scheme and host, default port, fragment, tracking, order."""
    parts = urlsplit(url.strip())
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    port = f":{parts.port}" if parts.port and parts.port != _DEFAULT_PORT.get(scheme) else ""
    path = re.sub(r";jsessionid=[^/]*", "", parts.path, flags=re.IGNORECASE).rstrip("/") or "/"
    query = urlencode(
        sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k))
    )
    return urlunsplit((scheme, host + port, path, query, ""))


def ids_of(items: Iterable[Item]) -> list[str]:
    """Identities of the records that items are states of; of one whose address is none there is nothing."""
    found = []
    for item in items:
        with suppress(ValueError):
            found.append(record_id(item))
    return found


def record_id(item: Item) -> str:
    """The identity of the record that `item` is a state of."""
    if item.native_id:
        return digest("native", item.source, item.native_id)
    if item.payload.url:
        return digest("url", canonical_url(item.payload.url))
    created = item.payload.created_at.isoformat() if item.payload.created_at else ""
    return digest(
        "text", item.source, created, " ".join(item.payload.title.split()), " ".join(item.payload.text.split())
    )


def revision(item: Item) -> int:
    """Total order of the states of one record; below 2**52, so that it is exact in JSON and a valid external version.

    Given by the item (`revision`, seconds or a counter), else the latest time that its payload knows; where that is equal, the
    state with more fields filled is later (a rating without a time arrived after the row without it); where that is equal
    too, a digest of the content decides, so that equal revisions mean equal content (save one in 4,096).
    """
    seconds = item.revision if item.revision is not None else item.payload.latest_second
    content = item.payload.model_dump(mode="json", exclude_defaults=True)
    tail = int(digest(json.dumps(content, sort_keys=True, ensure_ascii=False)), 16) & ((1 << _DIGEST_BITS) - 1)
    filled = min(len(content), (1 << _FILLED_BITS) - 1)
    return (seconds << (_FILLED_BITS + _DIGEST_BITS)) | (filled << _DIGEST_BITS) | tail


def pseudonym(key: bytes, speaker: str) -> str:
    """16 hexadecimal digits that stand for a speaker: repeat callers are counted, nobody is named."""
    return hmac.new(key, speaker.strip().encode(), hashlib.blake2b).hexdigest()[:16]
