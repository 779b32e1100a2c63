"""The vocabulary of a BERT checkpoint from elsewhere, made here in the order of the usual Chinese ones."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadFile, MissingPart
from nlp.tokenizer import LENGTH, MASKED, SPECIAL, TAIL_TOKENS, TITLE_TOKENS, Tokenizer
from nlp.training.vocabulary import choose, usual_characters
from nlp.wordpiece import Cutting, WordPiece, foreign

pytest.importorskip("tokenizers", reason="the extra `bert` is not installed")

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PIECES = ("ing", "er", "18", "灯", "한", "ん", *LETTERS)
USUAL = ["[PAD]", *(f"[unused{number}]" for number in range(1, 100)), *SPECIAL[1:], "[unused100]"]
PLAIN = [*USUAL, *usual_characters()[:300], *"，。！？《》[]()-.:/", *LETTERS, "app", "wifi", "20", "é", "ｗ", "１", "😊",
         "あ", "ㄱ", *(f"##{piece}" for piece in PIECES)]  # fmt: skip
CASED = [*PLAIN, "A", "B", "App", "WIFI", "##A", "##B", "É"]
SENTENCES = (
    "小区门口的路灯坏了半个多月，打了3次12345热线都没人来修！",
    "WiFi信号差，5G基站建在3栋楼顶；已在App里投诉😊",
    "café naïve Ångström İstanbul ǅ ß e\u0301 ﬁ",
    "全角ＡＢＣ１２３，㎡℃①Ⅱ",
    "第一行\r\n第二行\t\u3000第三行\u200b\u00ad\ufeff\x00\x07",
    "あいう한국어Москваمرحبا",
    "[CLS]写的[SEP]不是[MASK]词元[UNK][PAD]",
    "㐂䶮𠀀𡃁豈" + "a" * 101 + "——" + "b" * 100,
)
any_text = (
    st.text(max_size=60)
    | st.sampled_from(SENTENCES)
    | st.text(st.sampled_from("一是在不了aAbBéÉe\u0301İ１ｗ한ㄱ😊 \r\n\x00-[]##18"), max_size=60)
)
CUTTINGS = [
    Cutting(),
    Cutting(lower=False),
    Cutting(accents=False),
    Cutting(lower=False, accents=True),
    Cutting(chinese=False),
]


def listed(folder: Path, tokens: list[str], **config: Any) -> Path:
    """A folder with a vocabulary and, if anything is said, a tokenizer_config.json."""
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def in_one_file(folder: Path, tokens: list[str], **changes: Any) -> Path:
    """A folder with a tokenizer.json only, in which the entries "normalizer.lowercase" and the like are changed."""
    content: dict[str, Any] = {
        "version": "1.0",
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {token: number for number, token in enumerate(tokens)}},
    }  # fmt: skip
    for name, value in changes.items():
        part, _, entry = name.partition("__")
        if entry:
            content[part][entry] = value
        else:
            content[part] = value
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def wordpiece() -> WordPiece:
    return WordPiece(PLAIN)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[Cutting, Any]:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    folder = listed(tmp_path_factory.mktemp("theirs"), CASED)
    return {
        cutting: transformers.BertTokenizer.from_pretrained(folder, do_lower_case=cutting.lower, strip_accents=cutting.accents,
                                                            tokenize_chinese_chars=cutting.chinese)
        for cutting in CUTTINGS
    }  # fmt: skip


@pytest.fixture(scope="module")
def ours() -> dict[Cutting, WordPiece]:
    return {cutting: WordPiece(CASED, cutting) for cutting in CUTTINGS}


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.sampled_from(CUTTINGS), any_text, any_text)
def test_transformers_gives_the_same_numbers_and_places(
    ours: dict[Cutting, WordPiece], theirs: dict[Cutting, Any], cutting: Cutting, title: str, text: str
) -> None:
    mine = ours[cutting]
    found = theirs[cutting](text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
    assert mine.ids(text) == found["input_ids"]
    assert mine.spans(text) == found["offset_mapping"]
    both = theirs[cutting](title, text, split_special_tokens=True)
    numbers, head = mine.pair(title, text)
    if (
        text and len(both["input_ids"]) <= LENGTH and len(mine.ids(title)) <= TITLE_TOKENS
    ):  # an empty second text is none to them
        assert numbers == both["input_ids"]
        assert [0] * head + [1] * (len(numbers) - head) == both["token_type_ids"]


def normal(text: str) -> str:
    """What BERT makes of a few characters in lower case: accents off, nothing that is no sign."""
    parts = unicodedata.normalize("NFD", text.replace("\ufffd", ""))
    kept = (part for part in parts if unicodedata.category(part) not in ("Mn", "Cc", "Cf", "Co", "Cn", "Zs"))
    return "".join("".join(kept).lower().split())


@settings(deadline=None)
@given(any_text, any_text, st.sampled_from([1, 3, 200]), st.integers(3, 140))
def test_offsets_say_where_each_number_of_a_pair_stands(
    wordpiece: WordPiece, title: str, text: str, times: int, length: int
) -> None:
    text *= times
    numbers, head = wordpiece.pair(title, text, length)
    places = wordpiece.offsets(title, text, length)
    assert len(places) == len(numbers) <= length
    last = (0, 0)
    for place, (number, (field, start, end)) in enumerate(zip(numbers, places, strict=True)):
        token = wordpiece.tokens[number]
        if token in ("[CLS]", "[SEP]"):
            assert (field, start, end) == (-1, 0, 0)
            continue
        assert field == (0 if place < head else 1)
        assert 0 <= start < end <= len((title, text)[field])
        assert last <= (field, start), "in order"
        last = (field, start)
        if token != "[UNK]":
            assert token.removeprefix("##") in normal((title, text)[field][start:end])


@given(any_text)
def test_every_letter_stands_under_a_number(wordpiece: WordPiece, text: str) -> None:
    under = {place for start, end in wordpiece.spans(text) for place in range(start, end)}
    for place, character in enumerate(text):
        if (character.isascii() and character.isprintable() and not character.isspace()) or "一" <= character <= "龥":
            assert place in under


@given(any_text)
def test_numbers_are_in_range_and_none_is_special(wordpiece: WordPiece, text: str) -> None:
    found = wordpiece.ids(text)
    assert all(0 <= number < len(wordpiece) for number in found)
    numbers = wordpiece.numbers
    assert not {numbers.pad, numbers.cls, numbers.sep, numbers.mask} & set(found)


def test_the_usual_order_of_a_chinese_vocabulary(wordpiece: WordPiece) -> None:
    numbers = wordpiece.numbers
    assert (numbers.pad, numbers.unknown, numbers.cls, numbers.sep, numbers.mask) == (0, 100, 101, 102, 103)
    usual = numbers.usual(len(wordpiece))
    assert len(wordpiece) - usual.sum() == 5
    assert usual[[1, 99, 104, 200]].all()
    assert wordpiece.stream(["一是", " \n", "在"]).tolist() == [*wordpiece.ids("一是"), 102, *wordpiece.ids("在"), 102]


def test_of_a_long_text_beginning_and_end_are_kept(wordpiece: WordPiece) -> None:
    title, text = "一是" * 50, "在不" * 900 + "了人" * 900
    numbers, head = wordpiece.pair(title, text)
    assert (len(numbers), head) == (LENGTH, TITLE_TOKENS + 2)
    whole = wordpiece.ids(text)
    assert numbers[-1 - TAIL_TOKENS : -1] == whole[-TAIL_TOKENS:]
    assert numbers[head : head + 20] == whole[:20]
    field, _, end = wordpiece.offsets(title, text)[-2]
    assert (field, end) == (1, len(text)), "places behind the middle that was not read count it"


def test_no_more_numbers_than_the_encoder_has_positions() -> None:
    short = WordPiece(PLAIN, Cutting(positions=20))
    assert len(short.pair("一" * 50, "是" * 50)[0]) == len(short.offsets("一" * 50, "是" * 50)) == 20
    assert len(short.pair("一", "是" * 50, length=10)[0]) == 10


@pytest.mark.parametrize(
    "text", ["\ud800", "a\udfffb", "\x00" * 5_000, "一" * 1_000_000, "a" * 1_000_000, "\u0301" * 9_000]
)
def test_any_text_is_cut(wordpiece: WordPiece, text: str) -> None:
    numbers, _ = wordpiece.pair(text, text)
    assert len(numbers) == len(wordpiece.offsets(text, text)) <= LENGTH


def test_half_a_character_leaves_the_places_of_the_others(wordpiece: WordPiece) -> None:
    assert wordpiece.spans("\ud83d一\udc00是") == [(1, 2), (3, 4)]


# --- which tokenizer, and from what ----------------------------------------------------------------------------------
def test_our_own_vocabulary_is_never_taken_for_a_foreign_one() -> None:
    assert not foreign(choose(dict.fromkeys(("路灯", "#", "##", "app", *MASKED), 300.0)))
    assert not foreign([*SPECIAL, "##", "#"])
    assert foreign(PLAIN)
    assert foreign([*SPECIAL, "路", "##灯"]), "special tokens in front, as those have that the library trains"
    assert foreign(USUAL), "without pieces"


@pytest.mark.parametrize(
    ("config", "cutting"),
    [
        ({}, Cutting()),
        ({"do_lower_case": False}, Cutting(lower=False)),
        (
            {"do_lower_case": True, "strip_accents": False, "model_max_length": 512},
            Cutting(accents=False, positions=512),
        ),
        ({"strip_accents": None, "tokenize_chinese_chars": False, "model_max_length": 10**30}, Cutting(chinese=False)),
    ],
)
def test_a_folder_says_how_it_cuts(tmp_path: Path, config: dict[str, Any], cutting: Cutting) -> None:
    found = Tokenizer.load(listed(tmp_path, CASED, **config))
    assert isinstance(found, WordPiece)
    assert found.cutting == cutting
    assert list(found.tokens) == CASED


def test_a_vocabulary_without_capitals_is_read_in_lower_case(tmp_path: Path) -> None:
    found = Tokenizer.load(listed(tmp_path, PLAIN, do_lower_case=False))
    assert [found.tokens[number] for number in found.ids("App")] == ["app"]


@pytest.mark.parametrize("vocabulary", [True, False])
def test_a_tokenizer_in_one_file_will_do(tmp_path: Path, vocabulary: bool) -> None:
    folder = in_one_file(tmp_path, CASED, normalizer__lowercase=False, normalizer__strip_accents=True)
    if vocabulary:
        listed(folder, CASED)
    found = Tokenizer.load(folder)
    assert isinstance(found, WordPiece)
    assert found.cutting == Cutting(lower=False, accents=True)
    assert list(found.tokens) == CASED
    (folder / "tokenizer_config.json").write_text('{"strip_accents": false}')
    (folder / "config.json").write_text('{"max_position_embeddings": 77}')
    assert Tokenizer.load(folder).settings() == {"lower": False, "accents": False, "chinese": True, "positions": 77}


@pytest.mark.parametrize("cutting", CUTTINGS)
def test_saved_and_loaded_it_is_the_same(tmp_path: Path, cutting: Cutting) -> None:
    mine = WordPiece(CASED, cutting)
    mine.save(tmp_path / "new")
    again = Tokenizer.load(tmp_path / "new")
    assert isinstance(again, WordPiece)
    assert again.cutting == cutting
    assert again.tokens == mine.tokens
    names = {"vocab.txt", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names
    for name in names - {"vocab.txt"}:
        (tmp_path / "new" / name).unlink()
    alone = Tokenizer.load(tmp_path / "new", mine.settings())
    assert [alone.ids(text) for text in SENTENCES] == [mine.ids(text) for text in SENTENCES]


@pytest.mark.slow
def test_transformers_makes_the_same_of_what_was_saved(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    for number, cutting in enumerate(CUTTINGS):
        folder = tmp_path / str(number)
        mine = WordPiece(CASED, cutting)
        mine.save(folder)
        (folder / "config.json").write_text('{"model_type": "bert"}')
        for kind in (transformers.AutoTokenizer, transformers.PreTrainedTokenizerFast):
            found = kind.from_pretrained(folder)
            assert (found.pad_token_id, found.cls_token_id, found.mask_token_id) == (0, 101, 103)
            for text in SENTENCES:
                assert found(text, split_special_tokens=True)["input_ids"] == [101, *mine.ids(text), 102]


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        (["[unused0]", *PLAIN[1:]], r"缺少特殊词元 \[PAD\]"),
        ([*PLAIN[:101], *PLAIN[103:]], r"缺少特殊词元 \[CLS\]、\[SEP\]"),
        ([*SPECIAL[1:], "[PAD]", "路", "##灯"], r"\[PAD\] 在第 4 行"),
        ([*PLAIN, *map(str, range(70_000))], "最多 65536 个"),
    ],
)
def test_a_vocabulary_that_cannot_be_used_is_refused(tmp_path: Path, tokens: list[str], reason: str) -> None:
    with pytest.raises(BadFile, match=reason) as error:
        Tokenizer.load(listed(tmp_path, tokens))
    assert error.value.fields["file"] == str(tmp_path / "vocab.txt")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"normalizer": None}, "normalizer 是 None，只支持 BertNormalizer"),
        ({"normalizer": {"type": "Sequence", "normalizers": []}}, "normalizer 是 Sequence"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre_tokenizer 是 Whitespace"),
        ({"model__type": "BPE"}, "model 是 BPE，只支持 WordPiece"),
        ({"model__continuing_subword_prefix": "@@"}, "@@"),
        ({"normalizer__clean_text": False}, "clean_text"),
        ({"normalizer__lowercase": "yes"}, "yes"),
        ({"model__vocab": {**{token: number for number, token in enumerate(PLAIN)}, "路": 99_999}}, "不连续"),
        ({"model__vocab": {"a": 0, "##b": 1}}, "缺少特殊词元"),
        ({"model__vocab": {**{token: number for number, token in enumerate(PLAIN)}, "\n": len(PLAIN)}}, "换行"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadFile, match=reason) as error:
        Tokenizer.load(in_one_file(tmp_path, CASED, **changes))
    assert error.value.fields["file"].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tokenizer_config.json", "{", "JSON"),
        ("tokenizer_config.json", "[]", "不是 JSON 对象"),
        ("tokenizer_config.json", '{"do_lower_case": 1}', "true 或 false"),
        ("tokenizer_config.json", '{"do_lower_case": "no"}', "no"),
        ("config.json", '{"max_position_embeddings": 4}', "至少要 8"),
        ("config.json", '{"max_position_embeddings": "many"}', "many"),
    ],
)
def test_damaged_settings_are_named(tmp_path: Path, name: str, content: str, reason: str) -> None:
    listed(tmp_path, CASED)
    (tmp_path / name).write_text(content)
    with pytest.raises(BadFile, match=reason) as error:
        Tokenizer.load(tmp_path)
    assert error.value.fields["file"].startswith(str(tmp_path))


@pytest.mark.parametrize("told", [{"lower": True, "colour": 1}, {"lower": 7}, {"positions": "all"}])
def test_settings_that_nobody_wrote_are_refused(tmp_path: Path, told: dict[str, Any]) -> None:
    with pytest.raises(BadFile, match=r"vocab\.txt"):
        Tokenizer.load(listed(tmp_path, PLAIN), told)


def test_without_the_library_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(tmp_path, PLAIN)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingPart, match=r"minsheng\[bert\]"):
        Tokenizer.load(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL, "路"]), encoding="utf-8")
    assert len(Tokenizer.load(tmp_path)) == 6, "ours needs no library"


def test_the_library_is_loaded_when_one_is_made() -> None:
    code = "import sys, nlp.wordpiece; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "tokenizers"} & set(done.stdout.split())
