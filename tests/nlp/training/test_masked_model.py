"""The encoder in transformers' form: slow, since torch and transformers are loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import BadFile
from nlp.training.masked_model import (
    Shape,
    empty_encoder,
    guesser,
    has_weights,
    load_encoder,
    new_encoder,
    save_encoder,
    shape_of,
)

SHAPE = Shape(layers=2, hidden=16, heads=2, inner=24, positions=128)
VOCABULARY = 50


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="the extra `train` is not installed")


@pytest.fixture(scope="module")
def saved(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    folder = tmp_path_factory.mktemp("saved")
    torch.manual_seed(1)
    save_encoder(new_encoder(SHAPE, VOCABULARY), folder)
    return folder


def weights(encoder: Any) -> dict[str, Any]:
    return {name: value.detach().numpy() for name, value in encoder.state_dict().items()}


def test_a_folder_without_a_configuration_has_no_shape(tmp_path: Path) -> None:
    assert shape_of(tmp_path) is None
    assert not has_weights(tmp_path)
    with pytest.raises(BadFile, match=r"config\.json"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        '{"model_type": "gpt2"}',
        '{"model_type": "bert"}',
        '{"model_type": "bert", "hidden_size": "?"}',
    ],
)
def test_another_configuration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    for read in (shape_of, load_encoder):
        with pytest.raises(BadFile) as error:
            read(tmp_path)
        assert error.value.fields["file"] == str(tmp_path / "config.json")


@pytest.mark.slow
def test_it_comes_back_as_it_was(saved: Path) -> None:
    from transformers import BertModel

    assert {path.name for path in saved.iterdir()} == {"config.json", "model.safetensors"}
    assert shape_of(saved) == SHAPE
    assert has_weights(saved)
    own = load_encoder(saved)
    theirs = BertModel.from_pretrained(saved, add_pooling_layer=False)
    assert weights(own).keys() == weights(theirs).keys()
    assert all(np.array_equal(value, weights(theirs)[name]) for name, value in weights(own).items())
    assert theirs.config.hidden_act == "relu"


@pytest.mark.slow
def test_half_precision_is_read_back_in_full(saved: Path, tmp_path: Path) -> None:
    encoder = load_encoder(saved)
    before = weights(encoder)
    save_encoder(encoder, tmp_path, half=True)
    size = (tmp_path / "model.safetensors").stat().st_size
    assert size < 0.6 * (saved / "model.safetensors").stat().st_size
    found = weights(load_encoder(tmp_path))
    for name, value in found.items():
        assert value.dtype == before[name].dtype
        assert np.allclose(value, before[name], atol=1e-3)
    assert all(np.array_equal(value, before[name]) for name, value in weights(encoder).items()), (
        "the encoder is untouched"
    )


@pytest.mark.slow
def test_saving_replaces_an_older_one_and_what_was_left_by_a_kill(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "encoder.part").mkdir()
    (tmp_path / "encoder.part" / "model.safetensors").write_text("half")
    for _ in range(2):
        save_encoder(load_encoder(saved), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.write_bytes(b"not weights" * 90),
    ],
    ids=["missing", "empty", "short", "other"],
)
def test_damaged_weights_are_refused(saved: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(saved, folder)
    damage(folder / "model.safetensors")
    with pytest.raises(BadFile, match="transformers"):
        load_encoder(folder)


@pytest.mark.slow
@pytest.mark.parametrize(("entry", "value"), [("num_hidden_layers", 3), ("hidden_size", 32), ("vocab_size", 60)])
def test_weights_of_another_shape_are_refused(saved: Path, tmp_path: Path, entry: str, value: int) -> None:
    folder = tmp_path / "other"
    shutil.copytree(saved, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {entry: value}))
    with pytest.raises(BadFile):
        load_encoder(folder)


@pytest.mark.slow
def test_an_empty_one_has_the_shape_of_the_folder_and_weights_of_its_own(saved: Path) -> None:
    made, there = weights(empty_encoder(saved)), weights(load_encoder(saved))
    assert {name: value.shape for name, value in made.items()} == {name: value.shape for name, value in there.items()}
    name = "embeddings.word_embeddings.weight"
    assert not np.allclose(made[name], there[name])


@pytest.mark.slow
def test_start_vectors_become_its_words(torch: Any) -> None:
    start = np.random.default_rng(0).normal(size=(VOCABULARY, SHAPE.hidden)).astype(np.float32)
    encoder = new_encoder(SHAPE, VOCABULARY, start)
    assert np.array_equal(weights(encoder)["embeddings.word_embeddings.weight"], start)


@pytest.mark.slow
def test_the_loss_is_that_of_the_masked_positions(torch: Any) -> None:
    torch.manual_seed(2)
    model = guesser(new_encoder(SHAPE, VOCABULARY)).eval()
    ids = torch.randint(5, VOCABULARY, (3, 12))
    positions, truth = torch.tensor([1, 5, 13, 30]), torch.tensor([7, 8, 9, 10])
    hidden = model.encoder(input_ids=ids).last_hidden_state
    chosen = torch.stack([hidden[place // 12, place % 12] for place in positions.tolist()])
    table = model.encoder.embeddings.word_embeddings.weight
    logits = model.norm(torch.relu(model.dense(chosen))) @ table.T + model.bias
    wanted = -logits.log_softmax(-1)[range(4), truth].mean()
    assert model(ids, positions, truth).item() == pytest.approx(wanted.item(), rel=1e-5)
    nothing = torch.zeros(0, dtype=torch.int64)
    loss = model(ids, nothing, nothing)
    loss.backward()
    assert loss.item() == 0


@pytest.mark.slow
def test_guessing_moves_encoder_and_head(torch: Any) -> None:
    model = guesser(new_encoder(SHAPE, VOCABULARY))
    ids = torch.randint(5, VOCABULARY, (3, 12))
    model(ids, torch.tensor([1, 5]), torch.tensor([7, 8])).backward()
    still = {name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.abs().sum()}
    assert still <= {name for name, _ in model.named_parameters() if name.endswith("attention.self.key.bias")}
