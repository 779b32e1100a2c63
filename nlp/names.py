"""Names of persons in a text, by the words around them: 我叫…, 联系人：…, …主任, … 13800138000.

A family name from the list, one or two characters behind it, and evidence. A cue with a colon is enough by itself; a cue that is
also everyday speech (业主, 老师, 我是) needs characters that given names are made of, no everyday word, and an end behind the name.
A family name with a title (王先生) is what masking leaves, so it stays. Names without any cue are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from nlp.numbers import Found
from nlp.segment import cutter
from nlp.wording import any_of

_HAN: Final = "\u4e00-\u9fa5"
# Cues that say by themselves that a name follows.
_CALLED_WHO: Final = "我 他 她 本人 名 名字 姓名 孩子 小孩 儿子 女儿"
_CALLED: Final = tuple(f"{who}叫{how}" for who in _CALLED_WHO.split() for how in ("", "做", "作"))
_NAMED: Final = tuple(
    f"{whose}{what}"
    for whose in ("", "我的", "他的", "她的", "本人")
    for what in ("名字", "姓名", "真名", "真实姓名", "大名")
)
_SPEAKERS: Final = "投诉 举报 反映 反应 检举 申请 诉求 来电 来信 上访 信访 报案 申诉 求助 申报 受害"
_PARTIES: Final = """
联系 紧急联系 经办 联络 接待 代理 委托 被委托 监护 担保 当事 法 收件 寄件 收款 付款 持卡 开户 产权 承租 出租 买受 被投诉 被举报 被反映 被检举
"""
_OTHER_SAYS: Final = (
    "署名 落款 法定代表人 法人代表 户名 户主 车主 房主 业主姓名 死者 伤者 患者 病人 嫌疑人 肇事者 证人 联系方式 被害人"
)
_SAYS: Final = frozenset(
    (*_CALLED, *_NAMED, *(f"{kind}人" for kind in f"{_SPEAKERS} {_PARTIES}".split()), *_OTHER_SAYS.split())
)
# Cues after which something else may follow as well.
_RELATIONS: Final = """
我是 这是 本人 业主 村民 居民 市民 学生 女儿 儿子 丈夫 妻子 老公 老婆 爱人 父亲 母亲 爸爸 妈妈 哥哥 弟弟 姐姐 妹妹 岳父 岳母 爷爷 奶奶 外公 外婆 孙子 孙女
邻居 房东 朋友 网友 用户 同事 同学 工友 代表 员工 职工 职员 寻找 家长 家属 亲属 亲戚 老乡 战友 室友 男友 女友 男朋友 女朋友 前夫 前妻 公公 婆婆 儿媳 媳妇
女婿 侄子 侄女 外甥 外甥女 舅舅 舅妈 姑姑 姑父 姨妈 伯父 叔叔 婶婶 表哥 表弟 表姐 表妹 堂哥 堂弟 姐夫 妹夫 嫂子 弟媳 孩子 小孩 男孩 女孩 男子 女子 老人 老汉
大爷 大妈 阿姨 住户 租户 租客 房客 店主 老板娘 会员 顾客 客户 消费者 乘客 旅客 游客 党员 干部 农民 工人 民工 退休职工 退伍军人 伤员 儿童 原告 被告 上诉人 被上诉人
债务人 债权人 股东 合伙人 实际控制人 主持人
"""
_OFFICES: Final = """
老板 中介 包工头 司机 负责人 老师 班主任 校长 教师 医生 护士 警官 民警 交警 辅警 经理 主任 书记 村长 组长 支书 会计 局长 科长 所长 队长 镇长 乡长 区长
县长 市长 站长 院长 主席 会长 客服 业务员 销售员 管家 保安 物管 村干部 社区干部 网格员
店长 店员 快递员 外卖员 配送员 保洁员 护工 护理员 教练 导师 工作人员 接线员 话务员 办事员 科员
处长 部长 主管 总监 园长 行长 社长 厂长 班长 队员 组员 法官 律师 检察官 书记员 驾驶员 售货员 收银员 收费员 业务经理 置业顾问 销售顾问 施工员 监理 工程师 师傅 大夫 主播 助理 秘书 委员 董事长 总经理 副总
"""
_HINTS: Final = frozenset((*_RELATIONS.split(), *_OFFICES.split()))
_LINK: Final = r"[\s:：;；=,，(（\[【\]】\"“'‘是为叫—\-_]{0,4}"
_GAP: Final = re.compile(r"[ :：叫是(（\[【“]{0,2}")
_CUE: Final = any_of(_SAYS | _HINTS)
_CUED: Final = re.compile(f"(?P<cue>{_CUE})(?P<link>{_LINK})(?=[{_HAN}])")
# Titles behind a name.
_TITLES: Final = """
先生 女士 小姐 太太 同志 同学 经理 老师 主任 书记 医生 大夫 护士 警官 法官 律师 师傅 阿姨 叔叔 大爷 大妈 大姐 大哥 老板 教授 工程师 会计 司机 民警 辅警
管家 委员 支书 董事 主席 总监 秘书 助理 夫妇 夫妻 等人 局长 科长 处长 院长 校长 站长 所长 队长 村长 镇长 乡长 区长 县长 市长 社长 会长 班长 组长 部长 厂长 店长
董事长 馆长 等 (男 (女 （男 （女 ，男 ，女 ,男 ,女
"""
_TITLED: Final = re.compile(any_of(_TITLES.split()))
_NO_TITLE: Final = re.compile(
    "[^等(（,，].*长[期久达年时江沙远大方短度途效]|会计[师划入算]|委员会|董事会|等(?!人|[0-9一二三四五六七八九十百]{1,4}人)|[(（,，][男女](?![,，、)）0-9。])"
)
# Three characters between two marks: 曾与他交涉，某某某，均无结果.
_ENCLOSED: Final = re.compile(f"(?<=[，,。；;：:、（(\n])[{_HAN}]{{3}}(?=[，,。；;、）)\n]|$)")
_MORE: Final = re.compile(r"\s?(?:[、/,，]|和|与|及|以及)\s?")
_END: Final = re.compile(
    rf"$|[^{_HAN}]|先生|女士|小姐|同志|同学|老师|经理|主任|书记|电话|手机|联系|身份证|[男女今年现家住系是在于为向说称和与及等的因对将从已又曾我他她本之生岁等户共]"
    r"|反映|反应|投诉|举报|来电|咨询|求助|要求|希望|号码|微信|出生|表示|认为|夫妇|一家|以及|打|发|给|把|被|去|到|没|不|有|也|就|还|却|都|跟|同"
)
# What stands after a cue where a form was left empty, or where the cue was no cue.
_NO_NAME_WORDS: Final = """
不详 不明 不便 保密 匿名 无名 未知 未提供 没有 未留 暂无 同上 本人 电话 手机 号码 姓名 地址 住址 先生 女士 小姐 单位 公司 身份
性别 年龄 见附件 如下 以下 信息 要求 表示 来电 反映 投诉 举报 多人 多名 某人 某某 全体 众多 我们 他们 大家 方式 微信 邮箱 拒绝
隐藏 已隐藏 实名 网名 群众 业主 居民 村民 市民 负责 代表 什么 何人 何时 到底 如何 怎么 是谁 谁 都是 均为 应当 应该 包括 以及
或者 并且 但是
"""
_NO_NAME: Final = frozenset(_NO_NAME_WORDS.split())
_LIST_LIMIT: Final = 30


def find_names(text: str, anchors: frozenset[int] = frozenset()) -> Iterator[Found]:
    """Names in `text` → family name and one star.

    Args:
        anchors: offsets at which a personal number begins; a name that ends just before one needs no other cue.
    """
    lexicon = _lexicon()
    for match in _CUED.finditer(text):
        start = match.end()
        cue, link = match["cue"], match["link"]
        near = cue in _SAYS
        said = near and (bool(link.strip(" (（")) or cue in _CALLED)
        if (cue.startswith("名叫") and _NAMED_THING.match(text, start)) or (not near and not _GAP.fullmatch(link)):
            continue
        for _ in range(_LIST_LIMIT):
            end = lexicon.name_after(text, start, said=said, near=near)
            if not end:
                break
            yield _starred(text, start, end)
            more = _MORE.match(text, end)
            if not more:
                break
            start, said = more.end(), False
    for match in _TITLED.finditer(text):
        if _NO_TITLE.match(text, match.start(), match.end() + 5):
            continue
        if start := lexicon.name_before(text, match.start()):
            yield _starred(text, start - 1, match.start())
    for match in _ENCLOSED.finditer(text):
        if lexicon.is_plain(text, match.start()):
            yield _starred(text, match.start(), match.end())
    for anchor in anchors:
        end = len(text[max(0, anchor - 12) : anchor].rstrip(" +-0123456789,，:：(（、手机电话联系号码tel")) + max(
            0, anchor - 12
        )
        if start := lexicon.name_before(text, end, alone=True):
            yield _starred(text, start - 1, end)


def _starred(text: str, start: int, end: int) -> Found:
    return Found(start, end, "person", family_name(text[start:end]) + "*")


def family_name(name: str) -> str:
    """The family name that a name begins with; its first character where it begins with none."""
    return name[:2] if name[:2] in _lexicon().double else name[:1]


def single_families() -> frozenset[str]:
    """Family names of one character."""
    return _lexicon().common | _lexicon().doubtful


def doubtful_families() -> frozenset[str]:
    """Those of them that are also words of everyday speech."""
    return _lexicon().doubtful


@dataclass(frozen=True)
class _Lexicon:
    common: frozenset[str]
    doubtful: frozenset[str]
    double: frozenset[str]
    given: frozenset[str]
    words: frozenset[str]

    def family(self, text: str, start: int) -> int:
        """Length of the family name at `start`: 2, 1 or 0."""
        if text[start : start + 2] in self.double:
            return 2
        character = text[start : start + 1]
        return int(character in self.common or character in self.doubtful)

    def everyday(self, text: str, start: int, end: int) -> bool:
        """Whether an everyday word begins at `start`; of three characters the segmenter must read it, too (高兴了, not 高兴华)."""
        word = text[start : start + 2]
        return word in self.words and (end - start == 2 or _first_token(text, start).startswith(word))

    def name_after(self, text: str, start: int, *, said: bool, near: bool) -> int:
        """End of the name that begins at `start`; 0 where none does.

        Args:
            said: a cue with a colon or 叫 says that a name stands here.
            near: the cue is one of those that names usually follow.
        """
        family = self.family(text, start)
        if not family and not said and not near:
            return 0
        run = _HAN_RUN.match(text, start)
        if not run or _begins_with(run[0], _NO_NAME):
            return 0
        if dotted := _DOTTED.match(text, start):
            return dotted.end() if said or near else 0
        length = len(run[0])
        if not family:
            # A family name that is in no list: only where a whole field is the name.
            field = said and text[start - 1] in ":：】 " and 2 <= length <= 3 and _FIELD_END.match(text, start + length)
            return start + length if field and not _UNLIKELY.search(run[0]) and not _ROLE.search(run[0]) else 0
        for end in self._ends(text, start, family, length):
            if self._is_name(text, start, end, family, said=said, near=near):
                return end
        return 0

    def _ends(self, text: str, start: int, family: int, length: int) -> list[int]:
        """Possible ends, the likelier one first."""
        long, short = start + family + 2, start + family + 1
        ends = [end for end in (long, short) if end <= start + length]
        if len(ends) == 2:
            closed = [bool(_END.match(text, end)) for end in ends]
            if text[short] not in self.given or (closed[1] and not closed[0]):
                ends.reverse()
        return ends

    def _is_name(self, text: str, start: int, end: int, family: int, *, said: bool, near: bool) -> bool:
        given = text[start + family : end]
        starred, title = text[end : end + 1] == "*", _TITLE.match(text, start + family)
        if starred or title or "某" in given or given in ("先", "女", "小", "老"):
            return False
        everyday = family == 1 and self.everyday(text, start, end)
        usual = all(character in self.given for character in given)
        doubtful = family == 1 and text[start] in self.doubtful
        ended = bool(_STRICT_END.match(text, end))
        likely = usual or (ended and not doubtful and not _UNLIKELY.search(given))
        if said:
            if doubtful and not ended and (everyday or not usual):
                return False
            return bool(_END.match(text, end)) or likely or (not doubtful and not _UNLIKELY.search(given))
        if near:
            sure = ended or not doubtful or (len(given) == 2 and _breaks(text, start, end))
            return likely and sure and not (everyday and (not ended or len(given) == 1))
        if not usual or given[0] == text[start] or text[start] in _PARTICLES or _NAMED_THING.match(text, start):
            return False
        if everyday and (not ended or len(given) == 1 or doubtful or given[1] in _NOUN_ENDS):
            return False
        if doubtful and text[start] not in _OFTEN and not ended:
            return False
        if ended or (not doubtful and len(given) == 2):
            return True
        weak = doubtful and len(given) == 1
        return _breaks(text, start, end) and (not weak or (text[start] in _OFTEN and bool(_END.match(text, end))))

    def is_plain(self, text: str, start: int) -> bool:
        """Whether the three characters at `start` are a name beyond doubt: no cue is needed."""
        first, second, third = text[start], text[start + 1], text[start + 2]
        if first not in self.common or not {second, third} <= self.given or first + second in self.words:
            return False
        return third not in _PLACE_ENDS and first + second + third not in _BRANDS and not _TITLE.match(text, start + 1)

    def name_before(self, text: str, end: int, *, alone: bool = False) -> int:
        """1 + start of the name that ends at `end`; 0 where none does.

        Args:
            alone: there must be a break before the name too.
        """
        if not alone and text[end - 1] not in self.given:
            return 0
        fitting = [start for start in range(max(0, end - 4), end - 1) if self._fits(text, start, end, alone=alone)]
        if alone:
            fitting = [start for start in fitting if start == 0 or _BREAK.match(text, start - 1)]
        if not fitting:
            return 0
        best = fitting[0]
        if best == 0 or _BREAK.match(text, best - 1) or _CUE_BEFORE.search(text[max(0, best - 8) : best]):
            return best + 1
        for start in fitting[1:]:
            # 向李明主任: the longer reading begins with an everyday word, or leaves a family name inside the given name.
            if text[best] in self.doubtful or text[start] in self.common:
                best = start
        return best + 1

    def _fits(self, text: str, start: int, end: int, *, alone: bool) -> bool:
        family = self.family(text, start)
        given = text[start + family : end]
        if not family or not 1 <= len(given) <= 2 or given[0] == text[start] or _TITLE.match(given):
            return False  # 谢谢书记, 班主任老师
        if start and text[start - 1 : start + 1] in _tokens_before(text, end):
            return False  # 森林公安民警: 林 belongs to 森林
        doubtful = family == 1 and text[start] in self.doubtful
        if family == 1 and self.everyday(text, start, end) and not (alone and len(given) == 2):
            return False
        if doubtful and given in self.common:
            return False  # 向李主任: a word and a family name
        if all(character in self.given for character in given):
            if alone or not doubtful or text[start] in _OFTEN:
                return True
            return start == 0 or bool(
                _BREAK.match(text, start - 1) or _CUE_BEFORE.search(text[max(0, start - 8) : start])
            )
        return alone and not doubtful and not _UNLIKELY.search(given)


_HAN_RUN: Final = re.compile(f"[{_HAN}]{{2,8}}")
_DOTTED: Final = re.compile(f"[{_HAN}]{{1,8}}[·•.][{_HAN}]{{1,10}}")
_FIELD_END: Final = re.compile(rf"$|[^{_HAN}]")
_STRICT_END: Final = re.compile(
    rf"$|[^{_HAN}0-9]|主任|经理|老师|书记|医生|警官|师傅|先生|女士|小姐|同志|电话|手机|身份证|反映|反应|投诉|举报|来电|咨询|求助|称(?!呼)"
)
_BREAK: Final = re.compile(rf"[^{_HAN}*]|[的是叫找为给位名个由和与跟及或请]")
# Doubtful family names that are frequent as names.
_OFTEN: Final = frozenset("高何马曾任方万常石江文龙段康毛安牛华项游单易龚汤金汪梅洪施费管童路祝盛关")
# Family names that mostly join words (老师和学生, 村民向上): believed after the clearest cues only.
_PARTICLES: Final = frozenset("和从由与都应同连经来计")
_NOUN_ENDS: Final = frozenset("感性化者力心率物费金款业")
# Characters of speech that no given name holds.
_UNLIKELY: Final = re.compile(
    "[的了在是我你您好他她它不这那个都也很到说要去会着没被把让给对从向于和与及等但因所以应该什么谁哪怎吗呢吧啊称电话号码区县村镇街路们每各些]"
)
_PLACE_ENDS: Final = frozenset("河湖岭镇路府街村桥山江园苑城县区乡组站店厂校院庄大湾港洲坝塘")
_BRANDS: Final = frozenset(("沃尔玛", "毕马威", "麦德龙", "惠生民", "余丰年", "周大福", "周大生", "李家人"))
_CUE_BEFORE: Final = re.compile(f"{_CUE}{_LINK}$")
_NAMED_THING: Final = re.compile(
    f"[{_HAN}]{{2,4}}?(?:花?园|苑|小区|公司|集团|教育|银行|酒店|超市|[村镇店厂校街路城]|学院|医院|组(?!长)|社区|幼儿园|项目|平台|软件)"
)
_ROLE: Final = re.compile("[人者方员部处局室组户长司位]$")
_TITLE: Final = re.compile("先生|女士|小姐|同志|同学|老师|经理|主任|书记|师傅|阿姨|老板|医生|局长|某")


def _first_token(text: str, start: int) -> str:
    """The word that the segmenter reads at `start`."""
    run = _HAN_RUN.match(text, start)
    return cutter()(run[0])[0] if run else ""


def _tokens_before(text: str, end: int) -> list[str]:
    """The words that the segmenter reads in the eight characters before `end`."""
    return cutter()(text[max(0, end - 8) : end])


def _breaks(text: str, start: int, end: int) -> bool:
    """Whether the segmenter, too, ends a word at `end`."""
    run = _HAN_RUN.match(text, start)
    offset = start
    for token in cutter()(run[0] if run else ""):
        offset += len(token)
        if offset >= end:
            return offset == end
    return False


def _begins_with(text: str, words: frozenset[str]) -> bool:
    return any(text[:length] in words for length in (1, 2, 3))


@cache
def _lexicon() -> _Lexicon:
    common, doubtful, double = _lines("surnames.txt")
    words = (line.split() for line in _lines("not_names.txt"))
    return _Lexicon(
        common=frozenset(common),
        doubtful=frozenset(doubtful),
        double=frozenset(double.split()),
        given=frozenset("".join(_lines("given_names.txt"))),
        words=frozenset(first + second for first, seconds in words for second in seconds),
    )


def _lines(name: str) -> list[str]:
    text = resources.files("nlp").joinpath("data", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
