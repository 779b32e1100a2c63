"""The service itself: is it alive, do the books balance."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from api.auth import PUBLIC, Allow, house_of
from models.labels import Role
from models.query import Query

router = APIRouter(tags=["service"])
ADMINISTRATORS = Allow(Role.SYSTEM_ADMIN, Role.OPERATOR)


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class BooksOut(BaseModel):
    """received = stored + duplicate + quarantined + refused + waiting."""

    received: int
    stored: int
    updated: int = Field(description="of `stored`: later states of records that were there")
    duplicate: int
    quarantined: int
    refused: int
    waiting: int


@router.get("/healthz", dependencies=[Depends(PUBLIC)])
def health() -> Health:
    """The process answers; says nothing about what it holds."""
    return Health()


@router.get("/readyz", dependencies=[Depends(PUBLIC)])
def ready(request: Request) -> Health:
    """State database and store answer (503 with a code where not)."""
    house = house_of(request)
    house.inbox.waiting()
    house.store.search(Query(size=0))
    return Health()


@router.get("/books", dependencies=[Depends(ADMINISTRATORS)])
def books(request: Request) -> BooksOut:
    """What came in and what became of it."""
    found = house_of(request).inbox.books()
    return BooksOut.model_validate(found, from_attributes=True)
