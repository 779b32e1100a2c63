"""One frozen settings object, built once and passed down. Environment variables begin with MINSHENG_."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import BadSetting


class Settings(BaseSettings):
    """Each field: default, unit in its name, help. The table in the README is tested against it."""

    model_config = SettingsConfigDict(env_prefix="MINSHENG_", frozen=True, extra="ignore")

    home: Path = Field(
        Path("~/.local/share/minsheng"), description="folder of all data: state database, index, archive, keys"
    )
    city: str = Field("", description="name of the city, shown on pages and papers")
    database_url: str = Field("", description="SQLAlchemy address of the state database; empty: SQLite under `home`")
    store: Literal["embedded", "elastic", "memory"] = Field(
        "embedded", description="engine that keeps and searches records"
    )
    elastic_url: str = Field("http://127.0.0.1:9200", description="Elasticsearch addresses, separated by commas")
    elastic_user: str = Field("", description="user of basic authentication; empty: none")
    elastic_password: SecretStr = Field(SecretStr(""), description="its password")
    elastic_api_key: SecretStr = Field(SecretStr(""), description="API key, instead of user and password")
    elastic_ca: str = Field("", description="file of the certificate authority for https")
    elastic_index: str = Field("minsheng", description="name of the alias; index versions are NAME-000001, …")
    elastic_shards: int = Field(1, ge=1, le=64, description="primary shards of a new index version")
    elastic_replicas: int = Field(0, ge=0, le=4, description="replicas; 1 or more on a cluster")
    store_deadline_seconds: float = Field(10.0, gt=0, le=120, description="longest wait for one call to the store")
    inbox_limit: int = Field(200_000, ge=100, description="items that may wait; beyond it senders are refused with 429")
    batch_items: int = Field(500, ge=1, le=5_000, description="items that the worker leases at once")
    lease_seconds: float = Field(120.0, gt=0, description="a lease older than this is given to another worker")
    max_attempts: int = Field(3, ge=1, le=20, description="attempts before an item is quarantined")
    quarantine_run: int = Field(50, ge=1, description="items quarantined in a row that stop the worker line")
    host: str = Field("127.0.0.1", description="address that the service listens on")
    port: int = Field(8000, ge=0, le=65_535, description="port; 0: any free one")
    secure_cookies: bool = Field(False, description="set on when the service stands behind https")
    session_minutes: int = Field(30, ge=1, le=24 * 60, description="a session without a request ends after this")
    lockout_failures: int = Field(5, ge=1, description="wrong passwords in a row that lock an account")
    lockout_minutes: int = Field(15, ge=1, description="how long it stays locked")
    requests_per_minute: int = Field(
        600,
        ge=1,
        description="limit by token or session, and by address before sign-in; 25 kB of a body count as one more",
    )
    body_limit_bytes: int = Field(2_000_000, ge=1_000, description="largest request body")
    audit_days: int = Field(180, ge=180, description="how long audit rows are kept at least")
    jobs: str = Field("", description="job table for tests and small cities: comma-separated names to run; empty: all")
    watch_folder: str = Field("", description="folder whose new files are ingested; empty: HOME/incoming")
    crawl_sources: str = Field("", description="folder of source definitions (TOML); empty: HOME/sources")
    archive_url: str = Field(
        "",
        description="where closed days of the archive are shipped to (fsspec address, e.g. s3://…); empty: they stay",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")

    @classmethod
    def read(cls) -> Self:
        """The settings of the environment. Raises BadSetting naming the variable, the value and what it should be."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"])
            raise BadSetting(
                name=f"MINSHENG_{name.upper()}", value=str(first["input"])[:100], reason=first["msg"]
            ) from None

    @property
    def folder(self) -> Path:
        return self.home.expanduser()

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.folder / 'state.db'}"
