"""`minsheng alerts`: what was raised, what people did about it, to whom it was sent and whether it arrived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import date

    from api.wiring import House
    from indices.alerts.rules import Raised
    from indices.civic.alerts import Alert

group = typer.Typer(help="预警：列出、签收、确认、判为不是热点、暂缓、办结、发送。", no_args_is_help=True)
rules = typer.Typer(help="预警规则：查看、试算、启用、按误报预算定阈值。", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="预警编号，前 8 位即可")]
Note = Annotated[str, typer.Option(help="备注")]


def register(app: typer.Typer) -> None:
    group.add_typer(rules, name="rules")
    app.add_typer(group, name="alerts")


@group.command("list")
def list_all(limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50) -> None:
    """最近的预警，新的在前；附级别规则与所用的数。"""
    from api.wiring import House
    from indices.alerts.life import RAISED
    from indices.civic.alerts import NEEDS_PERSON, list_alerts
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        found = list_alerts(house.database, limit=limit)
        house.audit.note("console", "alerts.list", str(len(found)))
    if not found:
        typer.echo("还没有预警。登记：minsheng hotspots --record（定时任务每小时做一次）")
    for one in found:
        waits = "，须人工确认后方可外发" if one.level in NEEDS_PERSON and one.state == RAISED else ""
        at = one.raised_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{one.id[:8]}  {at}  {_words(one)[:-1]}{waits}）")
        typer.echo(f"          {one.rule}")


@group.command("acknowledge")
def acknowledge(alert: Id, note: Note = "") -> None:
    """签收：有人在看了，不再逾期上报。"""
    _step(alert, "acknowledge", note)


@group.command("confirm")
def confirm(alert: Id, note: Note = "") -> None:
    """确认一个预警；橙、红两级确认后才外发。"""
    _step(alert, "confirm", note)


@group.command("reject")
def reject(alert: Id, note: Note = "") -> None:
    """判定不是热点。"""
    _step(alert, "reject", note)


@group.command("close")
def close(alert: Id, note: Note = "") -> None:
    """办结。"""
    _step(alert, "close", note)


@group.command("snooze")
def snooze(alert: Id, hours: Annotated[float, typer.Option(min=0.1, max=168, help="几小时内不再上报、不再发送")],
           reason: Annotated[str, typer.Option(help="理由，必须写")]) -> None:  # fmt: skip
    """暂缓。"""
    from datetime import timedelta

    from api.wiring import House
    from indices.alerts import life
    from models.clock import CITY_TIME, now

    with House(read_only=True) as house:
        until = now() + timedelta(hours=hours)
        one = life.snooze(house.database, alert, "console", until, reason)
        house.audit.note("console", "alerts.snooze", f"{one.id} {reason}")
    typer.echo(f"{_words(one)}：暂缓到 {until.astimezone(CITY_TIME):%Y-%m-%d %H:%M}")


@group.command("deliver")
def deliver() -> None:
    """发送到期的预警和批示督办；逾期未签收的上报。定时任务每分钟做一次。"""
    from api.wiring import House
    from indices.alerts.channels import read_channels
    from indices.alerts.outbox import run, send_by_apprise
    from indices.alerts.reminders import remind

    with House(read_only=True) as house:
        path = house.folder / "channels.toml"
        channels = read_channels(path)
        remind(house.database)
        done = run(house.database, channels, send_by_apprise)
        house.audit.note("console", "alerts.deliver", f"{done.sent} {done.failed}")
    if not channels:
        typer.echo(f"还没有渠道：在 {path} 里写（见 docs/alerts.md）。逾期未签收的已上报到页面。")
    typer.echo(f"新排队 {done.enqueued}，送达 {done.sent}，放弃 {done.failed}，待发 {done.waiting}")


@group.command("deliveries")
def deliveries(limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50) -> None:
    """送给了谁，是否送达。"""
    from api.wiring import House
    from indices.alerts.outbox import STATE_NAMES, list_deliveries
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        found = list_deliveries(house.database, limit=limit)
        house.audit.note("console", "alerts.deliveries", str(len(found)))
    if not found:
        typer.echo("还没有发送过。")
    for one in found:
        at = (one.sent_at or one.next_at).astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
        kind = "（逾期上报）" if one.kind == "escalation" else ""
        problem = f"：{one.error}" if one.error else ""
        typer.echo(f"{one.alert[:8]} → {one.channel}{kind}  {STATE_NAMES[one.state]} {at}，第 {one.tries} 次{problem}")


@group.command("refit")
def refit() -> None:
    """用已确认和已判为不是热点的预警重定热度权重，报告前后；启用另说（alerts weights）。"""
    from api.wiring import House
    from indices.alerts.refit import refit as fit

    with House(read_only=True) as house:
        report = fit(house.database, "console")
        house.audit.note("console", "alerts.refit", report.version)
    typer.echo(f"标签 {report.labels} 条（确认 {report.confirmed}），五折交叉检验")
    typer.echo(
        f"AUC {report.auc_before:.3f} → {report.auc_after:.3f}，平均精确率 {report.precision_before:.3f} → {report.precision_after:.3f}"
    )
    typer.echo("权重 " + "，".join(f"{name} {value:.2f}" for name, value in report.weights.items()))
    typer.echo(f"{'有改进' if report.better else '没有改进'}；启用：minsheng alerts weights {report.version}")


@group.command("weights")
def weights(version: Annotated[str, typer.Argument(help="启用的版本；不给则列出，1 为随软件提供的")] = "") -> None:
    """热度权重的版本：列出或启用。"""
    from api.wiring import House
    from indices.alerts.refit import use, versions, weights_in_use

    with House(read_only=True) as house:
        if version:
            made = use(house.database, version)
            house.audit.note("console", "alerts.weights", made.version)
            typer.echo(f"热度权重 {made.version} 在用")
            return
        known, now_in_use = versions(house.database), weights_in_use(house.database)
    typer.echo(
        f"在用 {now_in_use.version}：" + "，".join(f"{name} {value:.2f}" for name, value in now_in_use.values.items())
    )
    for name, in_use, who, at, report in known:
        typer.echo(
            f"{'→' if in_use else ' '} {name}  {at:%Y-%m-%d} {who}，AUC {report['auc_before']:.3f} → {report['auc_after']:.3f}"
        )


@rules.command("show")
def show_rules() -> None:
    """今天用的规则，以及各版本的生效日。"""
    from api.questions import today
    from api.wiring import House
    from indices.alerts.rules import in_force, known_rules, saved_rules

    with House(read_only=True) as house:
        saved = {one.version: one for one in saved_rules(house.database)}
        now_in_force = in_force(house.database, today())
        known = known_rules(house.database)
    for one in known:
        who = f"，{saved[one.version].who} 启用" if one.version in saved else "，随软件提供"
        typer.echo(f"{'→' if one.version == now_in_force.version else ' '} {one.version}  自 {one.effective} 起{who}")
    for number, step in enumerate(now_in_force.body["burst"], start=1):
        typer.echo(f"突增 {number}：p<{step['p']:g} 且 7 天内人数≥{step['people']}")


@rules.command("trial")
def trial(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="一版规则（TOML）")],
          days: Annotated[int, typer.Option(min=7, max=365)] = 90) -> None:  # fmt: skip
    """试算：这版规则在过去若干天会登记哪些预警，与现行规则比较。"""
    from api.questions import today
    from api.wiring import House
    from indices.alerts.rules import check_rules, in_force, look_back, would_raise

    with House(read_only=True) as house:
        wanted = check_rules(house.database, file.read_text(encoding="utf-8"), today=today())
        known = in_force(house.database, today())
        last = newest_day(house)
        new = would_raise(look_back(house.console, last, wanted, days=days), wanted)
        old = would_raise(look_back(house.console, last, known, days=days), known)
        house.audit.note("console", "alerts.trial", wanted.version)
    _compare(known.version, old, wanted.version, new, days)


@rules.command("use")
def use(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="一版规则（TOML）")]) -> None:
    """启用：自该版的生效日起用它；旧预警仍按当时的规则说明。"""
    from api.wiring import House
    from indices.alerts.rules import save_rules

    with House(read_only=True) as house:
        made = save_rules(house.database, file.read_text(encoding="utf-8"), "console")
        house.audit.note("console", "alerts.rules", made.version)
    typer.echo(f"规则 {made.version} 自 {made.effective} 起使用")


@rules.command("budget")
def budget(per_day: Annotated[float, typer.Option(help="每天至多登记几条预警")],
           days: Annotated[int, typer.Option(min=7, max=365)] = 90) -> None:  # fmt: skip
    """按预算定阈值：把突增的概率界乘上多少，过去若干天平均每天不超过这么多条。"""
    from api.questions import today
    from api.wiring import House
    from indices.alerts.rules import in_force, look_back, within_budget, would_raise

    with House(read_only=True) as house:
        known = in_force(house.database, today())
        looked = look_back(house.console, newest_day(house), known, days=days)
        house.audit.note("console", "alerts.budget", f"{per_day:g}")
    factor, made = within_budget(looked, known, per_day, days=days)
    typer.echo(
        f"现行规则 {known.version}：{days} 天 {len(would_raise(looked, known))} 条，每天 {len(would_raise(looked, known)) / days:.2f}"
    )
    found = would_raise(looked, made)
    typer.echo(f"概率界乘 {factor:g}：{days} 天 {len(found)} 条，每天 {len(found) / days:.2f}（预算 {per_day:g}）")
    for number, step in enumerate(made.body["burst"], start=1):
        typer.echo(f"  突增 {number}：p<{step['p']:g} 且人数≥{step['people']}")
    if len(found) > per_day * days:
        typer.echo("仍超出预算：其余的来自范围、严重、负面三轴，请改这些轴的界。")


def newest_day(house: House) -> date:
    """The city day of the newest record; today where there is none."""
    from models.clock import city_day, now
    from models.query import Query

    hits = house.console.search(Query(size=1)).hits
    return city_day(hits[0].record.created_at) if hits else city_day(now())


def _compare(old_name: str, old: list[Raised], new_name: str, new: list[Raised], days: int) -> None:
    from indices.alerts.rules import levels_of

    for name, found in ((old_name, old), (new_name, new)):
        told = "，".join(f"{level} {count}" for level, count in levels_of(found).items())
        typer.echo(f"{name}：{days} 天 {len(found)} 条（{told}），每天 {len(found) / days:.2f}")
    before = {(one.title, one.level) for one in old}
    for one in new:
        mark = " " if (one.title, one.level) in before else "+"
        typer.echo(f"{mark} {one.day} [{one.level}] {one.title}（7 天内最多 {one.people} 人）")
    after = {(one.title, one.level) for one in new}
    for one in old:
        if (one.title, one.level) not in after:
            typer.echo(f"- {one.day} [{one.level}] {one.title}")


def _step(alert: str, kind: str, note: str) -> None:
    from api.wiring import House
    from indices.alerts.life import take_step

    with House(read_only=True) as house:
        one = take_step(house.database, alert, kind, "console", note)
        house.audit.note("console", f"alerts.{one.state}", f"{one.id} {one.title}")
    typer.echo(_words(one))


def _words(one: Alert) -> str:
    from indices.alerts.life import STATE_NAMES

    return f"[{one.level}] {one.title}（{one.people} 人 {one.count} 件；{STATE_NAMES[one.state]}）"
