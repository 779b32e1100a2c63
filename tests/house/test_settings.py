"""The README's table of settings is the settings."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from models.settings import Settings

README = Path(__file__).parents[2] / "README.md"


def shown(value: object) -> str:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    return f"`{value}`" if value not in ("", None) else ""


def test_the_readme_lists_every_setting_with_default_and_help() -> None:
    rows = re.findall(r"^\| `(MINSHENG_\w+)` \| (.*?) \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    expected = [
        (f"MINSHENG_{name.upper()}", shown(f.default), f.description) for name, f in Settings.model_fields.items()
    ]
    assert [(name, default.strip(), text) for name, default, text in rows] == expected


def test_settings_come_from_the_environment_and_cannot_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_PORT", "8123")
    settings = Settings()
    assert settings.port == 8123
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_ELASTIC_PASSWORD", "hunter2hunter2")
    assert "hunter2" not in repr(Settings())
