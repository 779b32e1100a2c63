from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.similar import distance, fingerprint, near_duplicates, similarity

ALPHABET = [chr(0x4E00 + 7 * number) for number in range(2_000)]
TEXT = (
    "阳光花园小区三期的电梯从上个月开始经常停在半空，物业修了四次都没有修好，老人和孩子不敢坐。请尽快派人检查，谢谢！"
)


def random_texts(count: int, length: int = 100, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(ALPHABET, k=length)) for _ in range(count)]


def partition(groups: list[int]) -> set[frozenset[int]]:
    return {frozenset(index for index, group in enumerate(groups) if group == number) for number in set(groups)}


def test_fingerprint_ignores_punctuation_blanks_and_case() -> None:
    assert fingerprint(TEXT) == fingerprint(TEXT.replace("，", " ").replace("。", "\n"))
    assert fingerprint("WiFi信号差") == fingerprint("wifi 信号差！")
    assert len(fingerprint(TEXT)) == 16
    assert fingerprint("") == fingerprint("，。！") == "0" * 16


def test_fingerprint_is_near_for_near_texts_and_far_for_others() -> None:
    assert distance(fingerprint(TEXT), fingerprint(TEXT.replace("四次", "五次"))) <= 8
    others = [distance(fingerprint(a), fingerprint(b)) for a, b in zip(*[iter(random_texts(100))] * 2, strict=True)]
    assert min(others) > 12
    assert 28 < sum(others) / len(others) < 36


def test_fingerprint_stays_what_it_was() -> None:
    """It is kept in records: another hash would part old texts from new ones."""
    assert fingerprint("路灯坏了没人修") == "8572fc3e1fa355a0"


def test_similarity() -> None:
    assert similarity(TEXT, TEXT) == 1.0
    assert similarity("路灯", "路灯") == 1.0
    assert similarity("路灯", "路牌") == 0.0
    assert similarity("", "") == 0.0
    assert 0.5 < similarity(TEXT, TEXT.replace("四次", "五次")) < 1
    assert similarity(TEXT, random_texts(1)[0]) < 0.01


def test_groups_copies_and_small_changes() -> None:
    changed = TEXT.replace("谢谢！", "谢谢领导。")
    others = random_texts(3)
    assert near_duplicates([TEXT, others[0], changed, others[1], TEXT, "！！", others[2], ""]) == [
        0,
        1,
        0,
        2,
        0,
        3,
        4,
        5,
    ]
    assert near_duplicates([]) == []
    assert near_duplicates(["路灯坏了"]) == [0]


def test_a_chain_is_one_group() -> None:
    base = random_texts(1, 200)[0]
    chain = [base[:cut] + random_texts(1, 200, seed=9)[0][cut:] for cut in (200, 190, 180, 170)]
    assert similarity(chain[0], chain[3]) < 0.8 < similarity(chain[0], chain[1])
    assert near_duplicates(chain) == [0, 0, 0, 0]


def test_threshold_is_checked() -> None:
    with pytest.raises(ValueError, match=r"0\.3"):
        near_duplicates([TEXT], 0.3)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order(rng: random.Random) -> None:
    originals = random_texts(12, 60, seed=3)
    texts = [
        *originals,
        *(text[:k] + "变" + text[k + 1 :] for text, k in zip(originals[:8], range(5, 45, 5), strict=True)),
        *originals[:3],
    ]
    order = list(range(len(texts)))
    rng.shuffle(order)
    shuffled = near_duplicates([texts[index] for index in order])
    back = [0] * len(texts)
    for position, index in enumerate(order):
        back[index] = shuffled[position]
    assert partition(back) == partition(near_duplicates(texts))


def test_finds_every_pair_above_the_threshold() -> None:
    rng = random.Random(5)
    originals = random_texts(300, 120)
    copies = [
        "".join(character if rng.random() > 0.01 else rng.choice(ALPHABET) for character in text) for text in originals
    ]
    groups = near_duplicates([*originals, *copies])
    for index, (a, b) in enumerate(zip(originals, copies, strict=True)):
        assert (groups[index] == groups[300 + index]) == (similarity(a, b) >= 0.8)


@pytest.mark.slow
def test_ten_thousand_texts_take_seconds() -> None:
    """20,000 take 3.5 s on an idle core (tests/bench/bench_text.py); time grows with their number, not its square."""
    texts = random_texts(7_500)
    texts += [text[:50] + "变" + text[51:] for text in texts[:2_500]]
    start = time.process_time()
    assert len(set(near_duplicates(texts))) == 7_500
    assert time.process_time() - start < 10


@pytest.mark.slow
def test_a_crowd_of_half_similar_texts_takes_seconds() -> None:
    head = random_texts(1, 80)[0]
    texts = [head + tail for tail in random_texts(1_500, 20)]
    start = time.process_time()
    near_duplicates(texts)
    assert time.process_time() - start < 12
