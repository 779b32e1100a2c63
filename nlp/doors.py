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
_BUILDING_WORD: Final = rf"号楼|号栋|栋|幢|号院|座|#楼?|号(?=[0-9{_SPOKEN}])"
_BUILDING: Final = rf"{_N}\s?(?:{_BUILDING_WORD})"
_UNIT_WORD: Final = "单元|门洞|门|梯"
_UNIT: Final = rf"{_N}\s?(?:{_UNIT_WORD})"
_FLOOR: Final = rf"{_N}\s?(?:楼|层)"
# A number of three or four digits behind a building is a room, unless something is counted or timed with it.
_COUNTED: Final = (
    r"[0-9*A-Za-z%％.]"
    r"|\s?(?:多|余|来|几|元|块|万|年|月|日|号线|路|米|平|㎡|m|人|名|家|个|台|辆|户(?!主|型)|套|间|次|栋|层|楼|分|秒|点|度|天|公里|吨)"
)
_CODE: Final = rf"(?:[0-9]{{2,4}}[A-Za-z]?|[A-Za-z][0-9]{{2,4}}|[{_SPOKEN}]{{3,5}})"
_ROOM: Final = (
    rf"{_CODE}\s?(?:号房|室|房间|房(?!产|地|价|屋|款|源)|户(?=[主,，。的]))"
    rf"|{_N}\s?(?:号房|室(?!内|外))|(?:[0-9]{{1,2}}[-—–])?[0-9]{{3,4}}\s?号?(?!{_COUNTED})(?!号?(?:商铺|门面|门店|铺面|铺))"
)
_JOIN: Final = r"[\s,，\-—的]?"
# The first number: its first character first, so that a search skips to it; none of its kind, star or dash before it.
_DIGIT: Final = f"[0-9A-Za-z{_SPOKEN}]"
_FIRST: Final = rf"{_DIGIT}(?<![0-9A-Za-z{_SPOKEN}*\-]{_DIGIT}){_DIGIT}{{0,4}}"
_DOOR: Final = re.compile(
    rf"{_FIRST}\s?(?:(?:{_BUILDING_WORD}){_JOIN}(?:{_BUILDING}{_JOIN})?(?:{_UNIT}{_JOIN})?|(?:{_UNIT_WORD}){_JOIN})(?:{_FLOOR}{_JOIN})?(?:{_ROOM})"
)
_DASHED: Final = re.compile(
    r"[0-9](?<=[\u4e00-\u9fa5:： ][0-9])(?<![年月日至到][0-9])[0-9]{0,2}[栋幢座#]?[-—–]"
    r"(?:[0-9]{1,2}(?:单元)?[-—–][0-9]{3,4}|[0-9]{3,4}(?=\s?(?:室|房(?!价|产)|号房)))(?:室|号房|房(?!价|产))?(?![0-9\-*])"
)
_LIVES: Final = re.compile(
    r"(?:住在|家住|现住|居住[在于地]|我住|住址|地址|门牌号?|房号|我家在?|租住在?|入住)[是为于在:：]{0,2}"
    rf"[^0-9\n。；;，,！!？?*{_SPOKEN}]{{0,20}}?"
    rf"(?P<door>(?:{_BUILDING}{_JOIN})(?:{_UNIT})?(?:{_JOIN}{_FLOOR})?|[0-9]{{1,4}}\s?(?:号|室|房)(?!线|楼|门|桥|公寓))"
)
# A number on a lane or in a village group is a house; on a road it is one where nothing is named behind it (中山路128号人民医院 is public).
_APPENDIX: Final = r"\s?(?:号|號)(?:附[0-9]{1,3}号?|[-—–][0-9]{1,4})?"
_LANE: Final = re.compile(
    rf"[0-9{_SPOKEN}](?<=[巷弄里坊组队屯湾冲].)(?<!小组.)[0-9{_SPOKEN}]{{0,4}}{_APPENDIX}"
    r"(?![线楼栋桥井杆灯车机文令站口仓库坑台馆厅窗支闸泵桩路院0-9]|门(?!面|店|市)|出口|公告|地块|工程|标段|公路|宿舍|宅基|房源)"
)
_AT_HOME: Final = rf"的?(?:住户|居民|家里|业主|人家|房主|户主|租户|租客|邻居|隔壁|楼上|楼下|漏水|渗水|院内|{_N}\s?(?:栋|幢|座|单元|室|楼))"
_ROAD: Final = re.compile(
    rf"[0-9](?<=[路街道].)(?<![河渠频管轨]道.)[0-9]{{0,4}}\s?(?:弄[0-9]{{1,4}})?{_APPENDIX}(?=$|[^\u4e00-\u9fa5]|{_AT_HOME})(?![线楼桥])"
)
_NUMBER: Final = re.compile(rf"[0-9]+[A-Za-z]?|[A-Za-z](?:[0-9]+)?|[{_SPOKEN}]+")


def find_doors(text: str) -> Iterator[Found]:
    """Door numbers in `text`: the stretch, with a star for each number in it."""
    for pattern, group in ((_DOOR, 0), (_DASHED, 0), (_LIVES, "door"), (_LANE, 0), (_ROAD, 0)):
        for match in pattern.finditer(text):
            start, end = match.span(group)
            yield Found(start, end, "address", _NUMBER.sub("*", text[start:end]))
