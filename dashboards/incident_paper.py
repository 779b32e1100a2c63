"""A paper about one incident: what is known, what happened when, who has it, what was like it before."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import formats
from dashboards.briefing import IDS_SHOWN, Briefing, Claim, Section, Statement
from indices.incidents.account import Account
from indices.incidents.register import STATE_NAMES
from models.clock import city_day, now
from models.labels import CHANNEL_NAMES, DEPARTMENTS
from models.query import Query

QUOTED = 3


def compose_incident(found: Account, *, city: str = "", instructions: Sequence[str] = ()) -> Briefing:
    """The paper, from the records that the viewer may see."""
    first, last = (city_day(record.created_at) for record in (found.records[0], found.records[-1]))
    sections = (
        Section(heading="基本情况", statements=_facts(found)),
        Section(
            heading="经过",
            statements=tuple(Statement(text=f"{formats.moment(one.at)}，{one.words}。") for one in found.timeline),
        ),
        Section(heading="典型诉求", statements=_quotations(found)),
        Section(heading="相似的往事", statements=_like(found)),
        Section(
            heading="批示落实", statements=tuple(map(_plain, instructions)) or (Statement(text="没有未办结的批示。"),)
        ),
    )
    return Briefing(
        day=last, first=first, city=city, made_at=now(), hotspots=1, sections=sections, versions={}, kind="incident",
        subject=found.incident.title,
    )  # fmt: skip


def _facts(found: Account) -> tuple[Statement, ...]:
    ids = tuple(record.id for record in found.records)
    shown = tuple(record.native_id or record.id for record in found.records[:IDS_SHOWN])
    query = Query(filters={"id": ids}, size=0)
    count = Claim(value=len(ids), words="本事件件数", query=query, ids=shown)
    people = Claim(value=found.people, words="去重人数", query=query, ids=shown, computed=True)
    one = found.incident
    hidden = "（另有不在本范围内的件，未计）" if found.hidden else ""
    first = (
        f"事件 {one.number}，{one.level}级，{STATE_NAMES[one.state]}，地点：{one.place or '未明'}，分类：{one.topic}。"
    )
    counted = f"共 {len(ids):,} 件，{found.people:,} 人反映{hidden}。"
    return (
        Statement(text=first),
        Statement(text=counted, claims=(count, people)),
        _shares("渠道", found.channels, "channel", CHANNEL_NAMES, query),
        _shares("承办", found.departments, "department", DEPARTMENTS, query),
    )


def _shares(lead: str, pairs: Sequence[tuple[str, int]], field: str, names: dict[str, str], query: Query) -> Statement:
    """A list of counts; those of a department are of the record's own or the suggested one, so they are not plain counts."""
    if not pairs:
        return Statement(text=f"{lead}：未明。")
    told = "、".join(f"{names.get(key, key)} {count:,} 件" for key, count in pairs)
    claims = tuple(
        Claim(
            value=count,
            words=names.get(key, key),
            query=query.narrowed(**{field: (key,)}),
            computed=field == "department",
        )
        for key, count in pairs
    )
    return Statement(text=f"{lead}：{told}。", claims=claims)


def _quotations(found: Account) -> tuple[Statement, ...]:
    """The beginnings of the texts of different people, verbatim and masked as they are kept."""
    seen: set[str | None] = set()
    chosen = []
    for record in found.records:
        if record.speaker in seen and record.speaker is not None:
            continue
        seen.add(record.speaker)
        text = record.text.strip().split("\n")[0]
        if text:
            chosen.append(
                Statement(text=f"“{text[:120]}{'…' if len(text) > 120 else ''}”（{record.native_id or record.id}）")
            )
        if len(chosen) == QUOTED:
            break
    return tuple(chosen) or (Statement(text="没有可引的原文。"),)


def _like(found: Account) -> tuple[Statement, ...]:
    if not found.like:
        return (Statement(text="台账里没有相似的往事。"),)
    return tuple(Statement(text=f"{one.incident.number}“{one.incident.title}”，{one.ended}。") for one in found.like)


def _plain(line: str) -> Statement:
    return Statement(text=line)
