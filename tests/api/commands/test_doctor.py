from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from api.cli import load_commands
from api.wiring import House
from indices.audit import audit
from nlp.training.linear import Trained


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    runner = CliRunner()
    return lambda *arguments: runner.invoke(load_commands(), ["doctor", *arguments])


def test_a_new_house_is_sound_and_says_what_is_missing(run) -> None:  # type: ignore[no-untyped-def]
    done = run()
    assert done.exit_code == 0, done.output
    assert "minsheng user add" in done.output
    assert done.output.count("✓") == 6


def test_secrets_are_masked(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MINSHENG_ELASTIC_PASSWORD", "hunter2hunter2")
    monkeypatch.setenv("MINSHENG_ELASTIC_URL", "https://elastic:swordfish@search.example:9200")
    output = run().output
    assert "hunter2" not in output
    assert "swordfish" not in output
    assert "MINSHENG_ELASTIC_PASSWORD=******" in output


def test_a_broken_audit_chain_is_found(run) -> None:  # type: ignore[no-untyped-def]
    with House(read_only=True) as house:
        for n in range(3):
            house.audit.note("w", "x", str(n))
        with house.database.begin() as connection:
            connection.execute(update(audit).where(audit.c.number == 2).values(object="别的"))
    done = run()
    assert done.exit_code == 1
    assert "✗ 审计链" in done.output


def test_the_model_in_use_is_named(run, tmp_path: Path, trained: Trained) -> None:  # type: ignore[no-untyped-def]
    assert "✓ 语言模型：随程序自带（" in run().output
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "linear.zst").write_bytes(trained.model.to_bytes())
    with House(read_only=True) as house:
        _, annotator = house.shelf.use(str(tmp_path / "ours"))
    assert f"✓ 语言模型：ours（{annotator.version}）" in run().output


def test_a_model_in_use_that_cannot_be_loaded_is_found(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "in_use.json").write_text('{"name": "gone", "version": "linear-1"}', encoding="utf-8")
    done = run()
    assert done.exit_code == 1
    assert "✗ 语言模型：MS309 语言模型 gone 不能使用" in done.output


def test_expire_says_what_it_removed(run) -> None:  # type: ignore[no-untyped-def]
    assert "0 个会话、0 条审计" in run("--expire").output
