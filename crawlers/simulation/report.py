"""How a body of orders looks: shares, lengths, richness of words, near-duplicates; beside the same of real files.

Computed when asked, printed, not stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import numpy as np

from models.item import Item
from models.labels import CHANNEL_NAMES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crawlers.simulation.orders import Simulation

SAMPLE: Final = 2_000
"""Texts that near-duplicates and richness are measured on, so that files of different sizes compare."""
WINDOW_TOKENS: Final = 20_000
"""Tokens that the type-token ratio is taken over; it falls with the length of what is counted."""
QUANTILES: Final = (5, 25, 50, 75, 95)


@dataclass(slots=True)
class Profile:
    """Counts over one body of texts. A reservoir keeps at most `SAMPLE` texts, so memory does not grow with the file."""

    name: str
    count: int = 0
    channels: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _rng: Random = field(default_factory=lambda: Random(0))

    def add(self, item: Item) -> None:
        payload = item.payload
        self.count += 1
        self.channels[payload.channel] += 1
        for counter, value in (
            (self.types, payload.stated_type),
            (self.topics, payload.stated_topic),
            (self.statuses, payload.status),
        ):
            if value:
                counter[value] += 1
        self.lengths.append(len(payload.text))
        if len(self.texts) < SAMPLE:
            self.texts.append(payload.text)
        elif (slot := int(self._rng.random() * self.count)) < SAMPLE:
            self.texts[slot] = payload.text

    @classmethod
    def of_folder(cls, folder: Path) -> list[Profile]:
        """One profile for each table of the folder that a mapping fits."""
        from crawlers.feeds.importer import open_feed

        profiles = []
        for path in sorted(p for p in folder.iterdir() if p.suffix in (".xlsx", ".csv", ".jsonl")):
            profile = cls(path.stem)
            for item in open_feed(path).items():
                profile.add(item)
            profiles.append(profile)
        return profiles

    def length_quantiles(self) -> list[int]:
        """Characters per text at `QUANTILES`."""
        return [int(q) for q in np.percentile(self.lengths, QUANTILES)] if self.lengths else [0] * len(QUANTILES)

    def type_token_ratio(self) -> float:
        """Distinct tokens / tokens over the first `WINDOW_TOKENS` tokens of the sample."""
        from nlp.segment import segment

        tokens: list[str] = []
        for text in self.texts:
            tokens += segment(text)
            if len(tokens) >= WINDOW_TOKENS:
                break
        window = tokens[:WINDOW_TOKENS]
        return len(set(window)) / len(window) if window else 0.0

    def duplicate_share(self) -> float:
        """Share of the sample that is a near-duplicate of an earlier text in it."""
        from nlp.similar import near_duplicates

        return 1 - len(set(near_duplicates(self.texts))) / len(self.texts) if self.texts else 0.0


def shares(simulation: Simulation, profile: Profile) -> str:
    """What was simulated, in a few Chinese lines."""

    def listed(counter: Counter[str], names: dict[str, str] | None = None) -> str:
        return "  ".join(f"{(names or {}).get(k, k)} {n / profile.count:.1%}" for k, n in counter.most_common(20))

    city = simulation.city
    days = (simulation.end - simulation.start).days + 1
    sizes = "、".join(str(event.size) for event in simulation.plan.events) or "无"
    return "\n".join((
        f"{city.name}（虚构）{simulation.start} 至 {simulation.end}，{days} 天，{len(simulation):,} 件工单，写出 {profile.count:,} 行",
        f"区县 {len(city.districts)} 个，街道乡镇 {len(city.streets)} 个，承办单位 {len(city.units)} 个",
        f"注入事件 {len(simulation.plan.events)} 个，规模：{sizes}",
        f"渠道：{listed(profile.channels, CHANNEL_NAMES)}",
        f"类型：{listed(profile.types)}",
        f"分类：{listed(profile.topics)}",
        f"状态：{listed(profile.statuses)}",
    ))  # fmt: skip


def compare_table(profiles: Sequence[Profile]) -> RenderableType:
    """Profiles side by side."""
    from rich.table import Table

    table = Table("来源", "件数", *(f"字数 {q}%" for q in QUANTILES), f"类符形符比（{WINDOW_TOKENS:,} 词）", "近重复")
    for profile in profiles:
        table.add_row(*_row(profile))
    return table


def _row(profile: Profile) -> Iterable[str]:
    return (profile.name, f"{profile.count:,}", *map(str, profile.length_quantiles()), f"{profile.type_token_ratio():.3f}",
            f"{profile.duplicate_share():.1%}")  # fmt: skip
