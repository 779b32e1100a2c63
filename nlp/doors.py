"""House and door numbers → stars; the address is cut to the community or the road (domain.md §6).

A building alone (3栋电梯) says where a fault is and names no household: it stays, unless somebody says that he lives there. From the
door on (3栋501室, 3-2-501, 三组15号, 中山路128号) every number of the address is starred.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nlp.numbers import Found

_SPOKEN: Final = "一二三四五六七八九十百零〇"
_N: Final = rf"(?:[0-9]{{1,4}}[A-Za-z]?|[A-Za-z][0-9]{{0,3}}|[{_SPOKEN}]{{1,5}})"
_BUILDING: Final = rf"{_N}\s?(?:号楼|号栋|栋|幢|号院|座|期|区|排|#楼?|号(?=[0-9{_SPOKEN}]))"
_UNIT: Final = rf"{_N}\s?(?:单元|门洞|门|梯)"
_FLOOR: Final = rf"{_N}\s?(?:楼|层)"
# A number of three or four digits behind a building is a room, unless something is counted or timed with it.
_COUNTED: Final = (
    r"[0-9*A-Za-z%％.]"
    r"|\s?(?:多|余|来|几|元|块|万|年|月|日|号线|路|米|平|㎡|m|人|名|家|个|台|辆|户(?!主|型)|套|间|次|栋|层|楼|分|秒|点|度|天|公里|吨)"
)
_CODE: Final = rf"(?:[0-9]{{2,4}}[A-Za-z]?|[A-Za-z][0-9]{{2,4}}|[{_SPOKEN}]{{3,5}})"
_ROOM: Final = (
    rf"{_CODE}\s?(?:号房|室|房间|房(?!产|地|价|屋|款|源)|户(?=[主,，。的]))"
    rf"|{_N}\s?(?:号房|室(?!内|外))|(?:[0-9]{{1,2}}[-—–])?[0-9]{{3,4}}\s?号?(?!{_COUNTED})"
)
_JOIN: Final = r"[\s,，\-—的]?"
_DOOR: Final = re.compile(
    rf"(?<![0-9A-Za-z{_SPOKEN}*\-])"
    rf"(?:{_BUILDING}{_JOIN}){{1,2}}(?:{_UNIT}{_JOIN})?(?:{_FLOOR}{_JOIN})?(?:{_ROOM})"
    rf"|(?<![0-9A-Za-z{_SPOKEN}*\-]){_UNIT}{_JOIN}(?:{_FLOOR}{_JOIN})?(?:{_ROOM})"
)
_BLOCK: Final = r"[0-9]{1,3}[栋幢座#]?[-—–]"
_DASHED: Final = re.compile(
    r"(?<=[\u4e00-\u9fa5:： ])(?<![年月日至到])"
    rf"(?:{_BLOCK}[0-9]{{1,2}}(?:单元)?[-—–][0-9]{{3,4}}|{_BLOCK}[0-9]{{3,4}}(?=\s?(?:室|房(?!价|产)|号房)))"
    r"(?:室|号房|房(?!价|产))?(?![0-9\-*])"
)
_LIVES: Final = re.compile(
    r"(?:住在|家住|现住|居住在?|我住|住址|地址|门牌号?|房号|我家在?|入住|租住在?|住)(?:是|为|于|:|：)?"
    rf"[^0-9\n。；;，,！!？?*{_SPOKEN}]{{0,20}}?(?P<door>(?:{_BUILDING}{_JOIN})(?:{_UNIT})?(?:{_JOIN}{_FLOOR})?|{_N}\s?(?:号|室|房)(?!线|楼|门|桥|公寓))"
)
_HOUSE: Final = re.compile(
    r"(?<=[路街巷道弄里坊组队屯湾冲])(?P<door>(?:[0-9]{1,5}|[一二三四五六七八九十百零〇]{1,5})\s?(?:弄|巷)?(?:[0-9]{1,4})?(?:号|號)(?:附[0-9]{1,3}号?|[-—–][0-9]{1,4})?)"
    r"(?!线|楼|栋|门(?!面|店|市)|桥|井|杆|灯|车|机|文|令|公告|站|出|口|仓|库|坑|台|馆|厅|窗|地块|工程|标|公路|路|宿舍楼|宅基|房源|院[0-9]|[0-9])"
)
_NUMBER: Final = re.compile(rf"[0-9]+[A-Za-z]?|[A-Za-z](?:[0-9]+)?|[{_SPOKEN}]+")


def find_doors(text: str) -> Iterator[Found]:
    """Door numbers in `text`: the stretch, with a star for each number in it."""
    for pattern, group in ((_DOOR, 0), (_DASHED, 0), (_LIVES, "door"), (_HOUSE, "door")):
        for match in pattern.finditer(text):
            start, end = match.span(group)
            yield Found(start, end, "address", _NUMBER.sub("*", text[start:end]))
