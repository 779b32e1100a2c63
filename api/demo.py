"""`make run`: a simulated city, taken in like any other source, with users to look at it. Invented texts, a few minutes, no network."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from api import answers
from api.commands.user import random_password
from api.incidents import RECORDED
from api.incidents import take_in as register
from api.intake import take_in
from api.questions import today
from api.wiring import House
from models.clock import city_day, day_start
from models.errors import BadRequest
from models.item import Item
from models.labels import ROLE_NAMES, Role
from models.query import Query
from models.record import Frozen
from models.settings import Settings

if TYPE_CHECKING:
    from crawlers.simulation.city import City
    from indices.civic.base_data import BaseFigure

SEED = 1
EVENTS = 12
NAMES = {
    Role.LEADER: "leader", Role.ANALYST: "analyst", Role.OPERATOR: "operator", Role.RESEARCHER: "researcher",
    Role.SYSTEM_ADMIN: "system", Role.SECURITY_ADMIN: "security", Role.AUDIT_ADMIN: "audit",
}  # fmt: skip
SUMMARY = """
民声已启动    {address}
城市          {city}（模拟，{orders:,} 件诉求，{days} 天；{hotspots} 个热点，满意度 {index}）
领导          {address}          用户 leader     看今日、热点、简报
政策研究      {address}satisfaction  用户 analyst    看满意度与区间
热线坐席      {address}desk      用户 operator   分派新工单
研究人员      {address}search    用户 researcher 检索与导出
管理员        {address}sources   用户 system、security、audit
密码          {password}（以上账户共用，只在这里显示，每次启动都换）
数据          {home}（make clean 删除；导入真实文件：minsheng ingest 文件）
停止          Ctrl-C
"""


def prepare(settings: Settings, *, days: int, per_day: int) -> str:
    """Take the city in where the store is empty, make the users, compute the newest day's figures.

    Returns:
        The ten-line summary, with `{address}` left open.
    """
    from crawlers.simulation.orders import SOURCE, simulate
    from indices.civic.alerts import record_alerts
    from indices.civic.hotspots import find_hotspots

    with House(settings) as house:
        plan = _plan(house, days, per_day)
        city = simulate(seed=SEED, days=plan.days, per_day=plan.per_day, end=plan.end, events=EVENTS)
        if not plan.taken_in:
            _write_catalogue(house, city.city)
            _write_districts(house, city.city)
            house.base.keep(_base(city.city, plan.end.year), "demo")
            _take_in(house, city.items(), SOURCE, len(city))
            _note(house, plan.model_copy(update={"taken_in": True}))
        os.environ.setdefault("MINSHENG_CITY", city.city.name)  # the server and the children show it
        password = _users(house)
        reader = house.console
        newest = reader.search(Query(size=1)).hits[0].record.created_at
        last = city_day(newest)
        found = answers.hotspots(house, reader, last - timedelta(days=6), last + timedelta(days=1), top=20)
        month = find_hotspots(
            reader, day_start(last - timedelta(days=27)), day_start(last + timedelta(days=1)), top=RECORDED,
            kept=house.kept_groups,
        )  # fmt: skip
        register(house, month.hotspots)
        record_alerts(house.database, month)
        for by in ("department", "week", "district"):
            index = answers.index(house, reader, by, last - timedelta(days=89), last + timedelta(days=1))
        value = index.overall.value
        return SUMMARY.format(
            address="{address}", city=city.city.name, orders=house.inbox.books(SOURCE).stored, days=plan.days, home=house.folder,
            hotspots=len(found.hotspots), index="样本不足" if value is None else f"{value:.1f}", password=password,
        )  # fmt: skip


class Plan(Frozen):
    """Which city lies here, and whether it came in whole: a start that was killed half-way goes on with the same orders."""

    end: date
    days: int
    per_day: int
    taken_in: bool = False


def _plan(house: House, days: int, per_day: int) -> Plan:
    """The city that lies here already, or a new one up to yesterday."""
    path = house.folder / "demo.json"
    if path.exists():
        return Plan.model_validate_json(path.read_text(encoding="utf-8"))
    _refuse_a_real_house(house)
    plan = Plan(end=today() - timedelta(days=1), days=days, per_day=per_day)
    _note(house, plan)
    return plan


def _note(house: House, plan: Plan) -> None:
    (house.folder / "demo.json").write_text(plan.model_dump_json(), encoding="utf-8")


def _refuse_a_real_house(house: House) -> None:
    """Invented orders, a catalogue and new passwords must never come upon what a city keeps. Raises BadRequest."""
    if house.inbox.sources() or house.users.count() or (house.folder / "catalogue.csv").exists():
        reason = "此目录已有数据、账户或派单目录；模拟城市请用空目录，如 MINSHENG_HOME=/tmp/demo minsheng run --demo"
        raise BadRequest(name="--demo", value=str(house.folder), reason=reason)


def _write_catalogue(house: House, city: City) -> None:
    rows = city.catalogue_rows()
    with (house.folder / "catalogue.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_districts(house: House, city: City) -> None:
    """Where the districts' tiles stand, from the centres of their streets."""
    from dashboards.views.tile_map import grid_of

    held: dict[str, list[tuple[float, float]]] = {}
    for street in city.streets:
        held.setdefault(street.district, []).append(street.centre)
    centres = {
        name: (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
        for name, points in held.items()
    }
    with (house.folder / "districts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("区县", "列", "行"))
        writer.writerows((name, *place) for name, place in grid_of(centres).items())


def _base(city: City, year: int) -> list[BaseFigure]:
    """Invented numbers of people, households and legal persons, as many as a district's streets have weight."""
    from indices.civic.base_data import BaseFigure

    total, found = sum(street.weight for street in city.streets), []
    for district in city.districts:
        # Streets of towns have fewer orders a head, as in real cities.
        share = sum(street.weight * (1.35 if street.town else 1.0) for street in district.streets) / total
        for indicator, whole in (("population", 4_200_000), ("households", 1_600_000), ("legal_persons", 210_000)):
            found.append(
                BaseFigure(code=district.adcode, name=district.name, indicator=indicator, year=year - 1, value=round(share * whole, -2),
                           source="模拟统计年鉴")
            )  # fmt: skip
    return found


def _take_in(house: House, items: Iterator[Item], source: str, total: int) -> None:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        tasks = {step: bar.add_task(step, total=total) for step in ("收件", "入库")}
        take_in(house, items, source, lambda step, done: bar.update(tasks[step], completed=done))


def _users(house: House) -> str:
    """One account a role, all with a new random password."""
    password = random_password()
    known = {account.name for account in house.users.list()}
    for role, name in NAMES.items():
        if name in known:
            house.users.set_password(name, password)
        else:
            house.users.add(name, password, role)
        house.audit.note("console", "user.demo", f"{name} {ROLE_NAMES[role]}")
    return password
