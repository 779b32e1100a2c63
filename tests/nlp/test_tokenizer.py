from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadFile
from nlp import tokenizer as module
from nlp.segment import cutter, engine, lower
from nlp.tokenizer import (
    CLS,
    LENGTH,
    MASK,
    MASKED,
    PAD,
    SEP,
    SPECIAL,
    TAIL_TOKENS,
    TITLE_TOKENS,
    UNKNOWN,
    Tokenizer,
    words,
)
from nlp.training.vocabulary import choose

WORDS = ("路灯", "物业费", "噪音", "工地", "小区", "反映", "希望", "有关部门", "接诉即办", "公租房", "app", "12345")
SENTENCES = (
    "小区门口的路灯坏了半个多月，打了3次12345热线都没人来修！",
    "物业费从每平方米1.8元涨到2.98元/㎡，业委会没开过会。",
    "WiFi信号差，5G基站建在3栋楼顶；已在App里投诉😊",
    "联系人[电话]，邮箱[邮箱]，[证件号]已经登记。",
    "㐂来登酒店门口的䶮字招牌掉了，鿗路、㒰巷、𠀀𡃁䶮鿿㐂街也是。",
    "Московский проспект と日本語 한국어 混排，İstanbul ǅ ß",
    "二〇二〇年第〇三号文件 \u3000 \t 要求提级办理\n请答复",
)
needs_rust = pytest.mark.skipif(engine() != "rjieba", reason="rjieba is not installed (extra `fast`)")
any_text = (
    st.text(max_size=60)
    | st.sampled_from(SENTENCES)
    | st.text(st.sampled_from("路灯不亮噪音 \n㐂䶮𠀀Ab1.[]电话"), max_size=80)
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(choose(dict.fromkeys((*WORDS, *"，。！？；、"), 300.0)))


@given(any_text)
def test_numbers_are_in_range_and_none_is_special(tokenizer: Tokenizer, text: str) -> None:
    found = tokenizer.ids(text)
    assert all(0 <= number < len(tokenizer) for number in found)
    assert not {PAD, CLS, SEP, MASK} & set(found)


@given(any_text)
def test_the_pieces_are_the_text_without_blanks(tokenizer: Tokenizer, text: str) -> None:
    """A character that no token has is one unknown piece."""
    plain = "".join("".join(words(text)).split())
    assert len(plain) >= len("".join(text.split()))
    place = 0
    for number in tokenizer.ids(text):
        piece = plain[place] if number == UNKNOWN else tokenizer.tokens[number]
        assert plain.startswith(piece, place)
        place += len(piece)
    assert place == len(plain)


@given(st.text(st.sampled_from("路灯不亮噪音小区 \t\n，。!?ABcdz059.[]-")))
def test_known_characters_come_back_in_lower_case(tokenizer: Tokenizer, text: str) -> None:
    assert "".join(tokenizer.tokens[number] for number in tokenizer.ids(text)) == "".join(text.split()).lower()


@given(st.text(st.sampled_from([chr(code) for code in range(0x4E00, 0x9FA6) if chr(code).encode("gb2312", "ignore")])))
def test_usual_chinese_is_never_unknown(tokenizer: Tokenizer, text: str) -> None:
    assert UNKNOWN not in tokenizer.ids(text)


def test_words_of_the_vocabulary_are_one_token_others_their_longest_pieces(tokenizer: Tokenizer) -> None:
    def pieces(text: str) -> list[str]:
        return [tokenizer.tokens[number] for number in tokenizer.ids(text)]

    assert pieces("小区路灯") == ["小区", "路灯"]
    assert pieces("物业费12345APP") == ["物业费", "12345", "app"]
    assert pieces("123456") == ["12345", "6"]
    assert pieces("公园") == ["公", "园"]
    assert pieces("[电话][证件号][其他]") == ["[电话]", "[证件号]", "[", "其", "他", "]"]
    assert pieces("[MASK]")[0] == "["


@settings(deadline=None)
@given(any_text, any_text, st.integers(3, 140))
def test_a_pair_has_its_form_at_any_length(tokenizer: Tokenizer, title: str, text: str, length: int) -> None:
    numbers, head = tokenizer.pair(title, text * 3, length)
    assert len(numbers) <= length
    assert numbers[0] == CLS
    assert numbers[head - 1] == numbers[-1] == SEP
    assert numbers.count(SEP) == 2
    assert numbers[1 : head - 1] == tokenizer.ids(title)[: min(TITLE_TOKENS, length - 3)]
    whole = tokenizer.ids(text * 3)
    if len(numbers) < length:
        assert numbers[head:-1] == whole


def test_of_a_long_text_beginning_and_end_are_kept(tokenizer: Tokenizer) -> None:
    title, text = "路灯" * 50, "小区反映" * 500 + "希望有关部门答复" * 100
    numbers, head = tokenizer.pair(title, text)
    whole = tokenizer.ids(text)
    assert (len(numbers), head) == (LENGTH, TITLE_TOKENS + 2)
    assert numbers[-1 - TAIL_TOKENS : -1] == whole[-TAIL_TOKENS:]
    kept = LENGTH - head - 1 - TAIL_TOKENS
    assert numbers[head : head + kept] == whole[:kept]


@settings(deadline=None)
@given(any_text, any_text, st.sampled_from([1, 3, 200]), st.integers(3, 140))
def test_offsets_say_where_each_number_of_a_pair_stands(
    tokenizer: Tokenizer, title: str, text: str, times: int, length: int
) -> None:
    text *= times
    numbers, head = tokenizer.pair(title, text, length)
    places = tokenizer.offsets(title, text, length)
    assert len(places) == len(numbers)
    for place, (number, (field, start, end)) in enumerate(zip(numbers, places, strict=True)):
        if number in (CLS, SEP):
            assert (field, start, end) == (-1, 0, 0)
            continue
        assert field == (0 if place < head else 1)
        written = lower((title, text)[field])[start:end]
        assert written == tokenizer.tokens[number] if number != UNKNOWN else len(written) == 1


@pytest.mark.parametrize("unit", ["路", "a", "1", "😊", "\n", "路灯 ", "\u0301", "<b>"])
def test_the_middle_of_a_huge_text_is_not_read(
    tokenizer: Tokenizer, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    ids = tokenizer.ids
    monkeypatch.setattr(tokenizer, "ids", lambda text: read.append(len(text)) or ids(text))
    numbers, _ = tokenizer.pair(unit * 1_000_000, unit * 1_000_000)
    assert len(numbers) <= LENGTH
    assert sum(read) < 4_000


@needs_rust
@settings(deadline=None)
@given(any_text)
def test_both_engines_give_the_same_words(text: str) -> None:
    found = []
    for name in ("jieba", "rjieba"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "cutter", lambda name=name: cutter(name))
            found.append(list(words(text)))
    assert found[0] == found[1]


def test_a_stream_closes_every_text(tokenizer: Tokenizer) -> None:
    stream = tokenizer.stream(["小区路灯", " \n", "噪音"])
    assert stream.dtype == np.uint16
    assert stream.tolist() == [*tokenizer.ids("小区路灯"), SEP, *tokenizer.ids("噪音"), SEP]
    assert tokenizer.stream([]).tolist() == []


def test_a_saved_vocabulary_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "new")
    assert Tokenizer.load(tmp_path / "new").tokens == tokenizer.tokens
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "vocab.txt",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    (tmp_path / "vocab.txt").write_text("\n".join(tokenizer.tokens), encoding="utf-8")
    assert Tokenizer.load(tmp_path).tokens == tokenizer.tokens, "no line break at the end"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "[PAD]"),
        (b"a\nb\n", "[PAD]"),
        ("\n".join([*SPECIAL, "路", "路"]).encode(), "重复"),
        ("\n".join([*SPECIAL, "", "路"]).encode(), "空行"),
        ("\n".join([*SPECIAL, *map(str, range(70_000))]).encode(), "70005"),
        ("\n".join(SPECIAL).encode("utf-16"), "utf-8"),
    ],
)
def test_a_damaged_vocabulary_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(BadFile) as error:
        Tokenizer.load(tmp_path)
    assert error.value.fields["file"] == str(tmp_path / "vocab.txt")
    assert reason in error.value.fields["reason"]


@pytest.fixture(scope="module")
def theirs(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    folder = tmp_path_factory.mktemp("saved")
    tokenizer.save(folder)
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json")), folder


@pytest.mark.slow
@settings(deadline=None)
@given(any_text)
def test_transformers_gives_the_same_numbers_of_words(tokenizer: Tokenizer, theirs: Any, text: str) -> None:
    cut = " ".join(words(text))
    assert theirs[0](cut, add_special_tokens=False)["input_ids"] == tokenizer.ids(cut) == tokenizer.ids(text)


@pytest.mark.slow
def test_transformers_finds_the_folder_by_itself(tokenizer: Tokenizer, theirs: Any) -> None:
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(theirs[1])
    assert (found.pad_token_id, found.unk_token_id, found.cls_token_id, found.sep_token_id, found.mask_token_id) == (
        0,
        1,
        2,
        3,
        4,
    )
    both = found(" ".join(words("路灯不亮")), " ".join(words("小区有噪音！")))
    numbers, head = tokenizer.pair("路灯不亮", "小区有噪音！")
    assert both["input_ids"] == numbers
    assert both["token_type_ids"] == [0] * head + [1] * (len(numbers) - head)
    assert found("".join(MASKED), add_special_tokens=False)["input_ids"] == tokenizer.ids("".join(MASKED))


def test_importing_it_loads_neither_torch_nor_transformers() -> None:
    code = "import sys, nlp.tokenizer; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "tokenizers"} & set(done.stdout.split())
