"""Words around the names of persons: before a name (我叫, 联系人：, 业主), behind it (…主任, …先生), and instead of one (不详)."""

from __future__ import annotations

import re
from typing import Final

from nlp.wording import any_of

_HAN: Final = "\u4e00-\u9fa5"
# Cues that say by themselves that a name follows.
_CALLED_WHO: Final = "我 他 她 本人 名 名字 姓名 孩子 小孩 儿子 女儿"
CALLED: Final = tuple(f"{who}叫{how}" for who in _CALLED_WHO.split() for how in ("", "做", "作"))
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
SAYS: Final = frozenset(
    (*CALLED, *_NAMED, *(f"{kind}人" for kind in f"{_SPEAKERS} {_PARTIES}".split()), *_OTHER_SAYS.split())
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
老板 中介 包工头 司机 负责人 老师 班主任 校长 教师 医生 护士 警官 民警 交警 辅警 经理 主任 书记 村长 组长 支书 会计 局长 科长
所长 队长 镇长 乡长 区长 县长 市长 站长 院长 主席 会长 客服 业务员 销售员 管家 保安 物管 村干部 社区干部 网格员 店长 店员
快递员 外卖员 配送员 保洁员 护工 护理员 教练 导师 工作人员 接线员 话务员 办事员 科员 处长 部长 主管 总监 园长 行长 社长 厂长
班长 队员 组员 法官 律师 检察官 书记员 驾驶员 售货员 收银员 收费员 业务经理 置业顾问 销售顾问 施工员 监理 工程师 师傅 大夫 主播
助理 秘书 委员 董事长 总经理 副总
"""
_HINTS: Final = frozenset((*_RELATIONS.split(), *_OFFICES.split()))
_LINK: Final = r"[\s:：;；=,，(（\[【\]】\"“'‘是为叫—\-_]{0,4}"
GAP: Final = re.compile(r"[ :：叫是(（\[【“]{0,2}")
_CUE: Final = any_of(SAYS | _HINTS)
CUED: Final = re.compile(f"(?P<cue>{_CUE})(?P<link>{_LINK})(?=[{_HAN}])")
# Titles behind a name.
_TITLES: Final = """
先生 女士 小姐 太太 同志 同学 经理 老师 主任 书记 医生 大夫 护士 警官 法官 律师 师傅 阿姨 叔叔 大爷 大妈 大姐 大哥 老板 教授 工程师 会计 司机 民警 辅警
管家 委员 支书 董事 主席 总监 秘书 助理 夫妇 夫妻 等人 局长 科长 处长 院长 校长 站长 所长 队长 村长 镇长 乡长 区长 县长 市长 社长 会长 班长 组长 部长 厂长 店长
董事长 馆长 等 (男 (女 （男 （女 ，男 ，女 ,男 ,女
"""
TITLED: Final = re.compile(any_of(_TITLES.split()))
NO_TITLE: Final = re.compile(
    "[^等(（,，].*长[期久达年时江沙远大方短度途效]|会计[师划入算]|委员会|董事会|等(?!人|[0-9一二三四五六七八九十百]{1,4}人)|[(（,，][男女](?![,，、)）0-9。])"
)
MORE: Final = re.compile(r"\s?(?:[、/,，]|和|与|及|以及)\s?")
END: Final = re.compile(
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
NO_NAME: Final = frozenset(_NO_NAME_WORDS.split())
# Behind a name for certain.
STRICT_END: Final = re.compile(
    rf"$|[^{_HAN}0-9]|主任|经理|老师|书记|医生|警官|师傅|先生|女士|小姐|同志|电话|手机|身份证|反映|反应|投诉|举报|来电|咨询|求助|称(?!呼)"
)
# Before a name for certain.
BREAK: Final = re.compile(rf"[^{_HAN}*]|[的是叫找为给位名个由和与跟及或请]")
CUE_BEFORE: Final = re.compile(f"{_CUE}{_LINK}$")
TITLE: Final = re.compile("先生|女士|小姐|同志|同学|老师|经理|主任|书记|师傅|阿姨|老板|医生|局长|某")
