import pytest

from models.errors import BadSetting
from models.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"), [("MINSHENG_PORT", "abc"), ("MINSHENG_STORE", "solr"), ("MINSHENG_AUDIT_DAYS", "7")]
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=f"{name} 的值 '{value}'"):
        Settings.read()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_PORT", "8123")
    assert Settings.read().port == 8123
