from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadFile
from nlp.clean import clean
from nlp.tokenizer import CLS, MASK, SEP, SPECIAL, UNKNOWN, Numbers, Tokenizer
from nlp.training.gpu_streams import GpuStreams
from nlp.training.linear import TEST_FOLD
from nlp.training.rows import read_corpus
from nlp.training.streams import FINAL, MAIN, MASKED_SHARE, Streams, kept_streams, load_streams, sources, text_folder

ROWS, LENGTH, VOCABULARY = 16, 128, 900
GPU_ROWS = 64
WANTED = round(MASKED_SHARE * LENGTH)


def stream(low: int, high: int, size: int = 20_000, seed: int = 0) -> Any:
    """Numbers low … high - 1 with a [SEP] now and then."""
    random = np.random.default_rng(seed)
    numbers = random.integers(low, high, size)
    numbers[random.random(size) < 0.05] = SEP
    return numbers.astype(np.uint16)


@pytest.fixture(scope="module")
def streams() -> Streams:
    return Streams({"civic": stream(5, 300), "laws": stream(300, 600), "our_city": stream(600, 900)}, VOCABULARY)


def same(left: Any, right: Any) -> bool:
    return all(np.array_equal(getattr(left, part), getattr(right, part)) for part in ("ids", "positions", "truth"))


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 3)))
def test_a_batch_is_a_function_of_its_seed(streams: Streams, seed: tuple[int, int, int]) -> None:
    first = streams.batch(seed, ROWS, LENGTH, MAIN)
    np.random.default_rng().random(7)
    other = Streams(dict(streams.tokens), VOCABULARY)
    other.batch((1, 2, 3), ROWS, LENGTH, FINAL)
    assert same(first, other.batch(seed, ROWS, LENGTH, MAIN))
    for change in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        near = tuple(a + b for a, b in zip(seed, change, strict=True))
        assert not same(first, streams.batch(near, ROWS, LENGTH, MAIN))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(8, 200))
def test_a_fifth_of_each_passage_is_asked_for_and_no_special_token(
    streams: Streams, seed: int, rows: int, length: int
) -> None:
    batch = streams.batch((seed,), rows, length, MAIN)
    assert batch.ids.shape == (rows, length)
    assert (batch.ids[:, 0] == CLS).all()
    assert (batch.truth >= len(SPECIAL)).all()
    assert len(np.unique(batch.positions)) == len(batch.positions) == rows * round(MASKED_SHARE * length)
    assert (np.bincount(batch.positions // length, minlength=rows) == round(MASKED_SHARE * length)).all()


def test_what_stood_there_puts_the_passage_together_again(streams: Streams) -> None:
    batch = streams.batch((4,), ROWS, LENGTH, MAIN)
    flat = batch.ids.ravel().copy()
    flat[batch.positions] = batch.truth
    whole = {name: tokens.tobytes() for name, tokens in streams.tokens.items()}
    for row in flat.reshape(ROWS, LENGTH):
        passage = row[1:].astype(np.uint16).tobytes()
        assert any(passage in tokens for tokens in whole.values())


def test_of_those_asked_for_most_are_masked_some_exchanged_some_left(streams: Streams) -> None:
    fates = np.zeros(3)
    for step in range(100):
        batch = streams.batch((7, step, 0), ROWS, LENGTH, MAIN)
        shown = batch.ids.ravel()[batch.positions]
        fates += [(shown == MASK).sum(), ((shown != MASK) & (shown != batch.truth)).sum(), (shown == batch.truth).sum()]
    n = fates.sum()
    assert n == 100 * ROWS * WANTED
    chance = 0.1 / (VOCABULARY - len(SPECIAL))  # that the other token is the same one
    for found, share in zip(fates / n, (0.8, 0.1 - chance, 0.1 + chance), strict=True):
        assert abs(found - share) < 5 * math.sqrt(share * (1 - share) / n)


def test_nothing_else_is_touched(streams: Streams) -> None:
    batch = streams.batch((9,), ROWS, LENGTH, MAIN)
    rest = np.delete(batch.ids.ravel(), batch.positions)
    assert MASK not in rest
    assert len(rest) == ROWS * LENGTH - ROWS * WANTED


def test_special_tokens_are_never_asked_for_where_there_is_hardly_anything_else() -> None:
    tokens = np.full(40_000, UNKNOWN, dtype=np.uint16)
    tokens[::25] = 77
    batch = Streams({"civic": tokens}, VOCABULARY).batch((1,), ROWS, LENGTH, MAIN)
    assert len(batch.positions) == len(batch.truth) < ROWS * WANTED
    assert (batch.truth == 77).all()


def test_special_tokens_may_stand_anywhere() -> None:
    """As in the usual Chinese vocabularies: 0 and 100 … 103, ordinary ones before and behind."""
    numbers = Numbers(0, 100, 101, 102, 103)
    random = np.random.default_rng(5)
    tokens = random.integers(0, 300, 30_000).astype(np.uint16)
    streams = Streams({"civic": tokens}, 320, numbers)
    special = [0, 100, 101, 102, 103]
    for step in range(30):
        batch = streams.batch((step,), ROWS, LENGTH, MAIN)
        assert (batch.ids[:, 0] == 101).all()
        assert not np.isin(batch.truth, special).any()
        shown = batch.ids.ravel()[batch.positions]
        assert (shown == 103).mean() > 0.7
        assert not np.isin(shown[shown != 103], special).any()
    assert (batch.truth < 100).any()
    assert (batch.truth > 103).any()
    with pytest.raises(BadFile, match="1,000"):
        Streams({"civic": np.full(9_000, 102, dtype=np.uint16)}, 320, numbers)


def test_sources_are_drawn_by_size_and_passes(streams: Streams) -> None:
    counts = np.zeros(3)
    for step in range(60):
        batch = streams.batch((3, step), ROWS, LENGTH, MAIN)
        flat = batch.ids.ravel().copy()
        flat[batch.positions] = batch.truth
        flat = flat[flat >= len(SPECIAL)]
        counts += [(flat < 300).sum(), ((flat >= 300) & (flat < 600)).sum(), (flat >= 600).sum()]
    wanted = np.array([MAIN["civic"], MAIN["laws"], 1.0])
    wanted /= wanted.sum()
    assert np.abs(counts / counts.sum() - wanted).max() < 5 * math.sqrt(0.25 / (60 * ROWS))


def test_the_last_part_leaves_out_laws_but_not_a_citys_own_texts(streams: Streams) -> None:
    batch = streams.batch((1,), 200, LENGTH, FINAL)
    assert not ((batch.truth >= 300) & (batch.truth < 600)).any()
    assert (batch.truth >= 600).any()
    only = Streams({"laws": stream(5, 300)}, VOCABULARY)
    assert len(only.batch((1,), 2, LENGTH, FINAL).truth) == 2 * WANTED, "better laws than nothing"


@pytest.mark.parametrize(
    "tokens", [{}, {"civic": stream(5, 300, 900)}, {"civic": np.full(9_000, SEP, dtype=np.uint16)}]
)
def test_too_little_text_is_refused(tokens: Any) -> None:
    with pytest.raises(BadFile, match="1,000"):
        Streams(tokens, VOCABULARY)


def test_the_folder_is_found_from_what_lies_in_it(
    texts: Path, labelled_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert text_folder(texts) == text_folder(texts / "pretrain") == text_folder(texts / "labelled") == texts
    monkeypatch.setenv("MINSHENG_DATA", str(texts / "labelled"))
    assert text_folder() == texts
    with pytest.raises(BadFile, match=r"pretrain/\*\.txt\.zst"):
        text_folder(texts / "elsewhere")
    with pytest.raises(BadFile, match=str(tmp_path)):
        text_folder(tmp_path)
    monkeypatch.delenv("MINSHENG_DATA")
    with pytest.raises(BadFile, match="MINSHENG_DATA"):
        text_folder()


def test_sources_are_cleaned_texts_without_the_held_out_rows(
    texts: Path, labelled_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(texts / "pretrain", tmp_path / "pretrain")
    assert set(sources(tmp_path)) == {"message_board", "news", "our_city"}
    shutil.copytree(labelled_folder, tmp_path / "labelled")
    found = {name: list(lines) for name, lines in sources(tmp_path).items()}
    assert set(found) == {"message_board", "news", "our_city", "civic", "emotion", "polarity"}
    assert all(text == clean(text) and text for lines in found.values() for text in lines)
    corpus = read_corpus(labelled_folder)
    for rows in (corpus.civic, corpus.feeling):
        held_out = {clean(rows.texts[place]) for place in np.flatnonzero(rows.fold == TEST_FOLD)}
        kept = {clean(rows.texts[place]) for place in np.flatnonzero(rows.fold != TEST_FOLD)}
        for name in ("civic", "emotion", "polarity"):
            assert not (held_out - kept) & set(found[name])
    assert (
        len(found["civic"])
        == (np.isin(corpus.civic.source, ("rivers", "topic", "topic_train")) & (corpus.civic.fold != TEST_FOLD)).sum()
        > 0
    )
    assert len(found["polarity"]) + len(found["emotion"]) > 300


def test_streams_are_made_once(
    texts: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = load_streams(texts, tokenizer, tmp_path / "cache")
    assert set(made.tokens) == {"message_board", "news", "our_city"}
    assert made.size == sum(map(len, made.tokens.values()))
    with monkeypatch.context() as patch:
        patch.setattr(Tokenizer, "stream", lambda *_: pytest.fail("made again"))
        again = load_streams(texts, tokenizer, tmp_path / "cache")
    assert {name: tokens.tolist() for name, tokens in again.tokens.items()} == {
        name: tokens.tolist() for name, tokens in made.tokens.items()
    }
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"streams.npz", "streams.json"}


def test_streams_are_made_anew_for_other_files_or_another_vocabulary(
    texts: Path, tokenizer: Tokenizer, tmp_path: Path, write_texts: Any
) -> None:
    data = tmp_path / "data"
    shutil.copytree(texts, data)
    first = load_streams(data, tokenizer, tmp_path / "cache")
    smaller = Tokenizer(tokenizer.tokens[:-4])
    assert load_streams(data, smaller, tmp_path / "cache").size > first.size
    assert load_streams(data, tokenizer, tmp_path / "cache").size == first.size
    write_texts(data, "file", ["小区路灯不亮，请维修。"] * 300)
    assert set(load_streams(data, tokenizer, tmp_path / "cache").tokens) == {*first.tokens, "file"}


def test_streams_are_made_anew_where_the_same_vocabulary_cuts_in_another_way(texts: Path, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="the extra `bert` is not installed")
    from nlp.wordpiece import Cutting, WordPiece

    tokens = [*SPECIAL, *"路灯小区维修，。", "##灯"]
    counts = [
        load_streams(texts, WordPiece(tokens, cutting), tmp_path).tokens["news"]
        for cutting in (Cutting(), Cutting(chinese=False), Cutting())
    ]
    assert len(counts[0]) > len(counts[1]), "a run of Chinese is one unknown word"
    assert counts[0].tolist() == counts[2].tolist()


@pytest.mark.parametrize("name", ["streams.npz", "streams.json"])
@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not quite", None])
def test_a_damaged_cache_is_made_anew(
    texts: Path, tokenizer: Tokenizer, tmp_path: Path, name: str, damage: bytes | None
) -> None:
    size = load_streams(texts, tokenizer, tmp_path).size
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    if name == "streams.npz":
        assert kept_streams(tmp_path, len(tokenizer)) is None
    assert load_streams(texts, tokenizer, tmp_path).size == size
    assert kept_streams(tmp_path, len(tokenizer)) is not None


@pytest.fixture(scope="module")
def drawn(streams: Streams) -> GpuStreams:
    """The same drawn by torch, here on a CPU."""
    pytest.importorskip("torch", reason="torch 没有安装（额外组件 train）")
    return GpuStreams(streams, "cpu")


def test_on_the_device_too_a_batch_is_a_function_of_its_seed(drawn: GpuStreams, streams: Streams) -> None:
    first = drawn.batch((7, 5, 0), GPU_ROWS, LENGTH, MAIN)
    again = GpuStreams(streams, "cpu").batch((7, 5, 0), GPU_ROWS, LENGTH, MAIN)
    assert all(one.equal(other) for one, other in zip(first, again, strict=True))
    for near in ((8, 5, 0), (7, 6, 0), (7, 5, 1)):
        assert not first[0].equal(drawn.batch(near, GPU_ROWS, LENGTH, MAIN)[0])


def test_a_fifth_is_asked_for_and_what_stood_there_is_a_passage_of_the_stream(
    drawn: GpuStreams, streams: Streams
) -> None:
    ids, positions, truth = (part.numpy() for part in drawn.batch((1,), GPU_ROWS, LENGTH, MAIN))
    assert ids.shape == (GPU_ROWS, LENGTH)
    assert positions.shape == truth.shape == (GPU_ROWS * WANTED,)
    assert len(set(positions)) == len(positions)
    assert (truth >= 0).all()
    assert streams.usual[truth].all()
    assert (ids[:, 0] == CLS).all()
    whole = ids.copy()
    whole.ravel()[positions] = truth
    everything = {name: stream.tobytes() for name, stream in streams.tokens.items()}
    for row in whole[:, 1:].astype(np.uint16):
        assert any(row.tobytes() in content for content in everything.values())
    asked = ids.ravel()[positions]
    masked, kept = (asked == MASK).mean(), (asked == truth).mean()
    assert abs(masked - 0.8) < 0.05
    assert abs(kept - 0.1) < 0.04
    assert streams.usual[asked[asked != MASK]].all()


@pytest.mark.parametrize("passes", [MAIN, FINAL])
def test_sources_are_read_in_their_shares(drawn: GpuStreams, streams: Streams, passes: dict[str, float]) -> None:
    ids, _positions, _truth = (part.numpy() for part in drawn.batch((3,), 4_000, 8, passes))
    names, shares = streams.shares(passes)
    middle = np.array([np.median(row[row > UNKNOWN + 5]) for row in np.where(ids == MASK, 0, ids)[:, 1:]])
    counts = np.histogram(middle, [0, 300, 600, 900])[0] / 4_000
    expected = {"civic": 0.0, "laws": 0.0, "our_city": 0.0} | dict(zip(names, shares, strict=True))
    assert np.abs(counts - list(expected.values())).max() < 0.04


def test_what_cannot_be_asked_for_is_left_out_of_the_loss() -> None:
    bare = np.full(3_000, SEP, dtype=np.uint16)
    bare[::2] = 7
    bare[:1_500] = SEP
    bare[:1_500:30] = 9
    few = GpuStreams(Streams({"own": np.tile(bare, 2)}, VOCABULARY), "cpu")
    ids, positions, truth = (part.numpy() for part in few.batch((2,), GPU_ROWS, LENGTH, MAIN))
    left_out = truth == -100
    assert left_out.any()
    assert not left_out.all()
    assert (ids.ravel()[positions][left_out] < 5).all()
    assert set(truth[~left_out]) == {7, 9}


def test_a_source_shorter_than_a_passage_is_read_again_from_its_start() -> None:
    short = Streams({"own": stream(5, 900, size=1_500)}, VOCABULARY)
    ids, _, _ = GpuStreams(short, "cpu").batch((1,), 4, 4_000, MAIN)
    assert ids.shape == (4, 4_000)
