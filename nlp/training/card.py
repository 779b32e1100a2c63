"""The model card: what the shipped weights were made from, how good they are, and what they cannot do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nlp.training.joint import Joined

from nlp.encoder import GRAPH
from nlp.hybrid import FILE as HYBRID_FILE
from nlp.hybrid import HybridClassifier
from nlp.linear import FILE, LinearClassifier
from nlp.tokenizer import VOCABULARY_FILE
from nlp.training.figures import ClassFigure, HeadFigure, PartFigure, as_card
from nlp.training.held import BY, CIVIC
from nlp.training.linear import ABSTAINING

CONFUSED: Final = ("topic", "department")  # the heads whose mistakes send an order to the wrong desk
LICENCE: Final = (
    "训练文本大多没有写明许可（civic_by_reading、topic_train、polarity 各集未写明；weibo_8moods 的仓库为 MIT；"
    "SMP 为共享任务用途；covid19 作者要求引用）。仓库与权重中不含任何原文。"
)
LIMITS: Final = (
    "civic 各头出自三个来源（两个省级留言板数据集和一个城市的河道信访），地名已换成代码；对别的城市、别的渠道，准确率会低于下表。",
    "少数类行数很少（如 党务政务、科技与信息产业），这些类的数字区间很宽，模型多半弃权。",
    "承办单位按普通地级市的惯例标注，只是建议；本市以分派目录为准。",
    "情绪各来源的标注口径不同，彼此一致程度低；只宜看总体分布，不宜据以判断某一个人。",
    "「其他」由日常微博和好评教出，真正的公文、广告等没有见过。",
    "读一条长文的前 300 字和末 90 字。",
    "紧急程度 3（特急）只有 78 行，模型几乎认不出；涉及生命安全的来件不能只靠它分级。",
    "训练时用过的文本再来标注，会显得过于有把握；评价准确率只能用没有见过的文本。",
)


def write(folder: Path, model: LinearClassifier, found: Sequence[HeadFigure], sizes: Mapping[str, int]) -> list[Path]:
    """Weights, `card.json` and `model_card.md` of a linear classifier into `folder` (made if missing)."""
    folder.mkdir(parents=True, exist_ok=True)
    data = model.to_bytes()
    (folder / FILE).write_bytes(data)
    about = (
        "由 `minsheng train linear` 生成，请勿手改。字符 1–2 元、标题与正文分开、散列、TF-IDF、一对多支持向量机、逐头温度校准。",
        f"权重 {len(data) / 1e6:.1f} MB（float16，zstd）；字串数："
        + "，".join(f"{name} {len(block.buckets):,}" for name, block in model.blocks.items()),
    )  # fmt: skip
    return [
        folder / FILE,
        *_cards(folder, f"线性分类器 {model.version}", model.version, len(data), about, found, sizes),
    ]


def write_joined(folder: Path, joined: Joined, sizes: Mapping[str, int], encoder_about: str) -> list[Path]:
    """The shipped hybrid classifier and its cards into `folder`: linear.zst, encoder.onnx.zst, vocab.txt, hybrid.json, cards.

    Args:
        joined: what `nlp.training.joint.train` gave; encoder_about: what the encoder read before it was fine-tuned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (GRAPH, VOCABULARY_FILE):
        (folder / name).write_bytes((joined.encoder_folder / name).read_bytes())
    joined.model.save(folder)
    model = HybridClassifier.load(folder)
    names = (FILE, GRAPH, VOCABULARY_FILE, HYBRID_FILE)
    sizes_bytes = {name: (folder / name).stat().st_size for name in names}
    written = _cards(folder, f"混合分类器 {model.version}", model.version, sum(sizes_bytes.values()),
                     _about(joined, sizes_bytes, encoder_about), joined.figures, sizes, _further(joined, sizes_bytes))  # fmt: skip
    return [*(folder / name for name in names), *written]


def _about(joined: Joined, sizes_bytes: Mapping[str, int], encoder_about: str) -> list[str]:
    """Lines of the card that only a hybrid classifier has."""
    places = joined.places
    return [
        "由 `minsheng train heads` 生成，请勿手改。字符 n 元线性分类器与 BERT 编码器（int8）按对数概率加权，逐头校准。",
        encoder_about,
        "权重：" + "，".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes_bytes.items()),
        "编码器的权重："
        + "，".join(f"{head} {mix.weight:.2f}" for head, mix in joined.mixes.items())
        + "；其余是线性分类器的",
        f"地点：留出的 {places.n:,} 行上，起止都对的 F1 {places.exact:.3f}，按重合词元计 {places.overlap:.3f}",
        *(
            f"{head}：留出的 {one.n:,} 行中 {one.named:,} 行有，精确率 {one.precision:.3f}，召回率 {one.recall:.3f}，F1 {one.f1:.3f}"
            for head, one in joined.seconds.items()
        ),
        "同样的留出行上，只用线性分类器的准确率："
        + "，".join(f"{one.head} · {one.rows} {one.accuracy:.3f}" for one in joined.linear_figures),
    ]


def _further(joined: Joined, sizes_bytes: Mapping[str, int]) -> dict[str, Any]:
    """Keys of card.json that only a hybrid classifier has."""
    return {
        "files": dict(sizes_bytes),
        "encoder_weights": {head: mix.weight for head, mix in joined.mixes.items()},
        "places": asdict(joined.places),
        "seconds": {head: asdict(one) for head, one in joined.seconds.items()},
        "linear_accuracy": [
            {"head": one.head, "rows": one.rows, "accuracy": one.accuracy} for one in joined.linear_figures
        ],
    }


def _cards(folder: Path, title: str, version: str, size_bytes: int, about: Sequence[str], found: Sequence[HeadFigure],
           sizes: Mapping[str, int], further: Mapping[str, Any] | None = None) -> list[Path]:  # fmt: skip
    told = as_json(version, found, sizes, size_bytes) | dict(further or {})
    card = (
        json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
    )  # the package has its limit
    (folder / "card.json").write_text(card, encoding="utf-8")
    (folder / "model_card.md").write_text(as_markdown(title, about, found, sizes), encoding="utf-8")
    return [folder / "card.json", folder / "model_card.md"]


def as_json(version: str, found: Sequence[HeadFigure], sizes: Mapping[str, int], size_bytes: int) -> dict[str, Any]:
    """The card as plain values; `figures` as `nlp.training.figures.as_card`."""
    return {
        "model": version,
        "size_bytes": size_bytes,
        "rows": dict(sizes),
        "trained_on": "all rows; the figures are those of a model trained without the held-out fold",
        "licence_of_texts": LICENCE,
        "limits": list(LIMITS),
        "promised_share_right": ABSTAINING,
        "figures": as_card(found),
    }


def as_markdown(title: str, about: Sequence[str], found: Sequence[HeadFigure], sizes: Mapping[str, int]) -> str:
    """The card for people."""
    lines = [
        f"# {title}",
        "",
        *(f"- {line}" for line in about),
        "- 训练行数：" + "，".join(f"{name} {rows:,}" for name, rows in sizes.items()),
        "- 随包权重用**全部**行训练。下面的数字来自另一个模型：它没有见过第 0 折（近重复组按散列分五折），"
        "温度与弃权门限取自第 1 折。",
        "- 弃权：置信度低于门限时不回答。门限使留出行上答对比例的 Clopper–Pearson 下界达到 "
        + "，".join(f"{head} {share:.0%}" for head, share in ABSTAINING.items()) + "。",
        f"- 许可：{LICENCE}",
        "",
        "## 局限",
        "",
        *(f"- {limit}" for limit in LIMITS),
        "",
        "## 留出数字（方括号内为 95% 自助法区间）",
        "",
        "| 头 | 行 | n | 准确率 | 宏 F1 | 二次 kappa | 前三 | ECE | 回答比例 | 回答中答对 |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(figure) for figure in found),
        *coverage_lines(found),
        *parts_table(found),
        *confusion_tables(found),
        "",
        "## 逐类",
    ]  # fmt: skip
    for figure in found:
        lines += [
            "",
            f"### {figure.head} · {figure.rows}",
            "",
            "| 类 | n | 精确率 | 召回率 | F1 |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {each.label} | {each.n} | {each.precision:.3f} | {each.recall:.3f} | {_shown('f1', each)} |"
            for each in figure.classes
        ]
    return "\n".join(lines) + "\n"


def coverage_lines(found: Sequence[HeadFigure]) -> list[str]:
    """What abstention costs on the held-out rows, and what the order of the confidences would allow."""
    lines = ["", "## 弃权在留出行上的代价", ""]
    for figure in found:
        if figure.coverage is None:
            continue
        right = "—" if figure.answered_right is None else f"{figure.answered_right:.1%}"
        oracle = (
            "" if figure.oracle is None else f"；事后最佳的单一门限可回答 {figure.oracle:.1%}（看着答案选的，不是承诺）"
        )
        lines.append(
            f"- {figure.head} · {figure.rows}：回答 {figure.coverage:.1%}，其中答对 {right}（承诺 {figure.wanted:.0%}）{oracle}"
        )
    return lines if len(lines) > 3 else []


def parts_table(found: Sequence[HeadFigure]) -> list[str]:
    """Figures by source, and by time and length where they are known."""
    rows = [
        f"| {figure.head} | {BY[part.by]} | {part.part} | {part.n} | {_shown('accuracy', part)} | {_shown('macro_f1', part)} | "
        f"{_shown('ece', part)} | {_shown('coverage', part)} | {_shown('answered_right', part)} |"
        for figure in found
        if figure.rows == CIVIC
        for part in figure.parts
    ]
    if not rows:
        return []
    return ["", f"## 分开看（{CIVIC}）", "", "| 头 | 按 | 部分 | n | 准确率 | 宏 F1 | ECE | 回答比例 | 回答中答对 |",
            "|---|---|---|---|---|---|---|---|---|", *rows]  # fmt: skip


def confusion_tables(found: Sequence[HeadFigure]) -> list[str]:
    """The most frequent mistakes of topic and department."""
    lines = []
    for figure in found:
        if figure.head in CONFUSED and figure.rows == CIVIC and figure.confusions:
            lines += ["", f"## 最常见的混淆：{figure.head}", "", "| 应为 | 判为 | n |", "|---|---|---|"]
            lines += [f"| {pair.true} | {pair.said} | {pair.n} |" for pair in figure.confusions]
    return lines


def _row(figure: HeadFigure) -> str:
    names = ("accuracy", "macro_f1", "kappa", "top3", "ece", "coverage", "answered_right")
    cells = (figure.head, figure.rows, str(figure.n), *(_shown(name, figure) for name in names))
    return "| " + " | ".join(cells) + " |"


def _shown(name: str, figure: HeadFigure | PartFigure | ClassFigure) -> str:
    value = getattr(figure, name)
    if value is None:
        return "—"
    ends = figure.intervals.get(name)
    return f"{value:.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")
