"""compose.yaml cannot be run in the tests; what can be checked of it as a document is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from api.cli import load_commands
from models.settings import Settings

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[2]
OURS = ("api", "workers", "scheduler")


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "compose.yaml").read_text("utf-8")


@pytest.fixture(scope="module")
def services(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text)["services"])


def test_the_services(services: dict[str, Any]) -> None:
    assert set(services) == {"elasticsearch", "postgres", *OURS}
    assert services["elasticsearch"]["image"].startswith("docker.elastic.co/elasticsearch/elasticsearch:8.19.")
    assert services["postgres"]["image"] == "postgres:15"


def test_every_setting_exists(services: dict[str, Any]) -> None:
    fields = {f"MINSHENG_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        given = services[name]["environment"]
        assert set(given) <= fields, name
        assert given["MINSHENG_STORE"] == "elastic"


def test_the_settings_are_accepted(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in services["api"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:?([-?])([^}]*)\}", lambda m: m[2] if m[1] == "-" else "x", value))
    settings = Settings()
    assert settings.secure_cookies
    assert settings.elastic_password.get_secret_value() == "x"
    assert settings.database_url == "postgresql+psycopg://minsheng:x@postgres:5432/minsheng"


def test_no_password_has_a_default(text: str) -> None:
    uses = re.findall(r"\$\{(\w*PASSWORD\w*)([^}]*)\}", text)
    assert {name for name, _ in uses} == {"ELASTIC_PASSWORD", "POSTGRES_PASSWORD"}
    assert all(rest.startswith(":?") for _, rest in uses), "compose stops where it is not set"
    assert not re.search(r"(?i)password: *['\"]?[a-z0-9]", text), "no password is written out"


def test_only_the_pages_are_published_and_only_on_this_machine(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["api"]
    (port,) = services["api"]["ports"]
    assert port == "${PUBLISH:-127.0.0.1:8000}:8000"
    for name in ("elasticsearch", "postgres"):
        assert services[name]["networks"] == ["inside"]


def test_everything_has_a_health_check(services: dict[str, Any]) -> None:
    assert all("test" in service["healthcheck"] for service in services.values())
    for name in OURS:
        conditions = {need["condition"] for need in services[name]["depends_on"].values()}
        assert conditions == {"service_healthy"}


def test_the_commands_exist(services: dict[str, Any]) -> None:
    known = {command.name for command in load_commands().registered_commands}
    assert {services[name]["command"][0] for name in OURS} | {"doctor"} <= known


def test_every_variable_is_explained(text: str) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    names = set(re.findall(r"\$\{(\w+)", text))
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_the_page_names_settings_and_commands_that_exist() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    fields = {f"MINSHENG_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"MINSHENG_[A-Z_]+[A-Z]", page)) <= fields
    groups = {group.name: group.typer_instance for group in load_commands().registered_groups}
    store = {command.name for command in groups["store"].registered_commands}  # type: ignore[union-attr]
    assert set(re.findall(r"minsheng store (\w+)", page)) <= store


def test_the_image_runs_as_nobody_in_particular_and_takes_no_secrets_along() -> None:
    recipe = (ROOT / "Dockerfile").read_text("utf-8")
    assert recipe.rindex("USER minsheng") > recipe.rindex("RUN ")
    assert {".env", ".git", ".minsheng"} <= set((ROOT / ".dockerignore").read_text("utf-8").split())
