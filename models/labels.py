"""Label sets. The topic tree, department codes, types and levels that every stage shares.

Sources: the 15 first-level classes and their second level are those of the provincial complaint taxonomy; department
codes are the generic offices of a prefecture city. Both can be replaced by a city's own versioned sets (later issues).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

OTHER: Final = "其他"

TOPICS: Final[dict[str, tuple[str, ...]]] = {
    "城乡建设": ("安全生产", "城市建设和市政管理", "城乡规划", "村镇建设", "工程质量", "国有土地上房屋征收与补偿",
             "集体土地上房屋拆迁与补偿", "建筑市场", "住房保障与房地产", "其他"),
    "党务政务": ("党的建设", "港澳台侨", "国防外交", "民族宗教", "群众团体", "宣传舆论", "政治体制", "其他"),
    "国土资源": ("海洋气象地震", "矿产资源管理", "土地征收", "土地资源管理", "其他"),
    "环境保护": ("环保管理", "环境污染", "建设项目审批", "其他"),
    "纪检监察": ("党政处分", "干部作风", "滥用职权", "失职渎职", "贪污贿赂", "其他"),
    "交通运输": ("出租车管理", "建设管理", "交通运输", "客货运输", "邮政管理", "其他"),
    "经济管理": ("安全生产", "保险证券期货", "国资监管", "宏观调控", "金融财税", "能源管理", "企业破产", "其他"),
    "科技与信息产业": ("电信", "科学技术", "信息化建设", "知识产权", "其他"),
    "民政": ("福利慈善", "复退安置", "基层选举和社区建设", "救灾募捐", "民间组织", "区划地名", "社会服务", "社会救助", "优抚", "其他"),
    "农村农业": ("草原草场", "村务管理", "动物防疫", "扶贫开发", "惠农补贴", "林业管理", "农副产品流通", "农垦农场", "农资农技",
             "水库移民", "水利水电", "土地承包经营", "野生资源管理", "其他"),
    "商贸旅游": ("旅游管理", "商业贸易", "市场监管", "质监检验检疫", "其他"),
    "卫生计生": ("公共卫生", "人口计生", "食品药品监管", "医患纠纷", "医政监管", "其他"),
    "政法": ("法律服务", "法制建设", "行政复议", "户籍证件", "交通管理", "警务督察", "社会治安", "诉讼", "刑案侦破", "刑罚执行",
           "仲裁与调解", "其他"),
    "教育文体": ("教师队伍和待遇", "教育行政管理", "教育收费", "教育体制", "考试招生", "失学辍学", "体育", "文化", "文物管理", "其他"),
    "劳动和社会保障": ("城镇居民社会保险", "城镇职工社会保险", "工资福利", "就业培训", "劳动保护", "劳动关系", "社保基金管理",
                "退休政策及待遇", "其他"),
}  # fmt: skip

DEPARTMENTS: Final[dict[str, str]] = {
    "住建": "住房和城乡建设", "城管": "城市管理和综合执法", "自规": "自然资源和规划", "交通": "交通运输", "轨道": "轨道交通和铁路",
    "公安": "公安", "交警": "公安交警", "生态": "生态环境", "水务": "水务", "人社": "人力资源和社会保障", "医保": "医疗保障",
    "卫健": "卫生健康", "教育": "教育", "市监": "市场监督管理", "民政": "民政", "农业": "农业农村", "林业": "林业", "商务": "商务",
    "文旅": "文化广电旅游体育", "发改": "发展和改革", "工信": "工业和信息化", "金融": "地方金融监管", "财税": "财政税务",
    "公积金": "住房公积金", "退役": "退役军人事务", "司法": "司法", "纪检": "纪检监察", "应急": "应急管理和消防",
    "政务": "政务服务和数据", "公用": "水电气热企业", "属地": "属地街道、乡镇或区政府", "宣传": "宣传网信", "国资": "国有资产监管",
    "其他": "其他单位",
}  # fmt: skip

DEMAND_TYPES: Final = ("咨询", "求助", "投诉", "举报", "建议", "表扬", "其他")
EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "like", "neutral", "sad", "surprise")
EMOTION_NAMES: Final[dict[str, str]] = {
    "angry": "愤怒", "disgust": "厌恶", "fear": "担忧", "happy": "高兴", "like": "赞许", "neutral": "平静", "sad": "难过", "surprise": "惊讶",
}  # fmt: skip
URGENCIES: Final = (0, 1, 2, 3)
URGENCY_NAMES: Final = ("一般", "较急", "紧急", "特急")
RATINGS: Final[dict[int, str]] = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
CHANNELS: Final = ("hotline", "mailbox", "board", "app", "wechat", "weibo", "web", "visit", "press")
CHANNEL_NAMES: Final[dict[str, str]] = {
    "hotline": "热线电话", "mailbox": "信箱", "board": "留言板", "app": "客户端", "wechat": "微信", "weibo": "微博", "web": "网站",
    "visit": "来访", "press": "媒体",
}  # fmt: skip


class Kind(StrEnum):
    DEMAND = "demand"
    OPINION = "opinion"
    NEWS = "news"
    POLICY = "policy"


class Status(StrEnum):
    """States of a work order, in the words of the trade (domain.md §2)."""

    WAITING = "待受理"
    ACCEPTED = "已受理"
    TO_DISPATCH = "待派单"
    DISPATCHED = "已派单"
    SIGNED = "已签收"
    HANDLING = "办理中"
    REPLIED = "已回复"
    TO_CALL_BACK = "待回访"
    CALLED_BACK = "已回访"
    CLOSED = "已办结"
    ARCHIVED = "已归档"
    RETURNED = "退单"
    REFUSED = "不予受理"


class Resolved(StrEnum):
    YES = "解决"
    PARTLY = "部分解决"
    NO = "未解决"


class Grade(StrEnum):
    """GB/T 43697-2024: core, important, and general data in four steps."""

    CORE = "核心"
    IMPORTANT = "重要"
    GENERAL_4 = "一般4级"
    GENERAL_3 = "一般3级"
    GENERAL_2 = "一般2级"
    GENERAL_1 = "一般1级"


class Role(StrEnum):
    LEADER = "leader"
    ANALYST = "analyst"
    OPERATOR = "operator"
    RESEARCHER = "researcher"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"


ROLE_NAMES: Final[dict[Role, str]] = {
    Role.LEADER: "领导", Role.ANALYST: "政策研究", Role.OPERATOR: "热线坐席", Role.RESEARCHER: "研究人员",
    Role.SYSTEM_ADMIN: "系统管理员", Role.SECURITY_ADMIN: "安全管理员", Role.AUDIT_ADMIN: "审计管理员",
}  # fmt: skip
BUSINESS_ROLES: Final = frozenset({Role.LEADER, Role.ANALYST, Role.OPERATOR, Role.RESEARCHER})


class Level(StrEnum):
    """Alert levels, lowest first (domain.md §4)."""

    NONE = "无"
    BLUE = "蓝"
    YELLOW = "黄"
    ORANGE = "橙"
    RED = "红"
