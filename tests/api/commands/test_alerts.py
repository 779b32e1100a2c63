from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from api.wiring import House
from indices.civic.alerts import record_alerts
from models.errors import NotFound
from models.figures import Hotspot, Hotspots, Source
from models.labels import Level
from models.query import Query

AT = datetime(2026, 4, 10, 8, tzinfo=UTC)


@pytest.fixture
def raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    one = Hotspot(rank=1, title="柳堤路路灯成片不亮", heat=80, parts={}, count=9, people=8, first=AT, last=AT, places=("柳堤路",), topic="城乡建设",
                  level=Level.ORANGE, members=("1",), sentences=(), key="k", record_ids=("r1",), rule="突增 3 → 橙色预警")  # fmt: skip
    source = Source(query=Query(since=AT - timedelta(days=7), until=AT), n=9, computed_at=AT)
    with House(read_only=True) as house:
        return record_alerts(house.database, Hotspots(hotspots=(one,), source=source), at=AT)[0].id


def minsheng(*arguments: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(load_commands(), ["alerts", *arguments])


def test_the_list_shows_level_rule_and_that_a_person_is_needed(raised: str) -> None:
    output = minsheng("list").output
    assert (
        f"{raised[:8]}  2026-04-10 16:00  [橙] 柳堤路路灯成片不亮（8 人 9 件；待处理，须人工确认后方可外发）" in output
    )
    assert "突增 3 → 橙色预警" in output


def test_confirming_and_rejecting_by_the_short_number_leave_audit_rows(raised: str) -> None:
    assert "已确认" in minsheng("confirm", raised[:8]).output
    assert "须人工确认" not in minsheng("list").output
    assert "不是热点" in minsheng("reject", raised).output
    with House(read_only=True) as house:
        assert [r.action for r in house.audit.rows()][:3] == ["alerts.rejected", "alerts.list", "alerts.confirmed"]


@pytest.mark.parametrize("number", ["nothing", ""])
def test_an_unknown_number_is_named(raised: str, number: str) -> None:
    assert isinstance(minsheng("confirm", number).exception, NotFound)


def test_without_alerts_it_says_how_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    assert "hotspots --record" in minsheng("list").output


def test_the_life_of_an_alert_by_commands(raised: str) -> None:
    assert "已签收" in minsheng("acknowledge", raised[:8]).output
    assert "暂缓到" in minsheng("snooze", raised[:8], "--hours", "2", "--reason", "等现场").output
    assert "已办结" in minsheng("close", raised[:8], "--note", "已处理").output
    told = minsheng("deliver").output
    assert "还没有渠道" in told
    assert "送达 0" in told
    assert "还没有发送过" in minsheng("deliveries").output


def test_rules_and_weights_by_commands(raised: str, tmp_path: Path) -> None:
    from importlib import resources

    from api.questions import today

    shipped = resources.files("indices.civic").joinpath("alert_rules.toml").read_text(encoding="utf-8")
    path = tmp_path / "rules.toml"
    own = shipped.replace('version = "default-1"', 'version = "city-1"').replace(
        "effective = 2000-01-01", f"effective = {today()}"
    )
    path.write_text(own, encoding="utf-8")
    assert "→ default-1" in minsheng("rules", "show").output
    tried = minsheng("rules", "trial", str(path), "--days", "7").output
    assert "default-1：7 天 0 条" in tried
    assert "city-1：7 天 0 条" in tried
    assert f"规则 city-1 自 {today()} 起使用" in minsheng("rules", "use", str(path)).output
    assert "→ city-1" in minsheng("rules", "show").output
    assert "概率界乘" in minsheng("rules", "budget", "--per-day", "2", "--days", "7").output
    assert "在用 1：" in minsheng("weights").output
    assert "50" in str(minsheng("refit").exception)
    assert "在用" in minsheng("weights", "1").output
