from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import BadFile
from nlp.tokenizer import SPECIAL, Tokenizer

pytestmark = pytest.mark.slow  # loads torch


def test_a_frozen_encoder_comes_back(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    from nlp.training.export import export
    from nlp.training.heads import reader
    from nlp.training.masked_model import Shape, load_encoder, new_encoder
    from nlp.training.thaw import thaw

    torch.manual_seed(1)
    tokenizer = Tokenizer([*SPECIAL, *map(chr, range(0x4E00, 0x4E00 + 500))])
    encoder = new_encoder(Shape(layers=2, hidden=128, heads=2, inner=96, positions=128), len(tokenizer))
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)  # so that no two are the same, as in a trained one
    export(reader(encoder, {"topic": 7}), tmp_path / "encoder.onnx.zst")
    tokenizer.save(tmp_path)
    thaw(tmp_path, tmp_path / "warm")
    again = load_encoder(tmp_path / "warm")
    assert again.config.num_hidden_layers == 2
    assert again.config.num_attention_heads == 2
    before, after = encoder.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    for name, values in before.items():
        assert (values - after[name]).abs().max() <= values.abs().max() / 100, name
    ids = torch.randint(5, 500, (3, 20))
    mine, yours = (model.eval()(input_ids=ids).last_hidden_state for model in (encoder, again))
    assert torch.nn.functional.cosine_similarity(mine, yours, dim=-1).min() > 0.99


def test_what_is_no_graph_is_named(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the extra `train` is not installed")
    from nlp.training.thaw import thaw

    with pytest.raises(BadFile, match=r"encoder\.onnx\.zst"):
        thaw(tmp_path, tmp_path / "warm")
    (tmp_path / "encoder.onnx.zst").write_bytes(b"nothing of the kind")
    with pytest.raises(BadFile, match=r"encoder\.onnx\.zst"):
        thaw(tmp_path, tmp_path / "warm")


def test_a_graph_does_not_say_where_its_encoder_lay(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the extra `train` is not installed")
    from nlp.training.export import export
    from nlp.training.heads import reader
    from nlp.training.masked_model import Shape, new_encoder
    from nlp.training.thaw import GRAPH, weights

    encoder = new_encoder(Shape(layers=1, hidden=64, heads=1, inner=32, positions=32), 100)
    encoder.config._name_or_path = str(tmp_path)
    export(reader(encoder, {"topic": 2}), tmp_path / GRAPH)
    state, told = weights(tmp_path / GRAPH)
    assert state
    assert str(tmp_path) not in "".join(told.values())
