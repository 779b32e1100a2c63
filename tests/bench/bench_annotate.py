"""How fast texts are annotated on one thread, beside jieba + SnowNLP doing less of the work in the same run (methods.md §2).

Ours: clean, mask, segment, keywords, entities, fingerprint and seven heads. Theirs: jieba keywords and SnowNLP sentiment.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

SECONDS = 4.0  # per measurement
LENGTHS = (60, 250)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

PLACES = (
    "柳岸花园",
    "荷塘街道",
    "青松路",
    "向阳小区",
    "石桥镇",
    "锦江名都",
    "南湖新村",
    "北门广场",
    "梧桐里",
    "银杏大道",
)
MATTERS = ("物业乱收停车管理费", "路灯连续多日不亮", "工地夜间施工噪音很大", "开发商迟迟不办房产证", "公交车班次太少", "小学划片范围不明",
           "河道发黑发臭", "餐馆油烟直排", "拖欠工资三个月", "下水道堵塞污水外溢", "消防通道被占", "自来水发黄")  # fmt: skip
PARTS = ("我是这里的住户，", "多次打电话反映都没有人处理，", "老人和孩子出行很不方便，", "希望有关部门到现场看一看，", "已经影响到大家的正常生活，",
         "之前答复说一周内解决，", "到现在快两个月了，", "请问什么时候可以办好，", "附近还有一所幼儿园，", "晚上十一点以后尤其严重，",
         "我们愿意配合调查，", "业主群里天天有人抱怨，", "社区也说管不了，", "请给一个明确的答复，")  # fmt: skip


def made_texts(length: int, count: int) -> list[tuple[str, str]]:
    """Titles and bodies of `length` characters together, no two alike."""
    draw, rows = random.Random(length), []
    for number in range(count):
        title = f"{draw.choice(PLACES)}{draw.choice(MATTERS)}"
        body = f"{draw.choice(PLACES)}{number}号{draw.choice(MATTERS)}，"
        while len(title) + len(body) < length:
            body += draw.choice(PARTS)
        rows.append((title, body[: max(10, length - len(title))]))
    return rows


def _per_second(work: Callable[[Sequence[tuple[str, str]]], Any], rows: Sequence[tuple[str, str]], batch: int) -> float:
    work(rows[:batch])
    start, done = time.perf_counter(), batch
    while done < len(rows) and time.perf_counter() - start < SECONDS:
        work(rows[done : done + batch])
        done += batch
    return (min(done, len(rows)) - batch) / (time.perf_counter() - start)


def _read(work: Callable[[Sequence[str], Sequence[str]], Any], rows: Sequence[tuple[str, str]]) -> Any:
    return work([title for title, _ in rows], [text for _, text in rows])


def _usual() -> Callable[[Sequence[tuple[str, str]]], Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba.analyse
        from snownlp import SnowNLP

    def work(rows: Sequence[tuple[str, str]]) -> None:
        for title, body in rows:
            text = f"{title}\n{body}"
            jieba.analyse.extract_tags(text, 8)
            SnowNLP(text).sentiments  # noqa: B018 - the property does the work

    return work


def _peak_mb() -> float:
    """Highest resident size of this process so far. Not getrusage: a child starts from its parent's peak there."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _worker() -> dict[str, float]:
    """Run in a process of its own: what a worker that annotates weighs, and how long it needs to load."""
    start = time.perf_counter()
    from nlp.annotate import Annotator, Draft

    annotator = Annotator.load()
    loaded = time.perf_counter() - start
    annotator.annotate([Draft("路灯不亮", "柳岸花园的路灯坏了")])
    ready = time.perf_counter() - start
    annotator.annotate([Draft(title, body) for title, body in made_texts(250, 2_000)])
    return {
        "load_s": loaded,
        "first_answer_s": ready,
        "memory_mb": _peak_mb(),
    }


def run() -> dict[str, float]:
    """Texts per second at each length, ours and the usual way, their ratio; load time in seconds and peak memory in MB."""
    from nlp.annotate import Annotator, Draft
    from nlp.hybrid import HybridClassifier

    os.environ.update(ONE_THREAD)
    annotator = Annotator.load()
    annotator.annotate([Draft("路灯不亮", "柳岸花园的路灯坏了")])
    usual = _usual()
    found: dict[str, float] = {}
    for length in LENGTHS:
        rows = made_texts(length, 6_000)
        ours = _per_second(lambda some: annotator.annotate([Draft(*row) for row in some]), rows, 250)
        heads = _per_second(lambda some: annotator.classifier.predict(*map(list, zip(*some, strict=True))), rows, 250)
        if isinstance(annotator.classifier, HybridClassifier):
            read = annotator.classifier.encoder.logits
            found[f"encoder_per_s_{length}"] = _per_second(partial(_read, read), rows[:1_500], 250)
        theirs = _per_second(usual, rows, 10)
        found |= {f"texts_per_s_{length}": ours, f"heads_per_s_{length}": heads, f"jieba_snownlp_per_s_{length}": theirs,
                  f"ratio_{length}": ours / theirs}  # fmt: skip
    answer = subprocess.run([sys.executable, __file__, "--worker"], check=True, capture_output=True, text=True,
                            env={**os.environ, **ONE_THREAD})  # fmt: skip
    return {name: round(value, 2) for name, value in (found | json.loads(answer.stdout)).items()}


if __name__ == "__main__":
    print(json.dumps(_worker() if sys.argv[1:] == ["--worker"] else run(), ensure_ascii=False, indent=1))
