"""The only place where engines are chosen: settings in, a `House` with every part out, each made when first asked for."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Self, TypeVar

from models.keys import kept_key
from models.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from crawlers.archive.archive import Archive
    from indices.access import ScopedStore
    from indices.audit import AuditLog
    from indices.civic.base_data import BaseData
    from indices.civic.catalogue import Catalogue
    from indices.civic.decisions import Decisions
    from indices.civic.kept_groups import KeptGroups
    from indices.collection.days import Days
    from indices.collection.places import Places
    from indices.collection.reposts import Reposts
    from indices.figures import FigureCache
    from indices.intake.inbox import Inbox
    from indices.intake.quotas import Quotas
    from indices.intake.renewal import Renewal
    from indices.intake.worker import Worker
    from indices.users import Users
    from models.ports import Store
    from nlp.annotate import Annotator
    from nlp.shelf import Mark, Shelf


Made = TypeVar("Made")


class part(cached_property[Made]):
    """A part of the house, made when first asked for, and once only though several threads ask (Python 3.12 took the lock away)."""

    if not TYPE_CHECKING:  # to a type checker it is a cached_property

        def __get__(self, instance, owner=None):
            if instance is None or self.attrname in instance.__dict__:
                return super().__get__(instance, owner)
            with instance.lock:
                return super().__get__(instance, owner)


class current(part[Made]):
    """A part that is asked for anew each time, because it may be another one by now."""

    if not TYPE_CHECKING:

        def __get__(self, instance, owner=None):
            if instance is None or self.attrname in instance.__dict__:
                return super().__get__(instance, owner)
            with instance.lock:
                return self.func(instance)


class House:
    """Everything that runs in one process. Use as a context manager; `close` gives every resource back."""

    def __init__(self, settings: Settings | None = None, *, read_only: bool = False) -> None:
        """`read_only`: this process never writes the store (the embedded index has one writer, the worker line)."""
        self.settings = settings or Settings.read()
        self.read_only = read_only
        self.lock = RLock()
        self._open = ExitStack()
        self._model: tuple[Mark | None, Annotator] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @part
    def folder(self) -> Path:
        self.settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.settings.folder

    @part
    def pseudonym_key(self) -> bytes:
        """The key that pseudonyms are made with: random, made once, readable by the owner only."""
        return kept_key(self.folder / "pseudonym.key")

    @part
    def database(self) -> Engine:
        from indices.database import connect, create_tables

        _ = self.folder
        engine = connect(self.settings.database)
        self._open.callback(engine.dispose)
        create_tables(engine)
        return engine

    @part
    def store(self) -> Store:
        store = open_store(self.settings, read_only=self.read_only)
        self._open.callback(store.close)
        return store

    @part
    def users(self) -> Users:
        from indices.users import Users

        s = self.settings
        return Users(self.database, session_minutes=s.session_minutes, lockout_failures=s.lockout_failures,
                     lockout_minutes=s.lockout_minutes)  # fmt: skip

    @part
    def audit(self) -> AuditLog:
        from indices.audit import AuditLog

        return AuditLog(self.database)

    @part
    def console(self) -> ScopedStore:
        """The store for whoever runs a command on this machine: all of it, every access in the audit log."""
        from indices.access import ScopedStore
        from models.labels import Role
        from models.viewer import Viewer

        return ScopedStore(self.store, Viewer(name="console", role=Role.LEADER), self.audit)

    @part
    def base(self) -> BaseData:
        from indices.civic.base_data import BaseData

        return BaseData(self.database)

    @part
    def kept_groups(self) -> KeptGroups:
        from indices.civic.kept_groups import KeptGroups

        return KeptGroups(self.database)

    @part
    def figures(self) -> FigureCache:
        from indices.figures import FigureCache

        return FigureCache(self.database)

    @part
    def inbox(self) -> Inbox:
        from indices.intake.inbox import Inbox

        return Inbox(self.database, limit=self.settings.inbox_limit, lease_seconds=self.settings.lease_seconds)

    @part
    def archive(self) -> Archive:
        from crawlers.archive.archive import Archive

        return Archive(self.folder / "archive", self.folder / "archive.key")

    @part
    def days(self) -> Days:
        from indices.collection.days import Days

        return Days(self.database)

    @part
    def places(self) -> Places:
        from indices.collection.places import Places

        return Places(self.database)

    @property
    def sources_folder(self) -> Path:
        return Path(self.settings.crawl_sources) if self.settings.crawl_sources else self.folder / "sources"

    @part
    def reposts(self) -> Reposts:
        from indices.collection.reposts import Reposts

        return Reposts(self.database)

    @part
    def quotas(self) -> Quotas:
        from indices.intake.quotas import Quotas

        return Quotas(self.database)

    @part
    def shelf(self) -> Shelf:
        from nlp.shelf import Shelf

        return Shelf(self.settings.folder / "models")

    @current
    def annotator(self) -> Annotator:
        """With the model in use. `minsheng model use` is noticed here, so keep what one piece of work begins with.

        Raises BadModel where the model in use cannot be loaded: nobody goes on with another one in silence.
        """
        mark = self.shelf.mark()
        if self._model is None or self._model[0] != mark:
            self._model = (mark, self.shelf.current())
        return self._model[1]

    @part
    def catalogue(self) -> Catalogue:
        from indices.civic.catalogue import Catalogue

        path = self.folder / "catalogue.csv"
        if not path.exists():
            return Catalogue()
        heads = self.annotator.classifier.heads  # a city's model may have offices and topics of its own
        return Catalogue.load(path, heads["department"], heads["topic"])

    @part
    def peers(self) -> dict[str, str]:
        from indices.civic.peers import read_peers

        return read_peers(self.folder / "peers.csv")

    @part
    def decisions(self) -> Decisions:
        from indices.civic.decisions import Decisions

        return Decisions(self.database)

    @part
    def renewal(self) -> Renewal:
        from indices.intake.renewal import Renewal

        s = self.settings
        return Renewal(self.database, self.store, lease_seconds=s.lease_seconds, max_attempts=s.max_attempts)

    @part
    def worker(self) -> Worker:
        from indices.intake.worker import Worker

        return Worker(
            self.inbox, self.store, self.annotator, self.pseudonym_key, self.settings, newest=lambda: self.annotator,
            renewal=self.renewal, days=self.days,
        )  # fmt: skip


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """The store that `settings.store` names."""
    if settings.store == "memory":
        from indices.stores.memory import MemoryStore

        return MemoryStore()
    if settings.store == "elastic":
        from indices.stores.elastic import ElasticStore

        return ElasticStore.from_settings(settings)
    from indices.stores.embedded import EmbeddedStore

    return EmbeddedStore(settings.folder / "index", read_only=read_only)
