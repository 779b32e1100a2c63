"""What a request was seen to do is on the disk before its answer leaves."""

from __future__ import annotations

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_of
from api.wiring import House
from indices.audit import gathering
from models.errors import MinshengError


class Noting:
    """ASGI middleware: the audit rows of a request are written together. Where that fails, the answer is that failure."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app, self._house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        refused = False

        async def write() -> None:
            if notes := gathered.close():
                await run_in_threadpool(self._house.audit.write, notes)

        async def after_the_notes(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                try:
                    await write()
                except MinshengError as error:
                    refused = True
                    await problem_of(Request(scope), error)(scope, receive, send)
            if not refused:
                await send(message)

        with gathering() as gathered:
            try:
                await self._app(scope, receive, after_the_notes)
            finally:
                await write()  # of a request that ended without an answer
