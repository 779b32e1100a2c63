"""Static files of the pages: served from the house, compressed once, kept by browsers under an address with their digest."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/static"
# No inline script or style; nothing from outside; nobody frames the pages.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_COMPRESSIBLE: Final = ("text/", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    packed: bytes | None
    kind: str
    digest: str


@cache
def asset(name: str) -> Asset | None:
    """A file under `static/`; None where there is none or the name leads out of it. Read and compressed once a process."""
    parts = PurePosixPath(name).parts
    if not parts or any(part in ("..", "/") or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    path = FOLDER.joinpath(*parts)
    if not path.is_file():
        return None
    body = path.read_bytes()
    kind = (
        "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    )
    packed = gzip.compress(body, 9, mtime=0) if kind.startswith(_COMPRESSIBLE) else None
    return Asset(
        body,
        packed,
        f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        hashlib.sha256(body).hexdigest()[:12],
    )


def url(name: str) -> str:
    """Address of a static file with its digest, so that browsers may keep it for good."""
    found = asset(name)
    return f"{PREFIX}/{name}?v={found.digest}" if found else f"{PREFIX}/{name}"


class Static:
    """ASGI application to be mounted at `PREFIX`. Knows GET and HEAD."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        if scope["type"] != "http":
            return
        path, root = str(scope["path"]), str(scope.get("root_path", ""))
        found = asset(path.removeprefix(root).lstrip("/")) if scope["method"] in ("GET", "HEAD") else None
        if found is None:
            await _answer(send, 404, [(b"content-type", b"text/plain; charset=utf-8")], "没有找到。".encode())
            return
        sent = dict(scope["headers"])
        etag = f'"{found.digest}"'.encode()
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v", [""])[0]
        age = b"public, max-age=31536000, immutable" if asked == found.digest else b"no-cache"
        headers = [(b"content-type", found.kind.encode()), (b"etag", etag), (b"cache-control", age),
                   (b"vary", b"accept-encoding"), (b"x-content-type-options", b"nosniff")]  # fmt: skip
        if sent.get(b"if-none-match") == etag:
            await _answer(send, 304, headers, b"")
            return
        body = found.body
        if found.packed is not None and b"gzip" in sent.get(b"accept-encoding", b""):
            body = found.packed
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await _answer(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
