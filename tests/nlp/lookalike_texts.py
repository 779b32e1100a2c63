"""Synthetic texts with what looks like personal data and is none (promise S11)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡余于叶程魏任卢钟石金方江易安成常向文龙单项温路"
OPENINGS = ("您好，", "领导好！", "", "尊敬的领导：", "来电反映，", "【网络留言】", "市民致电称，")
CLOSINGS = ("请尽快处理，谢谢！", "望回复。", "希望有关部门管一管。", "", "盼复", "请核实。")
MATTERS = (
    "楼下烧烤店每天营业到凌晨两点",
    "小区二次供水水压太小，五楼以上洗澡都成问题",
    "开发商去年12月就该交房，拖到现在",
    "去年缴了3600元物业费，电梯坏了半个月没人修",
    "路灯坏了二十多天",
    "公交202路减了班次，早高峰要等40多分钟",
    "单位从2019年6月起没给我们缴社保，工资还差1.2万元",
    "垃圾站离3栋只有15米，夏天臭得开不了窗",
    "预付卡还有2300元没用完，店就关门了",
    "高速口到G319国道那段坑洼不平，已经翻了两辆车",
)


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


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
        [
            f"{rng.randrange(10**11)}元",
            f"{rng.randrange(10**6)}.{digits(rng, 2)}元",
            f"{rng.randrange(1, 900)}万元",
            f"1{digits(rng, 10)}元",
            f"{rng.randrange(1, 99)}亿",
            f"每平方米{rng.randrange(3000, 30000)}元",
            f"人民币{rng.randrange(10**8)}元整",
        ]
    )


def _hotline(rng: random.Random) -> str:
    return rng.choice(
        [
            "12345热线",
            "拨打110报警",
            "95598客服",
            "12315",
            "12328交通热线",
            "400-820-8820",
            "400 123 4567",
            "4008123123",
            "10086",
            "12333",
            "95533",
            "119",
            "120急救",
            "800-810-8888",
            "96777",
            "12306网站",
        ]
    )


def _road(rng: random.Random) -> str:
    return rng.choice(
        [
            "G107国道",
            "S219省道",
            "G4京港澳高速",
            "X012县道",
            "地铁3号线",
            "202路公交",
            "2号桥",
            "京A级景区",
            "湘江路与5号路交叉口",
            "国道319线",
            "5号门",
            "3号楼电梯",
            "12栋楼下",
            "7栋至9栋之间",
            "二期18栋",
            "B区3栋架空层",
            "地下车库B2层",
            "K12+300处",
        ]
    )


def _people(rng: random.Random) -> str:
    family = rng.choice(FAMILIES)
    title = rng.choice(["先生", "女士", "主任", "经理", "老师", "书记", "医生", "警官", "师傅"])
    return rng.choice(
        [
            f"{family}{title}说没有办法",
            f"找过{family}{title}",
            f"{family}某拒不退款",
            f"{family}某某是店主",
            f"{family}*电话打不通",
            "业主高兴不起来",
            "业主方面也同意",
            "投诉人向社区反映过",
            "来电人于上周咨询",
            "老师和家长都反对",
            "经理从不露面",
            "负责人解释说要等",
            "村民安全没有保障",
            "居民常年受害",
            "业主何时能拿到房产证",
            "本人高中学历",
            "我是方便面厂的职工",
            "司机任意绕路",
            "患者平时身体很好",
            "当事人应当到场",
            "学生金额不等地交了费",
            "本人和家人都在",
            "户主都签了字",
            "联系人：无",
            "姓名：保密",
            "反映人不详",
            "联系人不愿透露",
            "我是明白人",
            "房东成天催租",
            "老板连工资都不发",
            "中介万般推托",
            "医生时常不在岗",
            "代表全体业主",
            "书记常说要办实事",
            "市民温馨提示",
            "我叫了救护车",
            "我叫他别走",
            "邻居家装修",
            "同学们都很害怕",
            "女儿高三了",
            "儿子马上要上学",
            "父亲常年卧床",
            "高中老师",
            "物业公司经理",
            "项目经理",
            "班主任",
            "公安局长",
            "社区主任",
            "区委书记",
            "任课老师",
            "万达经理",
            "客户经理",
            "大堂经理",
            "主管经理",
            "施工单位项目负责人",
        ]
    )


def _code(rng: random.Random) -> str:
    return rng.choice(
        [
            f"统一社会信用代码91430100MA4{digits(rng, 3)}X{digits(rng, 4)}",
            f"统一社会信用代码9{digits(rng, 17)}",
            f"合同编号：{digits(rng, 15)}",
            f"户号{digits(rng, 10)}",
            f"水表号{digits(rng, 8)}",
            f"发票代码{digits(rng, 12)}",
            f"（2019）湘01民终{digits(rng, 4)}号",
            f"长政发〔2020〕{digits(rng, 2)}号",
            f"GB 50180-{rng.randrange(1990, 2020)}",
            f"东经112.{digits(rng, 6)}，北纬28.{digits(rng, 6)}",
            f"版本号3.{digits(rng, 2)}.1",
            f"网址http://www.city.gov.cn/art/{digits(rng, 8)}.html",
            f"邮编{digits(rng, 6)}",
            f"建筑面积{digits(rng, 3)}.{digits(rng, 2)}平方米",
            f"许可证号4301{digits(rng, 8)}",
            f"批号{digits(rng, 8)}",
            f"条码69{digits(rng, 11)}",
            f"192.168.{rng.randrange(255)}.{rng.randrange(255)}",
            f"共{digits(rng, 4)}户{digits(rng, 5)}人",
            f"用电{digits(rng, 5)}度",
            f"预售证号{digits(rng, 10)}",
            f"不动产权第{digits(rng, 7)}号",
        ]
    )


def _chat(rng: random.Random) -> str:
    return rng.choice(
        [
            "微信群里没人管",
            "QQ群里都在说",
            "用微信支付了50000元",
            "微信公众号也发了通知",
            "在微信上联系过",
            "QQ邮箱收不到",
            "@所有人 开会",
            "微信转账20000元",
            "加微信领红包",
            "微博上有人爆料",
            "抖音视频有10万播放",
            "下载APP3.0版",
            "微信小程序打不开",
            "v5版本闪退",
            "QQ浏览器",
            "支付宝扣了1500元",
            "微信步数12000步",
            "扫码关注12345公众号",
        ]
    )


LOOKALIKES: dict[str, Callable[[random.Random], str]] = {
    "order": _order,
    "date": _date,
    "amount": _amount,
    "hotline": _hotline,
    "road": _road,
    "people": _people,
    "code": _code,
    "chat": _chat,
}


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
