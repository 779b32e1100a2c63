"""Fixtures for every suite: a folder of labelled rows in the shape of the training data, all of it made up here."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argon2
import pytest
from hypothesis import settings, strategies

if TYPE_CHECKING:
    from nlp.annotate import Annotator
    from nlp.training.linear import Trained

# A test is no measurement of time: on a loaded machine any example may take long (speed is `make bench`'s).
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# topic, second level, demand type, department, urgency, sentiment, phrases
MATTERS: list[tuple[str, str, str, str, int, int, tuple[str, ...]]] = [
    (
        "城乡建设",
        "住房保障与房地产",
        "投诉",
        "住建",
        0,
        -1,
        ("物业乱收停车管理费", "开发商迟迟不交房", "电梯坏了物业一直不修"),
    ),
    ("城乡建设", "城市建设和市政管理", "建议", "城管", 0, 0, ("建议增设路灯", "建议加宽人行道", "希望补种行道树")),
    (
        "环境保护",
        "环境污染",
        "投诉",
        "生态",
        1,
        -2,
        ("化工厂夜里排放刺鼻废气", "河水发黑发臭", "烧烤店油烟呛得人睡不着"),
    ),
    (
        "教育文体",
        "教育行政管理",
        "咨询",
        "教育",
        0,
        0,
        ("请问小学招生划片范围", "咨询转学需要什么手续", "请问幼儿园几月报名"),
    ),
    (
        "劳动和社会保障",
        "工资福利",
        "举报",
        "人社",
        2,
        -2,
        ("包工头拖欠三十名工人工资", "公司克扣加班费", "老板欠薪跑路"),
    ),
    ("政法", "交通管理", "求助", "交警", 1, -1, ("路口红绿灯坏了", "门前违停车辆堵住通道", "学校门口没有斑马线")),
    ("交通运输", "客货运输", "投诉", "交通", 1, -1, ("公交车半小时不来一趟", "长途客车中途甩客", "末班车提前收车")),
    ("商贸旅游", "市场监管", "投诉", "市监", 0, -1, ("健身房关门不退会员费", "超市标价与结账不符", "商家拒绝开发票")),
]
PLACES = ("青松路", "荷塘街道", "柳岸花园", "向阳小区", "北门广场", "石桥镇", "锦江名都", "南湖新村")
OPENINGS = ("您好，", "领导好，", "反映一件事：", "", "我是附近居民，", "多次打电话没有人管，")
PLEAS = ("请尽快处理。", "希望有关部门重视！", "请给个答复。", "谢谢。", "请问该找谁？", "盼回复")
MOODS = {
    "angry": ("气死我了", "太过分了让人火大"), "disgust": ("真恶心", "看着就反胃"), "fear": ("好害怕啊", "吓得不敢出门"),
    "happy": ("今天真开心", "哈哈哈太高兴了"), "like": ("好喜欢这首歌", "点赞支持"), "neutral": ("早上七点出门", "坐地铁去上班"),
    "sad": ("心里好难过", "忍不住哭了"), "surprise": ("居然是真的", "天哪没想到"), "gratitude": ("感谢你们", "谢谢医生护士"),
    "optimism": ("一定会好起来", "加油相信明天"),
}  # fmt: skip
SOURCES = {
    "weibo_8moods": ("angry", "disgust", "fear", "happy", "like", "neutral", "sad", "surprise"),
    "smp_usual_eval": ("angry", "fear", "happy", "neutral", "sad", "surprise"),
    "covid19_labelled": ("angry", "disgust", "fear", "gratitude", "optimism", "sad", "surprise"),
}
REVIEWS = {
    1: ("味道很好下次还来", "质量不错很满意", "服务热情环境干净"),
    0: ("送来都凉了很失望", "质量太差要退货", "房间又旧又吵"),
}


@pytest.hookimpl(trylast=True)  # after Hypothesis' own plugin, before xdist starts its workers
def pytest_sessionstart() -> None:
    """Build Hypothesis' tables of Unicode outside every test's clock.

    It builds them when a character is first drawn and keeps them in `.hypothesis/`. On a fresh machine that takes more than a second,
    and its health check (`too_slow`) charged it to the test that came first. Under xdist the first process builds, the workers read.
    """
    strategies.text().validate()


def pytest_collection_finish() -> None:
    """Let the collector pass over what is imported and collected: it all stays, and looking at it again and again was a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 40)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """A hash takes a millisecond here; what it costs in a city is argon2's own default (`test_users.py` looks at that one)."""
    with pytest.MonkeyPatch.context() as patch:
        quick = partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(argon2, "PasswordHasher", quick)
        yield


@pytest.fixture(scope="session")
def shared_annotator() -> Annotator:
    """The shipped weights, loaded once."""
    from nlp.annotate import Annotator

    return Annotator.load()


@pytest.fixture(scope="session")
def labelled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """civic_by_reading, topic_train, emotion_train and polarity_train of some hundred made-up rows each."""
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path_factory.mktemp("labelled")
    draw = random.Random(7)
    tables = {
        "civic_by_reading": _civic(draw, 480), "topic_train": _topic(draw, 160), "emotion_train": _emotion(draw, 400),
        "polarity_train": _polarity(draw, 200),
    }  # fmt: skip
    for name, rows in tables.items():
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


def _civic(draw: random.Random, n: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(n):
        topic, second, kind, office, urgency, sentiment, phrases = draw.choice(MATTERS)
        place, phrase = draw.choice(PLACES), draw.choice(phrases)
        filler = "".join(
            draw.choices("的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动", k=40)
        )
        time = datetime(2019, 1, 1) + timedelta(hours=draw.randrange(8_700))  # noqa: DTZ001 - as the files have it
        text = f"{draw.choice(OPENINGS)}{place}{phrase}，{filler}，{draw.choice(PLEAS)}"
        rows.append({
            "id": f"board:{number}", "source": "board", "title": f"{place}{phrase}", "text": text, "time": time, "l1": topic,
            "l2": second, "l1b": "", "l2b": "", "type": kind, "sentiment": sentiment, "urgency": urgency, "dept": office,
            "dept2": "", "place": place, "issue": phrase, "unsure": draw.random() < 0.2,
        })  # fmt: skip
    rows[-1] |= {"id": "topic:t0", "source": "topic", "title": "", "time": None}
    return rows


def _topic(draw: random.Random, n: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(n):
        topic, _, _, _, _, _, phrases = draw.choice(MATTERS)
        text = f"{draw.choice(PLACES)}{draw.choice(phrases)}{draw.choice(PLEAS)}{number}"
        rows.append(
            {
                "id": f"t{number}",
                "text": text,
                "label": topic,
                "tokenised": number % 2 == 0,
                "tokens": "",
                "group": f"g{number}",
            }
        )
    return rows


def _emotion(draw: random.Random, n: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(n):
        source = draw.choice(list(SOURCES))
        mapped = draw.choice(SOURCES[source])
        rows.append(
            {"source": source, "text": f"{draw.choice(MOODS[mapped])}{number}", "label": mapped, "mapped": mapped}
        )
    return rows


def _polarity(draw: random.Random, n: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(n):
        label = number % 2
        rows.append(
            {"source": "waimai_10k", "category": "", "text": f"{draw.choice(REVIEWS[label])}{number}", "label": label}
        )
    return rows


@pytest.fixture(scope="session")
def trained(labelled_folder: Path) -> Trained:
    """What `minsheng train linear` makes of the made-up rows."""
    from nlp.training.linear import train
    from nlp.training.rows import read_corpus

    return train(read_corpus(labelled_folder), lambda _: None)
