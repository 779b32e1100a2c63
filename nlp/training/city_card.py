"""A city's model as a folder: the files of its base, what the city taught, and a card that says how good it is and on what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nlp.city import FILE, CityClassifier
from nlp.compare import Verdict
from nlp.shelf import CARD, FILES
from nlp.training.city_figures import ClassResult, HeadResult
from nlp.training.city_rows import LEAST_ROWS, CityRows

VERDICTS: Final[dict[Verdict | None, str]] = {
    Verdict.BETTER: "变好", Verdict.WORSE: "变差", Verdict.UNCLEAR: "看不出差别（在误差之内）",
    Verdict.FEW: "行数太少，看不出", None: "原模型没有这样的类，无从比较",
}  # fmt: skip
ROWS: Final = "本市标注行（五折交叉检验）"
CAUTION: Final = (
    "「后」的每一行都由没有见过它、也没有见过与它近似文本的那一折模型回答；温度、混合权重与弃权门限各只有几个数，取自同样的回答。",
    "「前」是原模型的回答。原模型若在训练时见过这些行，「前」会偏高，新旧之差就会偏小。",
    "区间为成对自助法的 95% 区间；逐类看时，每二十类约有一类会看走眼。",
    "别的年份、别的渠道的来件会比这些数字差；用过一阵后请用新的标注行再比（minsheng model compare）。",
)


@dataclass(frozen=True)
class About:
    """What a card says besides figures: the model before by name and version, and the tables by name."""

    base: str
    base_version: str
    tables: tuple[str, ...]
    refused: Mapping[str, str]


def write(
    folder: Path, base_folder: Path, model: CityClassifier, found: Sequence[HeadResult], rows: CityRows, about: About
) -> list[Path]:
    """All files of the model into `folder` (made if missing), which may be that of its base; what another model left goes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)  # half written, the folder is the base alone
    kept = {
        name: (base_folder / name).read_bytes() for name in FILES if name not in _OWN and (base_folder / name).is_file()
    }
    for name in FILES:
        if name in kept:
            (folder / name).write_bytes(kept[name])
        elif name not in _OWN:
            (folder / name).unlink(missing_ok=True)
    card = json.dumps(as_json(model, found, rows, about), ensure_ascii=False, indent=1) + "\n"
    (folder / CARD).write_text(card, encoding="utf-8")
    (folder / "model_card.md").write_text(as_markdown(model, found, rows, about), encoding="utf-8")
    (folder / FILE).write_bytes(model.to_bytes())
    return [folder / name for name in (*kept, FILE, CARD, "model_card.md")]


_OWN: Final = (FILE, CARD, "model_card.md")


def as_json(model: CityClassifier, found: Sequence[HeadResult], rows: CityRows, about: About) -> dict[str, Any]:
    return {
        "model": model.version,
        "base": {"name": about.base, "version": about.base_version},
        "tables": list(about.tables),
        "rows": {"texts": len(rows), "repeated": rows.repeated, "contradicted": rows.contradicted, "corrected": rows.corrected},
        "trained_on": "all rows; the figures are those of five models, each on the fold that it had not seen",
        "limits": list(CAUTION),
        "not_taught": dict(about.refused),
        "figures": [_head(each) for each in found],
    }  # fmt: skip


def _head(each: HeadResult) -> dict[str, Any]:
    return {
        "head": each.head, "rows": ROWS, "n": each.n, "accuracy": each.accuracy.b, "macro_f1": each.macro_f1.b,
        "kappa": None if each.kappa is None else round(each.kappa[1], 4), "ece": round(each.ece, 4),
        "coverage": _rounded(each.coverage), "answered_right": _rounded(each.answered_right),
        "before": {"accuracy": each.accuracy.a, "macro_f1": each.macro_f1.a,
                   "kappa": None if each.kappa is None else round(each.kappa[0], 4),
                   "accuracy_difference": each.accuracy.interval, "verdict": each.verdict} if each.before else None,
        "classes": [_class(one) for one in each.classes],
        "too_few_rows": each.few, "no_longer_known": list(each.lost),
        "weight_of_words": each.weight, "translated_from": each.source,
    }  # fmt: skip


def _class(one: ClassResult) -> dict[str, Any]:
    before = (
        {"before": one.f1.a, "difference": one.f1.interval, "verdict": one.verdict} if one.before else {"before": None}
    )
    return {"label": one.label, "n": one.n, "f1": one.f1.b, **before}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def as_markdown(model: CityClassifier, found: Sequence[HeadResult], rows: CityRows, about: About) -> str:
    lines = [
        f"# 本市模型 {model.version}",
        "",
        "- 由 `minsheng train heads --labels` 生成，请勿手改。",
        f"- 底层：{about.base}（{about.base_version}）；没有教过的头仍是它的。",
        f"- 标注表：{'、'.join(about.tables)}；不同的文本 {len(rows):,} 条。",
        *(f"- {line}" for line in left_out(rows, found, about.refused)),
        "",
        "## 数字怎么来的",
        "",
        *(f"- {line}" for line in CAUTION),
        "",
        "## 变好了没有",
        "",
        "| 头 | n | 准确率 前 | 后 | 后 − 前 | 宏 F1 前 | 后 | ECE | 回答比例 | 回答中答对 | 判断 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *("| " + " | ".join(cells) + " |" for cells in map(head_cells, found)),
    ]
    for each in found:
        lines += ["", f"### {each.head}", "", "| 类 | n | F1 前 | 后 | 后 − 前 | 判断 |", "|---|---|---|---|---|---|"]
        lines += ["| " + " | ".join(class_cells(one)) + " |" for one in each.classes]
    return "\n".join(lines) + "\n"


# --- in words, for the card and for the terminal -------------------------------------------------------------------------
def head_cells(each: HeadResult) -> tuple[str, ...]:
    """Under 头, n, 准确率 前, 后, 后 − 前, 宏 F1 前, 后, ECE, 回答比例, 回答中答对, 判断."""
    old = (f"{each.accuracy.a:.3f}", _difference(each.accuracy.interval), f"{each.macro_f1.a:.3f}")
    accuracy, difference, macro = old if each.before else ("–", "–", "–")
    return (
        each.head, f"{each.n:,}", accuracy, f"{each.accuracy.b:.3f}", difference, macro, f"{each.macro_f1.b:.3f}",
        f"{each.ece:.3f}", _share(each.coverage), _share(each.answered_right), VERDICTS[each.verdict],
    )  # fmt: skip


def class_cells(one: ClassResult) -> tuple[str, ...]:
    """Under 类, n, F1 前, 后, 后 − 前, 判断."""
    old = (f"{one.f1.a:.3f}", _difference(one.f1.interval)) if one.before else ("–", "–")
    return one.label, f"{one.n:,}", old[0], f"{one.f1.b:.3f}", old[1], VERDICTS[one.verdict]


def left_out(rows: CityRows, found: Sequence[HeadResult], refused: Mapping[str, str]) -> list[str]:
    """What was not taught, and why; one sentence each."""
    lines = [f"{head} 没有教：{reason}" for head, reason in refused.items()]
    if rows.repeated:
        lines.append(f"{rows.repeated:,} 行与前面的行文本相同，只算一次。")
    lines += [
        f"{head}：{n:,} 行的标注自相矛盾（同一文本有两种标注，或二级分类不在一级之下），未用。"
        for head, n in rows.contradicted.items()
    ]
    lines += [f"{head}：{n:,} 条文本的标注以后面的表为准。" for head, n in rows.corrected.items()]
    for each in found:
        if each.few:
            some = "、".join(f"{label}（{n:,}）" for label, n in each.few.items())
            then = "，原模型有的仍由它判断" if each.kept else "，这些行也没有用"
            lines.append(f"{each.head}：不足 {LEAST_ROWS} 行的类没有教{then}：{some}")
        if each.coverage == 0:
            lines.append(
                f"{each.head}：{each.n:,} 行还不足以证明答对的比例，模型在这一头一律不作答（候选照常列出，由人判断）。请补充标注。"
            )
        if each.lost:
            some = "、".join(each.lost)
            lines.append(f"{each.head}：换成了表中的类，原有的 {len(each.lost)} 类不再有：{some}")
    return lines


def _difference(interval: tuple[float, float]) -> str:
    return f"{interval[0]:+.3f} ~ {interval[1]:+.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
