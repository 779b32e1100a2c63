"""Sentences of our own with their entities marked: {text|kind}. What an engine finds is compared with them span by span.

Named ones only: 政府, 街道办 and 物业公司 by themselves are kinds of things. An office or school that is named by its place
includes it (云溪乡中心小学).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MARKED = """
{望江街道|place}{阳光花园小区|community}的电梯坏了半个月没人修
我是{青山镇|place}{石桥村|community}的村民，通组路烂得没法走
{人民中路|road}和{建设大道|road}交叉路口的红绿灯坏了
{市第一人民医院|organisation}的挂号窗口经常排长队
请{区教育局|organisation}管管{育才小学|organisation}门口的小摊贩
{金域华府三期|community}的业主至今没有拿到房产证
{幸福家园|community}物业费从1.5元涨到2.8元
{宏达房地产开发有限公司|organisation}延期交房一年多
联系人{张*|person}，住{翠湖名苑|community}
{湘江大桥|road}上的路灯晚上不亮
{市公安局交警支队|organisation}贴条太随意
{城东派出所|organisation}的民警态度很好
{清水湾小区|community}旁边的{兴隆搅拌站|organisation}凌晨还在作业
反映{高新区|place}{科技路|road}夜间渣土车扰民
{岳麓区|place}{望月湖社区|community}停车难问题
{东风水库|road}周边有人违规养猪
{G107国道|road}路面坑洼不平，货车经过震动很大
{红星幼儿园|organisation}乱收费，家长投诉无门
{滨河公园|community}里的健身器材坏了很久
{和平路|road}{惠民超市|organisation}卖过期牛奶
建议在{南湖路|road}增设公交站
{王*|person}主任说要等街道办批
{长沙县|place}{黄花镇|place}的自来水发黄
{天心区|place}{书院路|road}施工噪音太大
{市不动产登记中心|organisation}排号要等一个月
请问{市人社局|organisation}技能补贴什么时候发
{锦绣江南小区二期|community}地下车库渗水
{大塘村|community}三组的水渠堵了半年
{中医院|organisation}附近停车位太少
{开发区管委会|organisation}承诺的学校一直没建
{阳光100|community}后山的垃圾堆成山
{绿地新城|community}的{绿地物业公司|organisation}不作为
{万和城|community}门口的夜宵摊占道经营
{三一大道|road}高架下面常年积水
{长途汽车站|organisation}的出租车拒载
{白马社区居委会|organisation}不给开证明
{新华书店|organisation}门前的盲道被占
{云溪乡中心小学|organisation}食堂饭菜不卫生
{李*|person}和{赵*|person}都可以作证
希望政府尽快解决农民工工资问题
"""
_MARK = re.compile(r"\{([^|{}]+)\|([a-z]+)\}")


@dataclass(frozen=True)
class Marked:
    text: str
    spans: frozenset[tuple[int, int, str]]


def sentences() -> list[Marked]:
    result = []
    for line in MARKED.strip().splitlines():
        text, spans, end = "", set(), 0
        for match in _MARK.finditer(line):
            text += line[end : match.start()]
            spans.add((len(text), len(text) + len(match[1]), match[2]))
            text += match[1]
            end = match.end()
        result.append(Marked(text + line[end:], frozenset(spans)))
    return result


def f1(found: list[frozenset[tuple[int, int, str]]], marked: list[Marked]) -> float:
    """F1 of spans that agree in start, end and kind."""
    right = sum(len(one & other.spans) for one, other in zip(found, marked, strict=True))
    return 2 * right / (sum(map(len, found)) + sum(len(one.spans) for one in marked))
