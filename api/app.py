"""The application: routes, sign-in, limits, error shape, headers. Importing it loads no heavy library (promise S12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api import problems
from api.headers import Headers
from api.limits import Limits
from api.noting import Noting
from api.routes import (
    alerts,
    answers,
    desk,
    figures,
    incidents,
    instructions,
    items,
    pages,
    records,
    satisfaction,
    search,
    service,
    session,
    sources,
    streams,
    subscriptions,
    topics,
)
from api.wiring import House
from dashboards import assets
from models.settings import Settings

ROUTERS = tuple(
    module.router
    for module in (
        session,
        items,
        records,
        answers,
        figures,
        incidents,
        instructions,
        sources,
        alerts,
        streams,
        subscriptions,
        topics,
        service,
        pages,
        satisfaction,
        search,
        desk,
    )
)


def create_app(house: House | None = None) -> FastAPI:
    """The application over a house (default: one of its own, made from the environment, that only reads the store)."""
    own = house is None
    house = house or House(Settings.read(), read_only=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if own:
            house.close()

    app = FastAPI(
        title="Minsheng 民声", version=version("minsheng"), lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Errors have one shape (RFC 9457). Programs send `Authorization: Bearer TOKEN`.",
        responses=problems.DOCUMENTED,
    )  # fmt: skip
    app.state.house = house
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount(assets.PREFIX, assets.Static(), name="static")
    app.add_middleware(Noting, house=house)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Limits, settings=house.settings)
    app.add_middleware(Headers)  # the last one added is the outermost
    return app
