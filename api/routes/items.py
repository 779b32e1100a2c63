"""Pushing items: `POST /items`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Allow, house_of
from api.intake import archive_items
from models.errors import NotFound
from models.item import Item
from models.labels import Role
from models.viewer import Viewer

router = APIRouter(tags=["items"])
PUSHERS = Allow(Role.OPERATOR, Role.SYSTEM_ADMIN)
MAX_BATCH = 1_000


class Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_BATCH)]


class Accepted(BaseModel):
    """The items are on the disk; a killed process does not lose them. Sending them again does no harm."""

    accepted: int
    waiting: int = Field(description="items before the worker now")


@router.post("/items", status_code=202)
def push(request: Request, batch: Batch, viewer: Annotated[Viewer, Depends(PUSHERS)]) -> Accepted:
    """Take a batch in, wholly or not at all (429 with Retry-After when the inbox is full). For viewers of the whole city:
    an item may be a later state of any record, and what another district keeps is not theirs to overwrite.
    """
    house = house_of(request)
    if viewer.districts is not None:
        house.audit.note(viewer.name, "items.push", "", success=False)
        raise NotFound(what=f"地址 {request.url.path}")
    accepted = house.inbox.accept(batch.items)
    archive_items(house, batch.items)
    house.audit.note(viewer.name, "items.push", f"{accepted} items of {sorted({i.source for i in batch.items})}")
    return Accepted(accepted=accepted, waiting=house.inbox.waiting())
