"""Builds two tables that tell names from words, out of jieba's dictionary (MIT licence), which tags its words.

nlp/data/not_names.txt: everyday words of two characters that begin with a family name (高兴, 单位, 项目).
nlp/data/given_pairs.txt.xz: given names of two characters (建国, 丽华), as the names in the dictionary hold them.

Everyday are those that it does not tag as names, above a frequency. It tags many of them as names, too (文明, 谢谢): they are
taken where the family name is itself a doubtful one, and from a list by hand.

    python -m nlp.training.everyday
"""

from __future__ import annotations

import lzma
from collections import defaultdict
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Final

TARGET: Final = Path(__file__).parents[1] / "data" / "not_names.txt"
PAIRS: Final = TARGET.with_name("given_pairs.txt.xz")
_HEAD: Final = """\
# Everyday words of two characters that begin with a family name: the first character, then the second ones.
# Built by nlp.training.everyday from jieba's dictionary (MIT licence): words that it does not tag as names.
"""
_LEAST_FREQUENCY: Final = 20  # rarer ones are mostly abbreviations that hide more names than they explain
_LEAST_FREQUENCY_AS_NAME: Final = 50
_MOST_FREQUENCY_OF_NAME: Final = 2_000
_BY_HAND: Final = """
王朝 王子 王府 王爷 王公 王法 王族 王冠 王权 王后 王妃 王道 王宫 王室 王牌 陆军 陆基 陆地 陆续 丘陵 武功 武术 顾问 顾客 顾忌 顾及 雷达 雷声 雷电
雷雨 孙子 孙女 胡同 胡子 胡说 胡来 胡闹 胡椒 胡琴 胡乱 杜绝 范畴 范文 范围 陈述 陈列 陈设 陈旧 陈年 周转 周旋 周密 周全 周详 周折 周边 周围 周期
周末 周一 周二 周三 周四 周五 周六 周日 林立 林木 林业 林地 林场 林区 叶子 叶柄 杨柳 杨树 杨梅 张贴 张开 张望 张口 张嘴 张家 张罗 李子 李家 王家
刘家 陈家 朱红 朱砂 黄龙 黄石 黄牛 黄铜 黄金 黄泉 黄麻 黄榜 黄线 黄河 黄色 许可 许诺 许多 许久 钟楼 钟声 钟爱 钟头 田园 田野 田地 田间 熊猫 熊掌
侯爵 沙滩 沙石 沙发 严正 严令 严重 严格 严厉 严肃 严禁 严查 段子 谢谢 谢恩 谢绝 谢意 徐徐 苏醒 蓝图 蓝天 蓝色 鲁莽 岳父 岳母 童子 童工 童年 温馨 温泉
温顺 温度 温暖 温州 庄园 庄稼 庄严 柳树 柳州 康复 康乐 殷勤 殷实 曹操 孔子 秦岭 桂林 桂花 桂香 阳光 唐诗 唐人 宋体 汤圆 方便 梁柱 江湖 江苏 江南 郑州
郑重 文明 文雅 文静 吴江 苏州 余额 余款 余地 尹始 贺卡 贺喜 龚家 彭家 冯家 邓家 谭家 曾经 肖像 蒋家 蔡家 潘家 卢家 石家 任家 董事 董家 吕家 魏家 姜家 姜片 姚家 章程
"""


def rows(dictionary: Iterable[str], families: frozenset[str], doubtful: frozenset[str]) -> dict[str, str]:
    """First character → the second characters, of the words in lines `word frequency tag`."""
    seconds: defaultdict[str, set[str]] = defaultdict(set)
    for word in _BY_HAND.split():
        seconds[word[0]].add(word[1])
    for line in dictionary:
        word, frequency, tag = line.split()
        if len(word) != 2 or word[0] not in families:
            continue
        as_name = tag.startswith("nr")
        least = _LEAST_FREQUENCY_AS_NAME if as_name else _LEAST_FREQUENCY
        if int(frequency) >= least and (not as_name or word[0] in doubtful):
            seconds[word[0]].add(word[1])
    return {first: "".join(sorted(seconds[first])) for first in sorted(seconds)}


def pairs(dictionary: Iterable[str], families: frozenset[str], given: frozenset[str]) -> list[str]:
    """Given names of two characters, sorted: of names in three characters, and names in two that are no family name and one."""
    names: set[str] = set()
    words: set[str] = set()
    for line in dictionary:
        word, frequency, tag = line.split()
        if tag.startswith("nr"):
            if len(word) == 3 and word[0] in families:
                names.add(word[1:])
            elif len(word) == 2 and int(frequency) < _MOST_FREQUENCY_OF_NAME:
                names.add(word)
        elif len(word) == 2 and int(frequency) >= _LEAST_FREQUENCY:
            words.add(word)
    return sorted(name for name in names - words if set(name) <= given)


def main() -> None:
    from nlp.name_evidence import doubtful_families, given_characters, single_families

    dictionary = (resources.files("jieba") / "dict.txt").read_text(encoding="utf-8").splitlines()
    built = rows(dictionary, single_families(), doubtful_families())
    names = "\n".join(pairs(dictionary, single_families(), given_characters())).encode()
    PAIRS.write_bytes(lzma.compress(names, preset=9 | lzma.PRESET_EXTREME))
    TARGET.write_text(_HEAD + "".join(f"{first} {seconds}\n" for first, seconds in built.items()), encoding="utf-8")


if __name__ == "__main__":
    main()
