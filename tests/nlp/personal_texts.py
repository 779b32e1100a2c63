"""Synthetic texts with known personal data, and texts with what only looks like it (promise S11).

Written without a look at the masker's patterns: its own names, its own ways of saying a number, the registers in which citizens
write and agents take down. The same seed gives the same texts. Look-alikes are in lookalike_texts.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from string import Formatter

_FAMILIES = """
王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 郑 梁 谢 宋 唐 许 韩 邓 冯 曹 彭 曾 肖 田 董
潘 袁 蔡 蒋 余 于 杜 叶 程 魏 苏 吕 丁 任 卢 姚 沈 钟 姜 崔 谭 陆 范 汪 廖 石 金 韦 贾 夏 付 方 邹 熊 白
孟 秦 邱 侯 江 尹 薛 闫 段 雷 龙 黎 史 陶 贺 毛 郝 顾 龚 邵 万 覃 武 钱 戴 严 欧阳 上官 司马 诸葛 皇甫 莫 孔
向 常 汤 康 易 乔 温 庞 樊 兰 施 洪 柳 安 牛 聂 焦 岳 齐 沿 梅 庄 辛 管 祝 左 涂 谷 祁 时 舒 耿 牟 卜 路
詹 关 苗 凌 费 纪 靳 盛 童 欧 甄 项 曲 成 游 阳
"""
FAMILIES = _FAMILIES.split()
_GIVENS = """
伟 芳 娜 敏 静 磊 洋 艳 勇 军 杰 娟 涛 超 霞 平 刚 健 辉 明 丽 强 鑫 波 斌 宇 浩 凯 秀英 桂英 玉兰 秀兰 建华
建国 志强 志明 海燕 晓燕 丽华 建军 文军 国强 小红 小军 春梅 雪梅 红梅 桂芳 玉珍 淑珍 淑华 凤英 秀珍 金花 翠花 明辉
俊杰 子轩 梓涵 浩然 雨欣 欣怡 诗涵 一诺 沐宸 宇轩 若曦 思远 天宇 佳怡 梦琪 嘉豪 家豪 伟明 永强 德胜 长发 福生 水生
根生 土根 大勇 二妹 三元 四海 爱民 卫东 援朝 跃进 红卫 新民 立新 学军 学文 振华 振国 光明 宏伟 鹏飞 海波 江涛 晓东
晓明 小林 小平 亚军 亚男 玲玲 媛媛 婷婷 丹丹 莉莉 芳芳 思思 圆圆 佩瑶 静怡 雅琴 慧敏 丽萍 艳红 彩霞 月娥 腊梅 冬梅
秋菊 兰香 美玲 美华 桂花 连生 来福 有才 得志 守义 全忠 克俭 传喜 丕显 允中 敬亭 惟一
"""
GIVENS = _GIVENS.split()
_COMPOUNDS = """
幸福家园 阳光花园 锦绣江南 金域华府 翠湖名苑 东方明珠小区 观澜国际 清水湾小区 和美佳苑 书香门第 万和城 御景豪庭 碧水龙庭
书苑小区 春晓里 枫林绿洲
"""
COMPOUNDS = _COMPOUNDS.split()
_ROADS = """
人民中路 解放西路 建设大道 文昌街 中山北路 滨河东路 学府路 迎宾大道 古井巷 南门口街 胜利路 芙蓉南路
"""
ROADS = _ROADS.split()
_VILLAGES = """
石桥村 大塘村 新屋村 杨柳村 罗家坝村 上湾村
"""
VILLAGES = _VILLAGES.split()
_DOMAINS = """
qq.com 163.com 126.com sina.com.cn gmail.com foxmail.com city-water.cn
"""
DOMAINS = _DOMAINS.split()
_PROVINCES = """
110101 310115 430102 430624 440305 510107 350102 420106 130203 610113
230102 520103
"""
PROVINCES = _PROVINCES.split()

MATTERS = (
    "楼下烧烤店每天营业到凌晨两点，油烟往家里灌",
    "小区二次供水水压太小，五楼以上洗澡都成问题",
    "工地半夜还在打桩，孩子第二天要考试根本睡不着",
    "开发商去年12月就该交房，拖到现在还没有拿到钥匙",
    "去年缴了3600元物业费，电梯坏了半个月没人修",
    "路灯坏了二十多天，打了12345热线说已转派",
    "公交202路减了班次，早高峰要等40多分钟",
    "单位从2019年6月起没给我们缴社保，工资还差1.2万元",
    "幼儿园收费从每月1280元涨到1860元，没有公示",
    "垃圾站离3栋只有15米，夏天臭得开不了窗",
    "村里的水泥路修了一半停工，下雨天没法走",
    "不动产登记跑了4趟，每次说的材料都不一样",
    "预付卡还有2300元没用完，店就关门了",
    "河道里常年有黑水，从上游的养殖场排下来",
    "高速口到G319国道那段坑洼不平，已经翻了两辆车",
    "地铁5号线3号口没有直梯，轮椅下不去",
)
OPENINGS = [
    "您好，",
    "领导好！",
    "",
    "尊敬的领导：",
    "来电反映，",
    "【网络留言】",
    "市民致电称，",
    "各位领导，打扰了。",
    "",
]
CLOSINGS = [
    "请尽快处理，谢谢！",
    "望回复。",
    "希望有关部门管一管。",
    "要求给个说法。",
    "",
    "盼复",
    "已经第三次反映了！",
    "请核实。",
]


@dataclass
class Sample:
    """A text, and for each piece of personal data its kind and what must not be left of it."""

    text: str
    secrets: list[tuple[str, str]] = field(default_factory=list)


Maker = Callable[[random.Random], tuple[str, tuple[str, str]]]


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in text)


def person(rng: random.Random) -> tuple[str, tuple[str, str]]:
    family, given = rng.choice(FAMILIES), rng.choice(GIVENS)
    return family + given, ("person", given if len(given) > 1 else family + given)


def mobile(rng: random.Random) -> tuple[str, tuple[str, str]]:
    plain = "1" + rng.choice("35789") + digits(rng, 9)
    a, b, c = plain[:3], plain[3:7], plain[7:]
    forms = [plain] * 5 + [
        f"{a}-{b}-{c}",
        f"{a} {b} {c}",
        f"+86{plain}",
        f"+86 {plain}",
        f"86-{plain}",
        wide(plain),
        f"{a}.{b}.{c}",
        f"0{plain}",
        f"{a}—{b}—{c}",
    ]
    written = rng.choice(forms)
    return written, ("phone", written.removeprefix("+86").removeprefix("86-").strip())


def landline(rng: random.Random) -> tuple[str, tuple[str, str]]:
    area = rng.choice(["010", "021", "0731", "0591", "028", "0755", "0451"])
    local = rng.choice("2345678") + digits(rng, 7)
    written = rng.choice(
        [
            f"{area}-{local}",
            f"{area}{local}",
            f"({area}){local}",
            f"（{area}）{local}",
            f"{area} {local}",
            f"{area}-{local[:4]}-{local[4:]}",
        ]
    )
    return written, ("phone", local if local in written else f"{local[:4]}-{local[4:]}")


def identity(rng: random.Random) -> tuple[str, tuple[str, str]]:
    born = date(1938, 1, 1) + timedelta(days=rng.randrange(29_000))
    place = rng.choice(PROVINCES)
    if rng.random() < 0.1:
        old = f"{place}{born:%y%m%d}{digits(rng, 3)}"
        return old, ("identity", old)
    body = f"{place}{born:%Y%m%d}{digits(rng, 3)}"
    remainder = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(body)) % 11
    last = "10X98765432"[remainder]
    whole = body + (last.lower() if rng.random() < 0.3 else last)
    written = rng.choice(
        [
            whole,
            whole,
            whole,
            f"{whole[:6]} {whole[6:14]} {whole[14:]}",
            wide(whole),
            f"{whole[:6]}-{whole[6:14]}-{whole[14:]}",
        ]
    )
    return written, ("identity", written)


def card(rng: random.Random) -> tuple[str, tuple[str, str]]:
    length = rng.choice([16, 19, 19])
    body = rng.choice(["6222", "6217", "6228", "6230", "6214"]) + digits(rng, length - 5)
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    whole = body + str(-total % 10)
    spaced = " ".join(whole[i : i + 4] for i in range(0, length, 4))
    written = rng.choice([whole, whole, spaced])
    return written, ("bank_card", written)


def plate(rng: random.Random) -> tuple[str, tuple[str, str]]:
    head = rng.choice("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青川宁琼") + rng.choice("ABCDEFGH")
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    if rng.random() < 0.3:
        tail = rng.choice("DF") + rng.choice([digits(rng, 5), rng.choice(letters) + digits(rng, 4)])
    else:
        tail = rng.choice(
            [
                digits(rng, 5),
                rng.choice(letters) + digits(rng, 4),
                digits(rng, 3) + rng.choice(letters) + digits(rng, 1),
                digits(rng, 2) + rng.choice(letters) * 2 + digits(rng, 1),
            ]
        )
    joint = rng.choice(["", "", "", "·", " ", "-"])
    written = head + joint + tail
    return (written.lower() if rng.random() < 0.1 else written), ("plate", written)


def mail(rng: random.Random) -> tuple[str, tuple[str, str]]:
    local = rng.choice(["zhangwei", "lili_88", "wang.xm", "service-01", "chen2020", digits(rng, 9), "j.h"])
    return f"{local}@{rng.choice(DOMAINS)}", ("email", f"{local}@")


def account(rng: random.Random) -> tuple[str, tuple[str, str]]:
    handle = rng.choice(
        [
            "wxid_" + digits(rng, 6),
            "linlin" + digits(rng, 4),
            "a" + digits(rng, 8),
            "Happy-" + digits(rng, 3),
            "zxc_vbn" + digits(rng, 2),
        ]
    )
    number = rng.choice("123456789") + digits(rng, rng.choice([5, 7, 8, 9]))
    return rng.choice(
        [
            (f"微信号{handle}", ("account", handle)),
            (f"微信：{handle}", ("account", handle)),
            (f"加我微信 {handle}", ("account", handle)),
            (f"wx:{handle}", ("account", handle)),
            (f"VX：{handle}", ("account", handle)),
            (f"QQ{number}", ("account", number)),
            (f"qq号是{number}", ("account", number)),
            (f"我的QQ：{number}", ("account", number)),
            (f"扣扣{number}", ("account", number)),
            (f"业主QQ群{number}", ("account", number)),
            (f"薇信 {handle}", ("account", handle)),
        ]
    )


def passport(rng: random.Random) -> tuple[str, tuple[str, str]]:
    number = rng.choice(["E", "G", "EA", "EJ"])
    number += digits(rng, 9 - len(number))
    return rng.choice(["护照号", "护照号码：", "我的护照是", "护照 "]) + number, ("passport", number)


_HANZI = "零一二三四五六七八九"


def door(rng: random.Random) -> tuple[str, tuple[str, str]]:
    building, unit, floor, flat = rng.randint(1, 28), rng.randint(1, 4), rng.randint(1, 32), rng.randint(1, 4)
    room = f"{floor}{flat:02d}"
    spoken = "".join(_HANZI[int(d)] for d in room)
    letter = rng.choice("ABCD")
    compound, road, village = rng.choice(COMPOUNDS), rng.choice(ROADS), rng.choice(VILLAGES)
    number = rng.randint(2, 899)
    options = [
        (compound, f"{building}栋{unit}单元{room}室"),
        (compound, f"{building}栋{unit}单元{room}"),
        (compound, f"{building}幢{room}室"),
        (compound, f"{building}号楼{unit}单元{room}"),
        (compound, f"{building}-{unit}-{room}"),
        (compound, f"{letter}座{room}"),
        (compound, f"{_HANZI[building % 9 + 1]}栋{_HANZI[unit]}单元{spoken}室"),
        (compound, f"{building}#{unit}-{room}"),
        (compound, f"{building}栋{room}房"),
        (compound, f"{letter}{unit}栋{room}号"),
        (compound, f"{building}栋 {unit}单元 {room}号房"),
        (road, f"{number}号"),
        (road, f"{number}号{building}栋{room}"),
        (village, f"{_HANZI[unit]}组{building}号"),
        (village, f"{unit}组{number}号"),
    ]
    place, written = rng.choice(options)
    return place + written, ("address", written)


# A phrase holds its makers in braces; phrases are separated by |.
PHRASES: dict[str, str] = {
    "person": """
我叫{person}，|我是{person}，|联系人：{person}。|联系人{person}，|姓名：{person} 
本人{person}，|投诉人：{person}；|经办人是{person}。|我的名字叫{person}。|找的是{person}主任。
物业经理{person}态度恶劣，|业主{person}，|村民{person}反映，|我父亲{person}，
班主任{person}老师说不归她管，|包工头{person}一直躲着不见，|户主：{person}，|来电人{person}，
{person}女士来电，|当时接待的是{person}警官，|负责人叫{person}，|被举报人：{person}，
法定代表人：{person}。|申请人{person}（女），|我儿子{person}，|患者{person}，|【姓名】{person}；
房东{person}不退押金，|村支书{person}私占林地，|收款人：{person}，
联系人：{person}、{person}。|村民{person}、{person}等人联名反映，|{person}先生和{person}女士都可以作证。
""",
    "phone": """
电话{mobile}。|联系电话：{mobile}，|手机号码是{mobile}。|请打{mobile}找我，|tel:{mobile} 
我的号码{mobile}，|（{mobile}）|有事联系{mobile}。|回电{mobile}，|{mobile}，|手机:{mobile};
致电{mobile}无人接听，|电话：{landline}。|打他们座机{landline}没人接，|单位电话{landline}，|电话{mobile}或{mobile}。
""",
    "identity": "身份证号{identity}，|身份证：{identity}。|身份证号码为{identity}，|（身份证{identity}）|证件号码：{identity}。|我的身份证{identity}，",
    "bank_card": "卡号{card}，|工资卡是{card}。|银行卡号：{card}，|请退到{card}这张卡。|把钱转到{card}，|开户行见附件，账号{card}，",
    "plate": """
车牌{plate}，|车牌号：{plate}。|一辆{plate}的白色轿车堵住出口，|渣土车{plate}多次闯红灯，|我的车是{plate}，|网约车{plate}拒载，|{plate}一直占用消防通道，
""",
    "email": "邮箱{mail}。|邮箱：{mail}，|请发到{mail}，|E-mail: {mail} |材料已发{mail}。|我的邮箱是{mail}，",
    "account": "{account}。|{account}，|可以联系{account}，|（{account}）",
    "passport": "{passport}，|{passport}。|（{passport}）",
    "address": "家住{door}，|住址：{door}。|我住在{door}，|地址：{door}，|我是{door}的业主，|{door}漏水到楼下，|{door}的住户，|【地址】{door}；",
    "form": """
姓名：{person} 电话：{mobile} 地址：{door}。|{person}（{mobile}），
{person} {mobile}，|联系人：{person}，电话：{mobile}，身份证号：{identity}。|反映人{person}，住{door}，电话{mobile}。
收款人{person}，{card}。|车主{person}，车牌{plate}，手机{mobile}。
""",
}
# Written after the masker; what it missed of them then was mended, so they are a second set by now and no unseen one.
SECOND: str = """
我的孩子叫{person}，|这件事是经办人{person}告诉我的，|请找社区的{person}书记核实，
包工头叫{person}，人已经跑了，|户主姓名：{person}，|小区业主{person}已经起诉，|我老婆{person}，
施工负责人{person}拒绝沟通，|司机{person}师傅态度很好，|投诉对象为该店老板{person}，
原告{person}先生已经七十岁，|诉求人：{person}（女士），|受害人{person}，|村民小组组长{person}，
我同事{person}，|本人姓名{person}，|被投诉人：{person}。|署名：{person}，
经办人：{person}；|法人是{person}。|这位{person}医生很负责，|房东是{person}，|来信人：{person}。
学生家长{person}，|辖区民警{person}警官，|邻居{person}家里养了十几只狗，|能打通的号码只有{mobile}。|微信同号{mobile}，|我手机{mobile}，白天都在。|联系方式：{mobile}；
给我回个电话{mobile}。|Tel {mobile}，|手机/微信：{mobile}，|电话是{mobile}，姓陈。
留的是我儿子的号{mobile}，|方便的话call我{mobile}。|短信发{mobile}即可。|本机{mobile}。
单位座机是{landline}。|传真：{landline}，|村委会电话{landline}打不通，|办公电话：{landline}。
公民身份号码{identity}。|sfz号{identity}，|证件号：{identity}，|ID：{identity}。
驾驶证号就是身份证号{identity}，|本人{identity}（身份证），|请把押金退回{card}，|尾款打到建行{card}，
社保卡银行账号：{card}，|我的卡是{card}。|黑色轿车{plate}，|肇事车{plate}逃逸，
车号{plate}，|大货车（{plate}）超载，|挂{plate}牌的面包车，|举报{plate}长期占用盲道，
电子邮件：{mail}，|可回信至{mail}。|我的信箱{mail}，|Email:{mail}；|联系我：{account}，
有视频，{account}发你，|{account}（备注姓名）。|房屋坐落于{door}，|现居住在{door}，|房号{door}，
楼上{door}装修，|租住{door}，|单位分的房子在{door}，|我家就在{door}，|送到{door}，
{person}，女，住{door}，身份证号码{identity}，|联系人 {person} 手机 {mobile}，
（{person}，{mobile}）|申请人{person}、{person}，共同联系电话{mobile}。|户主{person} 门牌{door} 电话{mobile}，
"""
# Written last, measured once, and never used to mend anything.
UNSEEN: str = """
昨天跟{person}科长通过电话，|案件承办法官{person}要求补材料，|此事由{person}同志负责，
投诉的医生叫{person}，|我妈妈叫{person}，今年八十二，|经纪人{person}收了中介费不退，|丈夫{person}在外打工，
同村村民{person}把路堵了，|现任村主任{person}，|女儿{person}今年六岁，|户籍登记姓名{person}，
物业项目负责人：{person}，|请联系{person}女士，|死者家属{person}，|辅导机构老师{person}推卸责任，
卖家姓名：{person}，|我们的维权代表{person}，|收件人{person}，|驾校教练{person}私下收费，
报警人：{person}，|家长{person}，|本人姓{person}，|前台{person}小姐说可以退，|租客{person}拖欠房租，
手机号：{mobile}（微信同号），|打了{mobile}好几次，|客服让我拨{mobile}，|家里电话{landline}，
回访请拨{mobile}，谢谢，|中介{person}，{mobile}，|居民身份证{identity}，|证号{identity}，
我的身份证号码是：{identity}。|退款账户{card}，|农商行卡{card}，|对方收款卡号是{card}，
牌照为{plate}，|摩托车{plate}噪音很大，|一台{plate}小车，|抄送{mail}。|联系邮箱 {mail}，
私聊{account}，|{account}，请加，|持{passport}入境，|房子在{door}，|{door}常年无人居住，|产权地址：{door}。|快递送{door}，|上门地址{door}，|{door}，天花板渗水，
"""
_PHRASE_MAKERS: dict[str, Maker] = {
    maker.__name__: maker for maker in (person, mobile, landline, identity, card, plate, mail, account, passport, door)
}


def phrases(block: str) -> list[str]:
    return [phrase for line in block.strip("\n").split("\n") for phrase in line.split("|") if phrase]


def say(phrase: str, rng: random.Random) -> tuple[str, list[tuple[str, str]]]:
    """The phrase with every maker's word in its place, and what must not be left of it."""
    parts: list[str] = []
    secrets: list[tuple[str, str]] = []
    for before, name, _, _ in Formatter().parse(phrase):
        parts.append(before)
        if name:
            written, secret = _PHRASE_MAKERS[name](rng)
            parts.append(written)
            secrets.append(secret)
    return "".join(parts), secrets


def _sample(rng: random.Random, chosen: list[str]) -> Sample:
    parts, secrets = [rng.choice(OPENINGS)], []
    for phrase in chosen:
        text, found = say(phrase, rng)
        parts += [text, rng.choice(MATTERS), rng.choice(["。", "，", "！"])]
        secrets += found
    return Sample("".join([*parts, rng.choice(CLOSINGS)]), secrets)


def personal(count: int, seed: int = 7) -> list[Sample]:
    """Texts with one to three statements that hold personal data, between matters that hold none."""
    rng = random.Random(seed)
    by_kind = {kind: phrases(block) for kind, block in PHRASES.items()}
    kinds = [kind for kind in by_kind if kind != "form"]
    samples = []
    for number in range(count):
        chosen = [rng.choice(by_kind[kinds[number % len(kinds)]])]
        if rng.random() < 0.3:
            chosen.append(rng.choice(by_kind["form"]))
        if rng.random() < 0.3:
            chosen.append(rng.choice(by_kind[rng.choice(kinds)]))
        samples.append(_sample(rng, chosen))
    return samples


def other(count: int, block: str = SECOND, seed: int = 11) -> list[Sample]:
    """As `personal`, with the phrases of `SECOND` or `UNSEEN`."""
    rng = random.Random(seed)
    choices = phrases(block)
    return [_sample(rng, [choices[number % len(choices)], rng.choice(choices)]) for number in range(count)]
