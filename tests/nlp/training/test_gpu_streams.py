"""The batches that are drawn on the device, here on a CPU: the same promises as those of numpy, and the same shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nlp.tokenizer import CLS, MASK, SEP, UNKNOWN
from nlp.training.streams import FINAL, MAIN, MASKED_SHARE, Streams

torch = pytest.importorskip("torch", reason="torch 没有安装（额外组件 train）")

from nlp.training.gpu_streams import GpuStreams  # noqa: E402

ROWS, LENGTH, VOCABULARY = 64, 128, 900
WANTED = round(MASKED_SHARE * LENGTH)


def stream(low: int, high: int, size: int = 20_000) -> Any:
    random = np.random.default_rng(low)
    numbers = random.integers(low, high, size)
    numbers[random.random(size) < 0.05] = SEP
    return numbers.astype(np.uint16)


@pytest.fixture(scope="module")
def streams() -> Streams:
    return Streams({"civic": stream(5, 300), "laws": stream(300, 600), "our_city": stream(600, 900)}, VOCABULARY)


@pytest.fixture(scope="module")
def drawn(streams: Streams) -> GpuStreams:
    return GpuStreams(streams, "cpu")


def test_a_batch_is_a_function_of_its_seed(drawn: GpuStreams, streams: Streams) -> None:
    first = drawn.batch((7, 5, 0), ROWS, LENGTH, MAIN)
    torch.rand(7)
    again = GpuStreams(streams, "cpu").batch((7, 5, 0), ROWS, LENGTH, MAIN)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    for near in ((8, 5, 0), (7, 6, 0), (7, 5, 1)):
        assert not torch.equal(first[0], drawn.batch(near, ROWS, LENGTH, MAIN)[0])


def test_a_fifth_is_asked_for_and_what_stood_there_is_a_passage_of_the_stream(
    drawn: GpuStreams, streams: Streams
) -> None:
    ids, positions, truth = (part.numpy() for part in drawn.batch((1,), ROWS, LENGTH, MAIN))
    assert ids.shape == (ROWS, LENGTH)
    assert positions.shape == truth.shape == (ROWS * WANTED,)
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
    ids, positions, truth = (part.numpy() for part in few.batch((2,), ROWS, LENGTH, MAIN))
    left_out = truth == -100
    assert left_out.any()
    assert not left_out.all()
    assert (ids.ravel()[positions][left_out] < 5).all()
    assert set(truth[~left_out]) == {7, 9}


def test_a_source_shorter_than_a_passage_is_read_again_from_its_start() -> None:
    short = Streams({"own": stream(5, 900, size=1_500)}, VOCABULARY)
    ids, _, _ = GpuStreams(short, "cpu").batch((1,), 4, 4_000, MAIN)
    assert ids.shape == (4, 4_000)
