"""Places, roads, communities, organisations and (masked) persons in a text, by words and a table of names.

An entity ends in a word of its kind (…街道, …路, …小区, …公司). Its name begins, going left word by word, behind the first word that no
name contains (nlp/data/entity_stops.txt) or behind another entity, and is at most a few words long. Names of streets, towns and
districts come from the table first, so that their beginning is known and not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import Final, NamedTuple

from models.record import Entity
from nlp.places import find_places
from nlp.segment import spans

PLACE, ROAD, COMMUNITY, ORGANISATION, PERSON = "place", "road", "community", "organisation", "person"

# Endings that a word of two characters has by chance as often as not (布局, 下乡, 上市).
_SHORT_ENDINGS: Final = frozenset("局城组湾港市区县乡镇街巷路厂河湖渠桥村郡苑")
_QUALIFIERS: Final = frozenset("大小新老旧好坏多")
_STANDALONE: Final = frozenset(("高新区", "经开区"))  # a city has one, so it needs no name
_VERBS: Final = frozenset("请住在到被把让去找问管给")
_REACH: Final = {
    PLACE: (2, 6),
    ROAD: (3, 7),
    COMMUNITY: (4, 10),
    ORGANISATION: (7, 20),
}  # words, characters before the ending
_CODE: Final = re.compile(r"(?:[A-Z][0-9]{0,2}[省市区县]|西地省)+")
_PERSON: Final = re.compile(
    r"(?<![*0-9A-Za-z])(?:(?:欧阳|司马|上官|诸葛|东方|皇甫|尉迟|慕容|令狐|司徒|夏侯)|[\u4e00-\u9fa5])\*(?![*0-9A-Za-z栋单室号座幢层楼])"
)
# An organisation whose own part is one of these is named by the place before it: 星沙镇中心小学.
_NAMED_BY_PLACE: Final = re.compile(
    "^(?:中心|第[一二三四五六七八九十]|人民|中医|妇幼|实验|公安|教育|民政|财政|住建|城管|规划|国土|环保|水务|水利|卫生|市场|税务|交警|交通|人社|社保|医保|政府"
    "|街道办|法院|检察|房产|房管|司法|信访|应急|农业|林业|文旅|自然|生态|城市|纪委|发改|不动产|公积金|管委会|政务|供电|自来水|派出所|敬老院|卫生院|车管所|疾控"
    "|工商|质监|食药|卫健|综合|行政|招商|拆迁|征收)"
)
_OFFICE: Final = re.compile("(?:局|政府|委员会|管委会|办公室|办事处|中心|派出所|大队|支队|法院|检察院)$")
_TEXT_LIMIT: Final = 20_000  # characters that are looked at; a citizen's text is below 5,000


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def entities(text: str) -> list[Entity]:
    """Entities of masked `text`, in order, without overlap; the longest sensible span where several fit.

    Kinds: place (district, county, street, town), road (and bridges, waters), community (compounds, villages, markets),
    organisation, person (as masked: 张*). Linear in the length of the text, of which the first 20,000 characters count.
    """
    text = text[:_TEXT_LIMIT]
    known = _known_places(text)
    found = list(known)
    found += [(m.start(), m.end(), PERSON) for m in _PERSON.finditer(text)]
    found += _by_ending(_words(text, known), known)
    return [
        Entity(text=text[start:end], kind=kind, start=start, end=end) for start, end, kind in _without_overlap(found)
    ]


def main_object(text: str, found: Sequence[Entity] | None = None) -> Entity | None:
    """The named place or object that `text` is most likely about, as an entity of the kind place, or nothing.

    Touching entities are taken together (A3区望城坡街道 + 幸福花园). The first of them that is more than a place and more than an
    office goes first: a demand is about the compound, and addressed to the district and its offices.
    """
    chains: list[tuple[int, int, int]] = []
    for entity in entities(text) if found is None else found:
        if entity.kind == PERSON:
            continue
        rank = 2 if entity.kind == PLACE else int(entity.kind == ORGANISATION and bool(_OFFICE.search(entity.text)))
        if chains and chains[-1][1] == entity.start:
            start, _, before = chains.pop()
            chains.append((start, entity.end, min(before, rank)))
        else:
            chains.append((entity.start, entity.end, rank))
    if not chains:
        return None
    start, end, _ = min(chains, key=lambda chain: (chain[2], chain[0]))
    return Entity(text=text[start:end], kind=PLACE, start=start, end=end)


def _known_places(text: str) -> list[tuple[int, int, str]]:
    """Coded places and names of the table; a name inside a longer one is left out."""
    found = [(m.start(), m.end(), PLACE) for m in _CODE.finditer(text)]
    found += [(start, end, PLACE) for start, end in find_places(text)]
    return _without_overlap(found)


def _words(text: str, known: list[tuple[int, int, str]]) -> list[_Word]:
    """The words of `text`, cut at the borders of the known places, so that none reaches over them."""
    words: list[_Word] = []
    borders = [0, *(offset for start, end, _ in known for offset in (start, end)), len(text)]
    for begin, end in pairwise(borders):
        words += [_Word(word, begin + start, begin + stop) for word, start, stop in spans(text[begin:end])]
    return words


def _by_ending(words: list[_Word], known: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    stops, bare = _stops(), _endings()[1]
    places = {end: start for start, end, _ in known}
    inside = {offset for start, end, _ in known for offset in range(start, end)}
    found: list[tuple[int, int, str]] = []
    for index, word in enumerate(words):
        ending, kind = _ending(word.text)
        if not kind or word.end - 1 in inside:
            continue
        own = word.text not in bare and len(word.text) > len(ending) and word.text not in stops
        if len(ending) == 1 and len(word.text) == 2 and ending in _SHORT_ENDINGS:
            own = False
        own = own or word.text in _STANDALONE
        floor = found[-1][1] if found else 0
        if found and floor == word.start and not own:
            found[-1] = (
                found[-1][0],
                word.end,
                found[-1][2] if kind == ROAD else kind,
            )  # 阳光花园 + 小区, 市公安局 + 交警支队
            continue
        start = _beginning(words, index, kind, floor, inside)
        if (
            kind == ORGANISATION
            and start in places
            and _NAMED_BY_PLACE.match("".join(w.text for w in words[_first(words, start, index) : index + 1]))
        ):
            start = places[start]
        elif start == word.start and not own:
            continue
        if word.end - start >= 2:
            found.append((start, word.end, kind))
    return found


def _first(words: list[_Word], start: int, index: int) -> int:
    """The index of the word that begins at `start`, at or before `index`."""
    while words[index].start > start:
        index -= 1
    return index


def _beginning(words: list[_Word], index: int, kind: str, floor: int, inside: set[int]) -> int:
    """Where the name that ends with the word `index` begins."""
    limit_words, limit_characters = _REACH[kind]
    start = words[index].start
    stops, bare = _stops(), _endings()[1]
    for step in range(1, min(limit_words, index) + 1):
        word = words[index - step]
        if (
            word.end != start
            or word.start < floor
            or word.end - 1 in inside
            or word.text in stops
            or word.text.isdigit()
        ):
            break
        if words[index].end - word.start > limit_characters + 2:
            break
        if word.text in _QUALIFIERS and (step == 1 and words[index].text in bare):
            break  # 老小区, 大市场: no name
        if kind != ORGANISATION and _ending(word.text)[1] in (PLACE, ROAD) and word.text not in ("新城", "新区"):
            break
        start = word.start
    first = words[_first(words, start, index)]
    while start < first.end and words[index].end - start > 3 and first.text[start - first.start] in _VERBS:
        start += 1  # 请区教育局, 住翠湖名苑: the segmenter joined a verb to the name
    return start


def _without_overlap(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """In order of place; of two that overlap the longer stays, of equal ones the one that was found first."""
    kept: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda f: (f[0], -f[1])):
        if kept and start < kept[-1][1]:
            if end - start > kept[-1][1] - kept[-1][0]:
                kept[-1] = (start, end, kind)
            continue
        kept.append((start, end, kind))
    return kept


@lru_cache(maxsize=65_536)
def _ending(word: str) -> tuple[str, str]:
    """The longest ending of a word, and its kind; empty where it has none."""
    kinds = _endings()[0]
    for length in range(min(6, len(word)), 0, -1):
        if kind := kinds.get(word[-length:]):
            return word[-length:], kind
    return "", ""


@cache
def _endings() -> tuple[dict[str, str], frozenset[str]]:
    """Ending → kind, and the bare words."""
    kinds: dict[str, str] = {}
    section = ""
    for line in _lines("entity_endings.txt"):
        if line.startswith("["):
            section = line.strip("[]")
        else:
            kinds.update({f"{section}:{word}": section for word in line.split()})
    bare = frozenset(key.partition(":")[2] for key, kind in kinds.items() if kind == "bare")
    return {key.partition(":")[2]: kind for key, kind in kinds.items() if kind != "bare"}, bare


@cache
def _stops() -> frozenset[str]:
    return frozenset(word for line in _lines("entity_stops.txt") for word in line.split())


def _lines(name: str) -> list[str]:
    text = resources.files("nlp").joinpath("data", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
