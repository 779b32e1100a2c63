"""Pushing items: `POST /items` with a token, `POST /hooks/NAME` with a signature."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Allow, house_of
from api.intake import archive_items
from api.wiring import House
from models.errors import NotFound, NotSignedIn
from models.identity import ids_of
from models.item import Item
from models.labels import Role
from models.viewer import Viewer

router = APIRouter(tags=["items"])
ANYONE = Allow()
"""A hook is signed; it needs no account."""
PUSHERS = Allow(Role.OPERATOR, Role.SYSTEM_ADMIN)
MAX_BATCH = 1_000


class Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_BATCH)]


class Accepted(BaseModel):
    """The items are on the disk; a killed process does not lose them. Sending them again does no harm."""

    accepted: int
    waiting: int = Field(description="items before the worker now")


@router.post("/hooks/{source}", status_code=202, dependencies=[Depends(ANYONE)])
async def hook(request: Request, source: str) -> Accepted:
    """Rows of a system that sends by itself (a definition with `system = "webhook"`), signed with the secret that both know."""
    return await run_in_threadpool(_hooked, house_of(request), source, dict(request.headers), await request.body())


def _hooked(house: House, name: str, headers: dict[str, str], body: bytes) -> Accepted:
    from crawlers.definitions import usable
    from crawlers.systems.pulling import items_of
    from crawlers.systems.source import System, SystemSource
    from crawlers.systems.webhook import is_genuine, rows_of

    found = usable(house.sources_folder)[0].get(name)
    # A source that is not there, or is none of these, answers like a wrong signature.
    known = isinstance(found, SystemSource) and found.system is System.WEBHOOK
    secret = os.environ.get(found.secret[2:-1], "") if isinstance(found, SystemSource) and known else ""
    timestamp, given = headers.get("x-minsheng-timestamp", ""), headers.get("x-minsheng-signature", "")
    at = time.time()
    if not isinstance(found, SystemSource) or not is_genuine(secret, timestamp, given, body, at):
        house.audit.note(f"hook:{name[:40]}", "items.hook", "", success=False)
        raise NotSignedIn()
    rows = rows_of(found, body)
    items = items_of(rows, found.read_as(house.folder / "mappings"), datetime.fromtimestamp(at, UTC))
    house.archive.add_rows(name, rows, at, ids=ids_of(items))
    accepted = house.inbox.accept(items)
    house.audit.note(f"hook:{name}", "items.hook", f"{accepted} items")
    return Accepted(accepted=accepted, waiting=house.inbox.waiting())


@router.post("/items", status_code=202)
def push(request: Request, batch: Batch, viewer: Annotated[Viewer, Depends(PUSHERS)]) -> Accepted:
    """Take a batch in, wholly or not at all (429 with Retry-After when the inbox is full). For viewers of the whole city:
    an item may be a later state of any record, and what another district keeps is not theirs to overwrite.
    """
    house = house_of(request)
    if viewer.districts is not None:
        house.audit.note(viewer.name, "items.push", "", success=False)
        raise NotFound(what=f"地址 {request.url.path}")
    house.quotas.take(viewer.name, len(batch.items))
    accepted = house.inbox.accept(batch.items)
    archive_items(house, batch.items)
    house.audit.note(viewer.name, "items.push", f"{accepted} items of {sorted({i.source for i in batch.items})}")
    return Accepted(accepted=accepted, waiting=house.inbox.waiting())
