"""New topics for commands and pages; whole-city affairs, because their words come from everybody's records."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from indices.access import ScopedStore
from models.errors import NotFound

if TYPE_CHECKING:
    from api.wiring import House
    from indices.topics.register import Topic

TAXONOMY = "taxonomy.csv"


def adopt(house: House, reader: ScopedStore, number: int, name: str) -> tuple[Topic, Path, Path, int]:
    """Make a class of a topic: the city's taxonomy file, and its examples as a table that `train heads --labels` reads.

    Returns:
        The topic, the taxonomy file, the table, its rows.

    Raises:
        BadRequest: a name that is none.
        NotFound: no such topic, or the viewer sees some districts only.
    """
    from indices.topics import register

    city_only(reader)
    made = register.adopt(house.database, number, name, reader.viewer.name)
    house.audit.note(reader.viewer.name, "topics.adopt", f"{number} {made.adopted_as}")
    labels = house.folder / f"topic-{number}.csv"
    records = [record for record_id in made.examples if (record := reader.get(record_id))]
    with labels.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("title", "text", "topic"))
        writer.writerows((record.title, record.text, made.adopted_as.split("/")[0]) for record in records)
    return made, write_taxonomy(house), labels, len(records)


def write_taxonomy(house: House) -> Path:
    """Every class that people made, one a line, with who made it and from which words."""
    from indices.topics.register import taxonomy

    path = house.folder / TAXONOMY
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("类", "上级类", "新话题", "设立人", "词"))
        for name, number, who, words in taxonomy(house.database):
            parent, _, own = name.rpartition("/")
            writer.writerow((own, parent, number, who, words))
    return path


def drop(house: House, reader: ScopedStore, number: int) -> Topic:
    """No topic. Raises NotFound."""
    from indices.topics import register

    city_only(reader)
    done = register.drop(house.database, number, reader.viewer.name)
    house.audit.note(reader.viewer.name, "topics.drop", str(number))
    return done


def city_only(reader: ScopedStore) -> None:
    """Raises NotFound for who sees some districts only."""
    if reader.viewer.districts is not None:
        raise NotFound(what="地址 /topics")
