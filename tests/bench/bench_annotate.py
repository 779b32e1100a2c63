"""How fast texts are annotated on one thread, beside the usual ways in the same run (methods.md §2).

Ours: clean, mask, segment, keywords, entities, fingerprint and all heads. Jieba + SnowNLP: keywords and sentiment alone. The pipelines of
`transformers` (torch in float32): the heads alone, by an encoder of the shape of the shipped one and by one of the size of BERT-base, both
with random weights, text by text and in batches. A figure that has a target is printed with it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECONDS = 4.0  # per measurement
LENGTHS = (60, 250)
BATCHES = {"pipeline": (1, 32), "bert_base": (1, 8)}  # text by text, and the faster of 8, 16, 32 and 64
AT_LEAST = {
    "encoder_per_s_60": 400,
    **{f"{name}_{length}": n for name, n in (("cascade_per_s", 1_200), ("texts_per_s", 600)) for length in LENGTHS},
}
AT_MOST = {"load_s": 1.5, "memory_mb": 500}
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


def _shape(folder: Path) -> Any:
    """The shape of the encoder in a graph: its matrices tell."""
    import onnx
    import zstandard

    from nlp.encoder import GRAPH, MOST_BYTES
    from nlp.training.masked_model import HEAD_WIDTH, Shape

    data = zstandard.ZstdDecompressor().decompress((folder / GRAPH).read_bytes(), max_output_size=MOST_BYTES)
    matrices = [tuple(each.dims) for each in onnx.load_from_string(data).graph.initializer if len(each.dims) == 2]
    hidden = matrices[0][1]  # word vectors come first
    inner = [wide for narrow, wide in matrices if narrow == hidden and wide > hidden]
    return Shape(layers=inner.count(inner[0]), hidden=hidden, heads=max(1, hidden // HEAD_WIDTH), inner=inner[0])


def _pipelines() -> dict[str, Callable[[Sequence[tuple[str, str]], int], Any]]:
    """The encoder of the shipped shape, and one of the size of BERT-base, as pipelines: name -> work(rows, batch)."""
    import torch

    from nlp.classifier import shipped_folder
    from nlp.tokenizer import Tokenizer, words
    from nlp.training.heads import SIZES, reader
    from nlp.training.masked_model import new_encoder
    from nlp.training.pipeline import as_pipeline, base_pipeline

    torch.set_num_threads(1)
    tokenizer = Tokenizer.load(shipped_folder())
    encoder = new_encoder(_shape(shipped_folder()), len(tokenizer))
    same, base = as_pipeline(reader(encoder, SIZES).eval(), tokenizer, sum(SIZES.values())), base_pipeline()

    def work(rows: Sequence[tuple[str, str]], batch: int) -> Any:
        given = [{"text": " ".join(words(title)), "text_pair": " ".join(words(text))} for title, text in rows]
        with torch.inference_mode():
            return same(given, batch_size=batch)

    def base_work(rows: Sequence[tuple[str, str]], batch: int) -> Any:
        with torch.inference_mode():
            return base([{"text": title, "text_pair": text} for title, text in rows], batch_size=batch)

    return {"pipeline": work, "bert_base": base_work}


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
    """Texts per second at each length, ours and the usual ways, their ratios; load time in seconds and peak memory in MB."""
    from nlp.annotate import Annotator, Draft

    os.environ.update(ONE_THREAD)
    annotator = Annotator.load()
    annotator.annotate([Draft("路灯不亮", "柳岸花园的路灯坏了")])
    usual, found = _usual(), dict[str, float]()
    pipelines = _pipelines() if all(map(find_spec, ("torch", "transformers", "onnx"))) else {}
    for length in LENGTHS:
        rows = made_texts(length, 6_000)
        found |= _ours(annotator, rows, length)
        theirs = _per_second(usual, rows, 10)
        found |= {f"jieba_snownlp_per_s_{length}": theirs, f"ratio_{length}": found[f"texts_per_s_{length}"] / theirs}
        ours = found.get(f"encoder_per_s_{length}", found[f"heads_per_s_{length}"])
        for name, work in pipelines.items():
            for batch in BATCHES[name]:
                speed = _per_second(partial(work, batch=batch), rows, batch)
                found |= {
                    f"{name}_batch_{batch}_per_s_{length}": speed,
                    f"encoder_ratio_{name}_batch_{batch}_{length}": ours / speed,
                }
    answer = subprocess.run([sys.executable, __file__, "--worker"], check=True, capture_output=True, text=True,
                            env={**os.environ, **ONE_THREAD})  # fmt: skip
    return {name: round(value, 2) for name, value in (found | json.loads(answer.stdout)).items()}


def _ours(annotator: Any, rows: Sequence[tuple[str, str]], length: int) -> dict[str, float]:
    """The whole annotation, its heads (linear classifier and encoder on every text), the cascade, and the encoder alone."""
    from nlp.annotate import Draft
    from nlp.hybrid import HybridClassifier, unsure

    found = {
        f"texts_per_s_{length}": _per_second(lambda some: annotator.annotate([Draft(*row) for row in some]), rows, 250),
        f"heads_per_s_{length}": _per_second(partial(_read, annotator.classifier.predict), rows, 250),
    }
    if isinstance(annotator.classifier, HybridClassifier):
        fast = annotator.classifier.cascading()
        found[f"cascade_per_s_{length}"] = _per_second(partial(_read, fast.predict), rows, 250)
        titles, texts = zip(*rows, strict=True)
        asked = unsure(fast.linear, fast.linear.logits(titles, texts), fast.mixes)
        found[f"cascade_asked_{length}"] = float(asked.mean())
        found[f"encoder_per_s_{length}"] = _per_second(
            partial(_read, annotator.classifier.encoder.logits), rows[:1_500], 250
        )
    return found


def with_targets(found: Mapping[str, float]) -> dict[str, Any]:
    """The figures, those that have a target with it and whether it is met."""
    told: dict[str, Any] = dict(found)
    for name, value in found.items():
        if name in AT_LEAST:
            told[name] = {"value": value, "target": f"≥ {AT_LEAST[name]}", "met": value >= AT_LEAST[name]}
        elif name in AT_MOST:
            told[name] = {"value": value, "target": f"≤ {AT_MOST[name]}", "met": value <= AT_MOST[name]}
    return told


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core: the encoder takes two where it may
    told = _worker() if sys.argv[1:] == ["--worker"] else with_targets(run())
    print(json.dumps(told, ensure_ascii=False, indent=1))
