"""What every answer says to browsers: no inline script or style, nothing from another host, no guessing of types (S8, S12)."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards import assets

HEADERS: Final = {
    **assets.PAGE_HEADERS,
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}


class Headers:
    """ASGI middleware, the outermost, so that refusals of the limits have them too (`api.problems` sets them on a bug's answer)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
