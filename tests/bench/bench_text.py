"""Text stages: speed of each, recall and false masks of the masker (promise S11), span agreement of the entities.

Texts are our own synthetic ones. Where the data folder lies beside the repository, the real message board gives the speed on texts of
usual length, and the places that readers marked give the agreement of entities; its texts are read at run time and not kept.
Speeds are per second of CPU time of one thread, so a busy machine does not change them much.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
TEXTS, NEAR_DUPLICATES, MARKED = 1_000, 20_000, 1_500


def _module(name: str) -> ModuleType:
    """A generator of tests/nlp, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "nlp" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _per_second(call: Callable[[str], object], texts: Sequence[str]) -> float:
    """Texts a second of CPU time, after a first call that loads tables."""
    call(texts[0])
    start = time.process_time()
    for text in texts:
        call(text)
    return len(texts) / (time.process_time() - start)


def masking() -> dict[str, Any]:
    """Recall by kind on three sets of phrases, and the share of look-alike texts in which anything is masked."""
    from nlp.mask import mask

    generator, lookalikes = _module("personal_texts"), _module("lookalike_texts")
    sets = {
        "made_for": generator.personal(TEXTS),
        "second": generator.other(TEXTS),
        "unseen": generator.other(TEXTS, generator.UNSEEN, 13),
    }
    figures: dict[str, Any] = {}
    for name, samples in sets.items():
        there, found = Counter[str](), Counter[str]()
        for sample in samples:
            masked = mask(sample.text).text
            for kind, secret in sample.secrets:
                there[kind] += 1
                found[kind] += secret not in masked
        figures[f"recall_{name}"] = round(found.total() / there.total(), 4)
        figures[f"recall_{name}_by_kind"] = {kind: round(found[kind] / there[kind], 4) for kind in sorted(there)}
    texts = lookalikes.lookalike(TEXTS)
    figures["false_masks"] = sum(bool(mask(text).spans) for text in texts) / len(texts)
    return figures


def speed(texts: Sequence[str]) -> dict[str, Any]:
    """Texts and characters a second, stage by stage and all together."""
    from nlp import segment
    from nlp.clean import clean
    from nlp.entities import entities
    from nlp.keywords import keywords
    from nlp.mask import mask
    from nlp.similar import fingerprint

    characters = sum(map(len, texts)) / len(texts)
    masked = [mask(clean(text)).text for text in texts]

    def whole(text: str) -> None:
        text = mask(clean(text)).text
        tokens = segment.segment(text)
        keywords([], tokens)
        entities(text)
        fingerprint(text)

    figures: dict[str, Any] = {"texts": len(texts), "characters_per_text": round(characters)}
    for name, call, given in (
        ("clean", clean, texts),
        ("mask", mask, texts),
        ("segment", segment.segment, masked),
        ("entities", entities, masked),
        ("fingerprint", fingerprint, masked),
        ("all_stages", whole, texts),
    ):
        figures[f"{name}_per_second"] = round(_per_second(call, given))
    for engine in ("rjieba", "jieba"):
        try:
            cut = segment.cutter(engine)
        except ModuleNotFoundError:
            figures[f"segment_{engine}_characters_per_second"] = "not installed"
            continue
        rate = _per_second(lambda text, cut=cut: segment._tokens(text, cut), masked[:300])
        figures[f"segment_{engine}_characters_per_second"] = round(
            rate * sum(map(len, masked[:300])) / len(masked[:300])
        )
    return figures


def near_duplicates() -> dict[str, Any]:
    """Seconds of CPU time for 20,000 texts of 100 characters, a quarter of them copies with one character changed."""
    import random

    from nlp.similar import near_duplicates

    rng = random.Random(1)
    alphabet = [chr(0x4E00 + 7 * number) for number in range(2_000)]
    texts = ["".join(rng.choices(alphabet, k=100)) for _ in range(NEAR_DUPLICATES * 3 // 4)]
    texts += [text[:50] + rng.choice(alphabet) + text[51:] for text in texts[: NEAR_DUPLICATES // 4]]
    start = time.process_time()
    groups = len(set(near_duplicates(texts)))
    return {
        "near_duplicates_texts": len(texts),
        "near_duplicates_groups": groups,
        "near_duplicates_seconds": round(time.process_time() - start, 2),
    }


def marked_sentences() -> dict[str, Any]:
    """F1 of spans and kinds on our own marked sentences (the engine was made with them)."""
    from nlp.entities import entities

    module = _module("entity_sentences")
    marked = module.sentences()
    found = [frozenset((entity.start, entity.end, entity.kind) for entity in entities(one.text)) for one in marked]
    return {"entities_span_f1_own_sentences": round(module.f1(found, marked), 3)}


def marked_places() -> dict[str, Any]:
    """`main_object` against the place that readers copied out of real texts: exact, and one inside the other."""
    path = DATA / "labelled" / "civic_by_reading.parquet"
    if not path.exists():
        return {"place_f1": f"skipped: no {path.name} in the data folder"}
    import pyarrow.parquet as parquet

    from nlp.clean import clean
    from nlp.entities import main_object

    rows = parquet.read_table(path, columns=["title", "text", "place"]).slice(0, MARKED).to_pylist()
    given = found = exact = overlap = 0
    for row in rows:
        title, text, place = (clean(row[name] or "") for name in ("title", "text", "place"))
        about = main_object(f"{title}\n{text}" if title else text)
        answer = about.text if about else ""
        given += bool(place)
        found += bool(answer)
        exact += bool(place) and place == answer
        overlap += bool(place and answer) and (place in answer or answer in place)
    return {
        "place_texts": len(rows),
        "place_f1_exact": round(2 * exact / (given + found), 3),
        "place_f1_overlap": round(2 * overlap / (given + found), 3),
    }


def real_texts() -> list[str]:
    """The first thousand letters of the real message board; empty where it is not there."""
    path = DATA / "feeds" / "message_board_2019.xlsx"
    if not path.exists():
        return []
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [str(row[4]) for row in rows[1 : TEXTS + 1]]


def run() -> dict[str, Any]:
    """Every figure of the text stages."""
    texts = real_texts()
    samples = [sample.text for sample in _module("personal_texts").personal(TEXTS)]
    return {
        **masking(),
        "speed_synthetic": speed(samples),
        "speed_message_board": speed(texts) if texts else "skipped: no message_board_2019.xlsx in the data folder",
        **near_duplicates(),
        **marked_sentences(),
        **marked_places(),
    }


if __name__ == "__main__":
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    print(json.dumps(run(), ensure_ascii=False, indent=1))
