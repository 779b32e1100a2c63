from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp import segment as module
from nlp.clean import clean
from nlp.segment import cutter, domain_words, segment, segment_many, spans

# Sentences of every register, with what segmenters disagree on: numbers, mixed runs, unknown names, rare characters, emoji.
SENTENCES = """
小区门口的路灯坏了半个多月，打了3次12345热线都说已经转派，到现在没人来修！
我是A3区望城坡街道的居民，想咨询公租房2020年第二季度的申请条件。
物业费从每平方米1.8元涨到2.98元/㎡，业委会成立一年没开过业主大会。
尊敬的X书记：您好！关于K12次公交改道的事情，请给个说法行不行？？
渣土车凌晨2点还在跑，噪音95dB以上，老人小孩根本睡不着觉…
开发商承诺2019-12-31交房，拖到今天（2020.6.8）仍未拿到五证，购房款¥1,280,000元。
WiFi信号差，5G基站建在3栋楼顶，担心辐射；已投诉10086与12315。
请问新生儿落户、医保、疫苗本要带哪些材料？谢谢😊
翡翠湾二期B座地下车库渗水，车位7-12号全泡了。
幼儿园收费由1280元/月上调至1860元/月，没公示没通知，家长们很气愤。
吴家冲组的通组路烂了，三轮车都过不去，村支书说没钱。
夜宵摊占道经营，油烟直排，烧烤店音响放到凌晨。
公积金贷款审批已过45个工作日，工作人员叫我等通知。
欠薪！包工头拖欠农民工工资37万余元，劳动监察大队互相推诿。
老旧小区加装电梯，一楼不同意怎么办，街道说要2/3以上业主签字。
垚鑫花苑、犇犇牛肉馆、槑槑奶茶店都在这条街上。
二〇二〇年三月，第〇三号文件要求提级办理。
㐂来登酒店门口的䶮字招牌掉了，差点砸到人。
ＡＢＣ幼儿园和c++培训班，Python3.11课程要退费。
电话138****8000，联系人张*，身份证110105********0123
Московский проспект と日本語 한국어 混排测试
A市B2区交警大队贴条，车牌京A***12，罚200元记3分
希望接诉即办、未诉先办，不要踢皮球，不要慢作为。
""".strip().splitlines()

needs_rust = pytest.mark.skipif(module.engine() != "rjieba", reason="rjieba is not installed (extra `fast`)")


def test_gives_lower_case_words_without_punctuation() -> None:
    assert segment("【急】KTV噪音扰民，物业费3.5元/㎡！") == ["急", "ktv", "噪音", "扰民", "物业费", "3.5", "元"]
    assert segment("电话138****8000") == ["电话", "138****8000"]
    assert segment("  ，。！\n\t") == []
    assert segment("") == []


def test_a_phrase_is_adjacent_whatever_sign_stands_between() -> None:
    assert segment("夜间施工，噪音大") == segment("夜间施工 噪音大")


def test_a_coded_place_does_not_join_the_next_word() -> None:
    assert segment("A市民政局") == ["a市", "民政局"]
    assert segment("A7县县城")[:1] == ["a7县"]


def test_knows_the_words_of_the_trade() -> None:
    for word in ("接诉即办", "物业费", "渣土车", "公租房", "提级"):
        assert segment(f"请{word}好吗").count(word) == 1, word
    assert len(domain_words()) > 250
    assert all(frequency >= 3 for frequency in domain_words().values())


def test_many_is_one_by_one() -> None:
    assert segment_many(SENTENCES) == [segment(sentence) for sentence in SENTENCES]


@pytest.mark.parametrize("text", [*SENTENCES, "İstanbul ǅ ß 路"])
def test_spans_stand_where_they_say(text: str) -> None:
    found = list(spans(text))
    assert [token for token, _, _ in found] == segment(text)
    for token, start, end in found:
        assert len(token) == end - start
        assert all(mine in (theirs, theirs.lower()) for mine, theirs in zip(token, text[start:end], strict=True))
    assert all(left[2] <= right[1] for left, right in pairwise(found))


@needs_rust
@pytest.mark.parametrize("text", SENTENCES)
def test_both_engines_give_the_same_tokens(text: str) -> None:
    assert _with("jieba", text) == _with("rjieba", text)


@needs_rust
@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(SENTENCES), min_size=2, max_size=2),
    st.integers(0, 30),
    st.integers(0, 30),
    st.text(max_size=5),
)
def test_both_engines_agree_on_anything(pair: list[str], head: int, tail: int, noise: str) -> None:
    text = clean(pair[0][head:] + noise + pair[1][:tail])
    assert _with("jieba", text) == _with("rjieba", text)


@needs_rust
def test_both_engines_agree_on_real_texts() -> None:
    """Reads the feed at run time only; none of it is kept here."""
    feed = Path(__file__).parents[3] / "shared" / "data" / "feeds" / "message_board_2019.xlsx"
    if not feed.exists():
        pytest.skip(f"no {feed.name}: the agreement on real texts is not measured")
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(str(feed)).get_sheet_by_index(0).to_python()[1:151]
    texts = [clean(" ".join(str(cell) for cell in row)) for row in rows]
    tokens = [(_with("jieba", text), _with("rjieba", text)) for text in texts]
    same = sum(len(a) for a, b in tokens if a == b)
    sys.stderr.write(
        f"jieba and rjieba: {same / sum(len(a) for a, _ in tokens):.5f} of the tokens alike, {len(texts)} texts\n"
    )
    assert all(a == b for a, b in tokens)


def test_names_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_rust", lambda: None)
    assert cutter()("物业费") == ["物业费"]
    with pytest.raises(ModuleNotFoundError):
        cutter("rjieba")


def test_threads_share_one_engine() -> None:
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(segment(SENTENCES[0]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [segment(SENTENCES[0])] * 8


def test_loading_is_quiet_and_writes_no_file(tmp_path: Path) -> None:
    code = "import nlp.segment as s, sys; assert 'jieba' not in sys.modules; print(s.cutter('jieba')('物业费涨价'))"
    environment = {"TMPDIR": str(tmp_path), "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    assert result.stdout.strip() == "['物业费', '涨价']"
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []


def _with(engine: module.Engine, text: str) -> list[str]:
    return module._tokens(text, cutter(engine))
