"""Orders whose place is not told, or told wrongly, as people do: for benchmarks that must not lean on tidy place fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from models.item import Item

MISSING_SHARE: Final = 0.20
MISSPELT_SHARE: Final = 0.10
_INSTEAD: Final = ("我们这里", "这边", "家附近", "我们这一片")
_SLIPS: Final = "城成诚承湖胡华花园圆苑远东冬西溪新星心景井锦金山三泰太天田家佳丽里庭亭"
"""Characters that one is mistaken for another; what is drawn differs from what stood there."""


def misplace(items: Iterable[Item], seed: int, *, missing: float = MISSING_SHARE,
             misspelt: float = MISSPELT_SHARE) -> Iterator[Item]:  # fmt: skip
    """The same orders; of a share nobody says where (neither field nor text), of another a character of the place is wrong.

    Street and district stay: who takes a call knows them.

    Args:
        missing, misspelt: shares of the orders, 0–1.
    """
    rng = Random(f"misplace {seed}")
    for item in items:
        names = [name for name in (item.payload.place, item.payload.community) if name and name != item.payload.street]
        chance = rng.random()
        if not names or chance >= missing + misspelt:
            yield item
        elif chance < missing:
            yield _said(item, {name: rng.choice(_INSTEAD) for name in names}, place=None, community=None)
        else:
            wrong = {name: misspell(name, rng) for name in names}
            own = {field: value and wrong.get(value, value) for field, value in _fields(item).items()}
            yield _said(item, wrong, **own)


def misspell(name: str, rng: Random) -> str:
    """One character of the name changed or left out, not the last, by which people tell what kind of place it is."""
    at = rng.randrange(max(1, len(name) - 1))
    if len(name) > 3 and rng.random() < 0.3:
        return name[:at] + name[at + 1 :]
    other = rng.choice([character for character in _SLIPS if character != name[at]])
    return name[:at] + other + name[at + 1 :]


def _fields(item: Item) -> dict[str, str | None]:
    return {"place": item.payload.place, "community": item.payload.community}


def _said(item: Item, instead: dict[str, str], **fields: str | None) -> Item:
    texts = {}
    for field in ("title", "text"):
        text = getattr(item.payload, field)
        for name in sorted(instead, key=len, reverse=True):
            text = text.replace(name, instead[name])
        texts[field] = text
    return item.model_copy(update={"payload": item.payload.model_copy(update={**texts, **fields})})
