"""Synthetic texts with known personal data, and texts with what only looks like it (promise S11).

Written without a look at the masker's patterns: its own names, its own ways of saying a number, the registers in which citizens
write and agents take down. `personal(n)` and `lookalike(n)` give the same texts for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

FAMILIES = (
    "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 郑 梁 谢 宋 唐 许 韩 邓 冯 曹 彭 曾 肖 田 董 潘 袁 蔡 蒋 余 于 杜 叶 程 魏 苏 吕 丁 任 卢 姚 沈 "
    "钟 姜 崔 谭 陆 范 汪 廖 石 金 韦 贾 夏 付 方 邹 熊 白 孟 秦 邱 侯 江 尹 薛 闫 段 雷 龙 黎 史 陶 贺 毛 郝 顾 龚 邵 万 覃 武 钱 戴 严 欧阳 上官 司马 诸葛 皇甫 "
    "莫 孔 向 常 汤 康 易 乔 温 庞 樊 兰 施 洪 柳 安 牛 聂 焦 岳 齐 沿 梅 庄 辛 管 祝 左 涂 谷 祁 时 舒 耿 牟 卜 路 詹 关 苗 凌 费 纪 靳 盛 童 欧 甄 项 曲 成 游 阳"
).split()
GIVENS = (
    "伟 芳 娜 敏 静 磊 洋 艳 勇 军 杰 娟 涛 超 霞 平 刚 健 辉 明 丽 强 鑫 波 斌 宇 浩 凯 秀英 桂英 玉兰 秀兰 建华 建国 志强 志明 海燕 晓燕 丽华 建军 文军 国强 小红 小军 "
    "春梅 雪梅 红梅 桂芳 玉珍 淑珍 淑华 凤英 秀珍 金花 翠花 明辉 俊杰 子轩 梓涵 浩然 雨欣 欣怡 诗涵 一诺 沐宸 宇轩 若曦 思远 天宇 佳怡 梦琪 嘉豪 家豪 伟明 永强 德胜 长发 "
    "福生 水生 根生 土根 大勇 二妹 三元 四海 爱民 卫东 援朝 跃进 红卫 新民 立新 学军 学文 振华 振国 光明 宏伟 鹏飞 海波 江涛 晓东 晓明 小林 小平 亚军 亚男 玲玲 媛媛 婷婷 "
    "丹丹 莉莉 芳芳 思思 圆圆 佩瑶 静怡 雅琴 慧敏 丽萍 艳红 彩霞 月娥 腊梅 冬梅 秋菊 兰香 美玲 美华 桂花 连生 来福 有才 得志 守义 全忠 克俭 传喜 丕显 允中 敬亭 惟一"
).split()
COMPOUNDS = "幸福家园 阳光花园 锦绣江南 金域华府 翠湖名苑 东方明珠小区 观澜国际 清水湾小区 和美佳苑 书香门第 万和城 御景豪庭 碧水龙庭 书苑小区 春晓里 枫林绿洲".split()
ROADS = "人民中路 解放西路 建设大道 文昌街 中山北路 滨河东路 学府路 迎宾大道 古井巷 南门口街 胜利路 芙蓉南路".split()
VILLAGES = "石桥村 大塘村 新屋村 杨柳村 罗家坝村 上湾村".split()
DOMAINS = "qq.com 163.com 126.com sina.com.cn gmail.com foxmail.com city-water.cn".split()
BANKS = "工商银行 农业银行 建设银行 农商银行 邮政储蓄 招商银行".split()
PROVINCES = "110101 310115 430102 430624 440305 510107 350102 420106 130203 610113 230102 520103".split()

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
OPENINGS = (
    "您好，",
    "领导好！",
    "",
    "尊敬的领导：",
    "来电反映，",
    "【网络留言】",
    "市民致电称，",
    "各位领导，打扰了。",
    "",
)
CLOSINGS = (
    "请尽快处理，谢谢！",
    "望回复。",
    "希望有关部门管一管。",
    "要求给个说法。",
    "",
    "盼复",
    "已经第三次反映了！",
    "请核实。",
)


@dataclass
class Sample:
    """A text, and for each piece of personal data its kind and what must not be left of it."""

    text: str
    secrets: list[tuple[str, str]] = field(default_factory=list)


Saying = Callable[[random.Random], tuple[str, list[tuple[str, str]]]]


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
            (f"微信号{handle}", ("account", handle)), (f"微信：{handle}", ("account", handle)), (f"加我微信 {handle}", ("account", handle)),
            (f"wx:{handle}", ("account", handle)), (f"VX：{handle}", ("account", handle)), (f"QQ{number}", ("account", number)),
            (f"qq号是{number}", ("account", number)), (f"我的QQ：{number}", ("account", number)), (f"扣扣{number}", ("account", number)),
            (f"业主QQ群{number}", ("account", number)), (f"薇信 {handle}", ("account", handle)),
        ]
    )  # fmt: skip


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
        (compound, f"{building}栋{unit}单元{room}室"), (compound, f"{building}栋{unit}单元{room}"), (compound, f"{building}幢{room}室"),
        (compound, f"{building}号楼{unit}单元{room}"), (compound, f"{building}-{unit}-{room}"), (compound, f"{letter}座{room}"),
        (compound, f"{_HANZI[building % 9 + 1]}栋{_HANZI[unit]}单元{spoken}室"), (compound, f"{building}#{unit}-{room}"),
        (compound, f"{building}栋{room}房"), (compound, f"{letter}{unit}栋{room}号"), (compound, f"{building}栋 {unit}单元 {room}号房"),
        (road, f"{number}号"), (road, f"{number}号{building}栋{room}"), (village, f"{_HANZI[unit]}组{building}号"), (village, f"{unit}组{number}号"),
    ]  # fmt: skip
    place, written = rng.choice(options)
    return place + written, ("address", written)


def _say(form: str, *makers: Callable[[random.Random], tuple[str, tuple[str, str]]]) -> Saying:
    """A phrase with one slot `{}` for each maker."""

    def say(rng: random.Random) -> tuple[str, list[tuple[str, str]]]:
        made = [maker(rng) for maker in makers]
        return form.format(*(written for written, _ in made)), [secret for _, secret in made]

    return say


SAYINGS: dict[str, list[Saying]] = {
    "person": [
        _say(form, person)
        for form in (
            "我叫{}，", "我是{}，", "联系人：{}。", "联系人{}，", "姓名：{} ", "本人{}，", "投诉人：{}；", "经办人是{}。", "我的名字叫{}。", "找的是{}主任。", "物业经理{}态度恶劣，",
            "业主{}，", "村民{}反映，", "我父亲{}，", "班主任{}老师说不归她管，", "包工头{}一直躲着不见，", "户主：{}，", "来电人{}，", "{}女士来电，", "当时接待的是{}警官，", "负责人叫{}，",
            "被举报人：{}，", "法定代表人：{}。", "申请人{}（女），", "我儿子{}，", "患者{}，", "房东{}不退押金，", "村支书{}私占林地，", "收款人：{}，", "【姓名】{}；",
        )
    ] + [_say("联系人：{}、{}。", person, person), _say("村民{}、{}等人联名反映，", person, person), _say("{}先生和{}女士都可以作证。", person, person)],
    "phone": [
        _say(form, mobile)
        for form in ("电话{}。", "联系电话：{}，", "手机号码是{}。", "请打{}找我，", "tel:{} ", "我的号码{}，", "（{}）", "有事联系{}。", "回电{}，", "{}，", "手机:{};", "致电{}无人接听，")
    ] + [_say("电话：{}。", landline), _say("打他们座机{}没人接，", landline), _say("单位电话{}，", landline), _say("电话{}或{}。", mobile, mobile)],
    "identity": [_say(form, identity) for form in ("身份证号{}，", "身份证：{}。", "身份证号码为{}，", "（身份证{}）", "证件号码：{}。", "我的身份证{}，")],
    "bank_card": [_say(form, card) for form in ("卡号{}，", "工资卡是{}。", "银行卡号：{}，", "请退到{}这张卡。", "把钱转到{}，", "开户行见附件，账号{}，")],
    "plate": [_say(form, plate) for form in ("车牌{}，", "车牌号：{}。", "一辆{}的白色轿车堵住出口，", "渣土车{}多次闯红灯，", "我的车是{}，", "网约车{}拒载，", "{}一直占用消防通道，")],
    "email": [_say(form, mail) for form in ("邮箱{}。", "邮箱：{}，", "请发到{}，", "E-mail: {} ", "材料已发{}。", "我的邮箱是{}，")],
    "account": [_say(form, account) for form in ("{}。", "{}，", "可以联系{}，", "（{}）")],
    "passport": [_say(form, passport) for form in ("{}，", "{}。", "（{}）")],
    "address": [_say(form, door) for form in ("家住{}，", "住址：{}。", "我住在{}，", "地址：{}，", "我是{}的业主，", "{}漏水到楼下，", "{}的住户，", "【地址】{}；")],
}  # fmt: skip
FORMS: list[Saying] = [
    _say("姓名：{} 电话：{} 地址：{}。", person, mobile, door),
    _say("{}（{}），", person, mobile),
    _say("{} {}，", person, mobile),
    _say("联系人：{}，电话：{}，身份证号：{}。", person, mobile, identity),
    _say("反映人{}，住{}，电话{}。", person, door, mobile),
    _say("收款人{}，{}。", person, card),
    _say("车主{}，车牌{}，手机{}。", person, plate, mobile),
]


def personal(count: int, seed: int = 7) -> list[Sample]:
    """Texts with one to three statements that hold personal data, between matters that hold none."""
    rng = random.Random(seed)
    kinds = list(SAYINGS)
    samples = []
    for number in range(count):
        sayings = [rng.choice(SAYINGS[kinds[number % len(kinds)]])]
        if rng.random() < 0.3:
            sayings.append(rng.choice(FORMS))
        if rng.random() < 0.3:
            sayings.append(rng.choice(SAYINGS[rng.choice(kinds)]))
        parts, secrets = [rng.choice(OPENINGS)], []
        for saying in sayings:
            text, found = saying(rng)
            parts += [text, rng.choice(MATTERS), rng.choice(["。", "，", "！"])]
            secrets += found
        parts.append(rng.choice(CLOSINGS))
        samples.append(Sample("".join(parts), secrets))
    return samples


def _order(rng: random.Random) -> str:
    day = date(2018, 1, 1) + timedelta(days=rng.randrange(2_500))
    forms = [
        f"{day:%Y%m%d}{digits(rng, 6)}",
        f"{day:%Y%m%d%H%M%S}{digits(rng, 4)}",
        f"GD{digits(rng, 12)}",
        f"WZ-{day:%Y}-{digits(rng, 5)}",
        f"1{digits(rng, 10)}",
        digits(rng, 16),
    ]
    return rng.choice(["工单号", "工单编号：", "受理编号", "订单号：", "单号", "快递单号", "投诉编号："]) + rng.choice(
        forms
    )


def _date(rng: random.Random) -> str:
    day = date(2015, 1, 1) + timedelta(days=rng.randrange(4_000))
    return rng.choice(
        [
            f"{day:%Y-%m-%d}",
            f"{day:%Y年%m月%d日}",
            f"{day:%Y.%m.%d}",
            f"{day:%Y/%m/%d}",
            f"{day:%Y%m%d}",
            f"{day:%Y-%m-%d} {rng.randrange(24)}:{rng.randrange(60):02d}",
        ]
    )


def _amount(rng: random.Random) -> str:
    return rng.choice(
        [f"{rng.randrange(10**11)}元", f"{rng.randrange(10**6)}.{digits(rng, 2)}元", f"{rng.randrange(1, 900)}万元", f"1{digits(rng, 10)}元", f"{rng.randrange(1, 99)}亿", f"每平方米{rng.randrange(3000, 30000)}元", f"人民币{rng.randrange(10**8)}元整"]
    )  # fmt: skip


def _hotline(rng: random.Random) -> str:
    return rng.choice(
        ["12345热线", "拨打110报警", "95598客服", "12315", "12328交通热线", "400-820-8820", "400 123 4567", "4008123123", "10086", "12333", "95533", "119", "120急救", "800-810-8888", "96777", "12306网站"]
    )  # fmt: skip


def _road(rng: random.Random) -> str:
    return rng.choice(
        ["G107国道", "S219省道", "G4京港澳高速", "X012县道", "地铁3号线", "202路公交", "2号桥", "京A级景区", "湘江路与5号路交叉口", "国道319线", "5号门", "3号楼电梯", "12栋楼下", "7栋至9栋之间", "二期18栋", "B区3栋架空层", "地下车库B2层", "K12+300处"]
    )  # fmt: skip


def _people(rng: random.Random) -> str:
    family = rng.choice([f for f in FAMILIES if len(f) == 1])
    title = rng.choice("先生 女士 主任 经理 老师 书记 医生 警官 师傅".split())
    return rng.choice(
        [
            f"{family}{title}说没有办法", f"找过{family}{title}", f"{family}某拒不退款", f"{family}某某是店主", f"{family}*电话打不通", "业主高兴不起来", "业主方面也同意", "投诉人向社区反映过", "来电人于上周咨询",
            "老师和家长都反对", "经理从不露面", "负责人解释说要等", "村民安全没有保障", "居民常年受害", "业主何时能拿到房产证", "本人高中学历", "我是方便面厂的职工", "司机任意绕路", "患者平时身体很好", "当事人应当到场",
            "学生金额不等地交了费", "本人和家人都在", "户主都签了字", "联系人：无", "姓名：保密", "反映人不详", "联系人不愿透露", "我是明白人", "房东成天催租", "老板连工资都不发", "中介万般推托", "医生时常不在岗",
            "代表全体业主", "书记常说要办实事", "市民温馨提示", "我叫了救护车", "我叫他别走", "邻居家装修", "同学们都很害怕", "女儿高三了", "儿子马上要上学", "父亲常年卧床", "高中老师", "物业公司经理", "项目经理", "班主任",
            "公安局长", "社区主任", "区委书记", "任课老师", "万达经理", "客户经理", "大堂经理", "主管经理", "施工单位项目负责人",
        ]
    )  # fmt: skip


def _code(rng: random.Random) -> str:
    return rng.choice(
        [
            f"统一社会信用代码91430100MA4{digits(rng, 3)}X{digits(rng, 4)}", f"统一社会信用代码9{digits(rng, 17)}", f"合同编号：{digits(rng, 15)}", f"户号{digits(rng, 10)}", f"水表号{digits(rng, 8)}", f"发票代码{digits(rng, 12)}",
            f"（2019）湘01民终{digits(rng, 4)}号", f"长政发〔2020〕{digits(rng, 2)}号", f"GB 50180-{rng.randrange(1990, 2020)}", f"东经112.{digits(rng, 6)}，北纬28.{digits(rng, 6)}", f"版本号3.{digits(rng, 2)}.1",
            f"网址http://www.city.gov.cn/art/{digits(rng, 8)}.html", f"邮编{digits(rng, 6)}", f"建筑面积{digits(rng, 3)}.{digits(rng, 2)}平方米", f"许可证号4301{digits(rng, 8)}", f"批号{digits(rng, 8)}", f"条码69{digits(rng, 11)}",
            f"192.168.{rng.randrange(255)}.{rng.randrange(255)}", f"共{digits(rng, 4)}户{digits(rng, 5)}人", f"用电{digits(rng, 5)}度", f"预售证号{digits(rng, 10)}", f"不动产权第{digits(rng, 7)}号",
        ]
    )  # fmt: skip


def _chat(rng: random.Random) -> str:
    return rng.choice(
        [
            "微信群里没人管", "QQ群里都在说", "用微信支付了50000元", "微信公众号也发了通知", "在微信上联系过", "QQ邮箱收不到", "@所有人 开会", "微信转账20000元", "加微信领红包", "微博上有人爆料", "抖音视频有10万播放", "下载APP3.0版",
            "微信小程序打不开", "v5版本闪退", "QQ浏览器", "支付宝扣了1500元", "微信步数12000步", "扫码关注12345公众号",
        ]
    )  # fmt: skip


LOOKALIKES: dict[str, Callable[[random.Random], str]] = {
    "order": _order, "date": _date, "amount": _amount, "hotline": _hotline, "road": _road, "people": _people, "code": _code, "chat": _chat,
}  # fmt: skip


def lookalike(count: int, seed: int = 8) -> list[str]:
    """Texts with three things each that look like personal data and are none."""
    rng = random.Random(seed)
    makers = list(LOOKALIKES.values())
    texts = []
    for number in range(count):
        parts = [rng.choice(OPENINGS)]
        for maker in (makers[number % len(makers)], rng.choice(makers), rng.choice(makers)):
            parts += [
                maker(rng),
                rng.choice(["，", "。", "，而且", "；", "，所以"]),
                rng.choice(MATTERS),
                rng.choice(["。", "，", "！"]),
            ]
        parts.append(rng.choice(CLOSINGS))
        texts.append("".join(parts))
    return texts
