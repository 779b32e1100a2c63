"""Any BERT checkpoint in transformers' form: a small random one, made here in the forms that are given out."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadFile
from nlp.annotate import Annotator, Draft
from nlp.classifier import HEADS, load
from nlp.encoder import GRAPH, TOLD, Encoder
from nlp.hybrid import HybridClassifier
from nlp.tokenizer import LENGTH, SPECIAL, VOCABULARY_FILE, Tokenizer
from nlp.training.heads import SIZES
from nlp.training.vocabulary import usual_characters
from nlp.wordpiece import WordPiece

pytestmark = pytest.mark.slow  # loads torch

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TOKENS = ["[PAD]", *(f"[unused{number}]" for number in range(1, 100)), *SPECIAL[1:], *usual_characters()[:600], *"，。！？、；：",
          *LETTERS, *(f"##{letter}" for letter in LETTERS), "##路", "##灯", "app", "wifi"]  # fmt: skip
SPARE = 7  # word vectors that no token has: tables are padded
TITLES = ["路灯不亮", "", "噪音扰民", "WiFi", ""]
TEXTS = ["小区的路灯坏了半个月", "老板拖欠工资", "夜里施工噪音" * 60, "", "！" * 4000]


@pytest.fixture(scope="module")
def torch() -> Any:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("tokenizers", reason="the extra `bert` is not installed")
    torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="module")
def checkpoint(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As they are given out: BertForMaskedLM, weights named bert.… and cls.…, the list of tokens and a few settings."""
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(5)
    config = BertConfig(vocab_size=len(TOKENS) + SPARE, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                        intermediate_size=48, max_position_embeddings=256, hidden_act="gelu")  # fmt: skip
    model = BertForMaskedLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)  # biases and norms, too, are no zeros and ones
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in TOKENS), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "model_max_length": 512}')
    return folder


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    shutil.copytree(checkpoint, tmp_path / "copy")
    return tmp_path / "copy"


def change(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def given(folder: Path) -> dict[str, Any]:
    """The weights of the checkpoint, as they are named there."""
    from safetensors.torch import load_file

    return {name: value.clone() for name, value in load_file(folder / "model.safetensors").items()}


def as_bin(folder: Path, rename: Callable[[str], str] = str) -> None:
    import torch

    weights = {rename(name): value for name, value in given(folder).items()}
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")


def with_old_names(folder: Path) -> None:
    as_bin(
        folder,
        lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
    )


def as_classifier(folder: Path) -> None:
    from transformers import BertForSequenceClassification

    BertForSequenceClassification.from_pretrained(folder, num_labels=3).save_pretrained(folder)


def as_shards(folder: Path) -> None:
    from transformers import BertForMaskedLM

    model = BertForMaskedLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="60KB")
    assert (folder / "model.safetensors.index.json").is_file()


def in_half(folder: Path) -> None:
    from transformers import BertModel

    BertModel.from_pretrained(folder).half().save_pretrained(folder)


def without_a_type(folder: Path) -> None:
    path = folder / "config.json"
    kept = json.loads(path.read_text())
    path.write_text(
        json.dumps({name: value for name, value in kept.items() if name not in ("model_type", "architectures")})
    )


# --- loading ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", [as_bin, with_old_names, as_classifier, as_shards, in_half, without_a_type])
def test_every_usual_form_gives_the_same_encoder(checkpoint: Path, copy: Path, form: Callable[[Path], None]) -> None:
    from nlp.training.masked_model import load_encoder

    form(copy)
    found, wanted = load_encoder(copy).state_dict(), given(checkpoint)
    assert "pooler.dense.weight" not in found
    for name, value in found.items():
        assert value.dtype == wanted[f"bert.{name}"].dtype
        assert np.allclose(value, wanted[f"bert.{name}"], atol=1e-3 if form is in_half else 0), name


def test_more_word_vectors_than_tokens_are_fine_fewer_are_not(copy: Path) -> None:
    from nlp.training.masked_model import load_encoder

    assert load_encoder(copy).config.vocab_size == len(TOKENS) + SPARE
    with (copy / "vocab.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"长{number}\n" for number in range(SPARE + 1))
    with pytest.raises(
        BadFile, match=f"有 {len(TOKENS) + SPARE + 1} 个词元，编码器有 {len(TOKENS) + SPARE} 个"
    ) as error:
        load_encoder(copy)
    assert error.value.fields["file"] == str(copy / "vocab.txt")


class Harm:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_what_a_file_of_weights_wants_to_run_is_not_run(torch: Any, copy: Path, tmp_path: Path) -> None:
    from nlp.training.masked_model import load_encoder

    weights = given(copy)
    (copy / "model.safetensors").unlink()
    for save in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))):
        save({**weights, "bert.extra": Harm(tmp_path / "harm")}, copy / "pytorch_model.bin")
        with pytest.raises(BadFile, match="transformers"):
            load_encoder(copy)
        assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"model_type": "roberta"}, "模型类型是 'roberta'，应为 bert"),
        ({"model_type": "albert", "architectures": ["AlbertModel"]}, "albert"),
        ({"model_type": "gpt2"}, "gpt2"),
        ({"model_type": "ernie"}, "ernie"),
        ({"model_type": "bert", "architectures": ["RobertaForMaskedLM"]}, "RobertaForMaskedLM"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
        ({"is_decoder": True}, "is_decoder"),
        ({"type_vocab_size": 1}, "type_vocab_size 是 1"),
        ({"type_vocab_size": None}, r"config\.json"),
        ({"num_hidden_layers": 3}, r"缺少权重，例如 encoder\.layer\.2"),
        ({"hidden_size": 64}, "transformers"),
        ({"hidden_size": 33}, "transformers"),
        ({"hidden_act": "unheard"}, "transformers"),
    ],
)
def test_what_is_no_bert_is_refused(copy: Path, entries: dict[str, Any], reason: str) -> None:
    from nlp.training.masked_model import load_encoder

    change(copy, **entries)
    with pytest.raises(BadFile, match=reason) as error:
        load_encoder(copy)
    assert error.value.fields["file"].startswith(str(copy))


def test_a_missing_weight_is_named(torch: Any, copy: Path) -> None:
    from nlp.training.masked_model import load_encoder

    weights = given(copy)
    del weights["bert.encoder.layer.1.output.dense.weight"]
    (copy / "model.safetensors").unlink()
    torch.save(weights, copy / "pytorch_model.bin")
    with pytest.raises(BadFile, match=r"缺少权重，例如 encoder\.layer\.1\.output\.dense\.weight"):
        load_encoder(copy)
    (copy / "pytorch_model.bin").rename(copy / "tf_model.h5")
    with pytest.raises(BadFile, match=r"没有 transformers 形式的权重 model\.safetensors 或 pytorch_model\.bin"):
        load_encoder(copy)


def test_fewer_positions_than_ours_are_filled_up_and_never_read(torch: Any, copy: Path) -> None:
    from transformers import BertModel

    from nlp.training.masked_model import load_encoder

    model = BertModel.from_pretrained(copy)
    config = model.config
    config.max_position_embeddings = 40
    short = BertModel(config, add_pooling_layer=False)
    short.save_pretrained(copy)
    found, tokenizer = load_encoder(copy), Tokenizer.load(copy)
    assert found.config.max_position_embeddings == LENGTH
    numbers, _ = tokenizer.pair("路灯", "小区" * 300)
    assert len(numbers) == 40
    ids = torch.tensor([numbers + [0] * (LENGTH - 40)])
    with torch.inference_mode():
        filled = found.eval()(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state[:, :40]
        wanted = short.eval()(input_ids=ids[:, :40]).last_hidden_state
    assert torch.allclose(filled, wanted, atol=1e-5)


# --- fine-tuned, exported, used --------------------------------------------------------------------------------------
def fitted(folder: Path, corpus: Any, work: Path) -> Path:
    """What `minsheng train heads` does with an encoder, in a few steps: fine-tuned on some rows, exported."""
    from nlp.training.examples import examples
    from nlp.training.export import export
    from nlp.training.heads import Recipe, fine_tune, load_reader

    tokenizer = Tokenizer.load(folder)
    found = examples(corpus, tokenizer)
    some = np.zeros(len(found), dtype=bool)
    some[::8] = True
    losses: list[float] = []
    recipe = Recipe(epochs=2, rate=1e-3, compiled=False)
    fine_tune(folder, found, some, recipe, lambda _, loss: losses.append(loss), work / "reader.pt")
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    target = work / "model"
    export(load_reader(folder, work / "reader.pt"), target / GRAPH)
    tokenizer.save(target)
    return target


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Any:
    from nlp.training.rows import read_corpus

    return read_corpus(labelled_folder)


@pytest.fixture(scope="module")
def exported(checkpoint: Path, corpus: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with reader.pt and model/, of which nothing but graph and list of tokens is left, as in a city."""
    work = tmp_path_factory.mktemp("work")
    target = fitted(checkpoint, corpus, work)
    for path in target.iterdir():
        if path.name not in (GRAPH, VOCABULARY_FILE):
            path.unlink()
    return work


def test_the_graph_answers_nearly_as_the_model(torch: Any, checkpoint: Path, exported: Path) -> None:
    from nlp.training.heads import load_reader

    encoder = Encoder.load(exported / "model", SIZES)
    assert isinstance(encoder.tokenizer, WordPiece)
    assert encoder.tokenizer.settings() == Tokenizer.load(checkpoint).settings()
    model = load_reader(checkpoint, exported / "reader.pt")
    read = encoder.logits(TITLES, TEXTS)
    for row, (title, text) in enumerate(zip(TITLES, TEXTS, strict=True)):
        ids, head = encoder.tokenizer.pair(title, text)
        types = [0] * head + [1] * (len(ids) - head)
        with torch.inference_mode():
            exact = model(torch.tensor([ids]), torch.tensor([types]))[0][0].numpy()
        assert np.corrcoef(exact, np.concatenate([read[name][row] for name in SIZES]))[0, 1] > 0.98


@pytest.mark.timeout(300)
def test_the_command_makes_a_model_of_it_that_annotates(copy: Path, labelled_folder: Path, tmp_path: Path) -> None:
    as_bin(copy)
    out = tmp_path / "out"
    words = ["train", "heads", "--encoder", copy, "--data", labelled_folder, "-o", out, "--epochs", 1, "--processes", 1,
             "--no-compile", "--work", tmp_path / "work"]  # fmt: skip
    result = CliRunner().invoke(load_commands(), [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "未知" in (out / "model_card.md").read_text(encoding="utf-8"), "nobody knows what it has read"
    model = load(out)
    assert isinstance(model, HybridClassifier)
    assert isinstance(model.encoder.tokenizer, WordPiece)
    found = model.predict(TITLES, TEXTS)
    assert all(found[head].sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5) for head in HEADS)
    annotator = Annotator.load(out)
    drafts = [Draft(title, text) for title, text in zip(TITLES, TEXTS, strict=True)]
    readings = annotator.annotate([*drafts, Draft("\ud800[SEP]", "\r\n\x00é😊")])
    assert len(readings) == 6
    alone = [reading for draft in drafts for reading in Annotator(model).annotate([draft])]
    assert [reading.probabilities for reading in alone] == [reading.probabilities for reading in readings[:5]]
    (out / VOCABULARY_FILE).write_text("\n".join(TOKENS[:-3]), encoding="utf-8")
    assert load(out).version != model.version, "another list of tokens is another model"


def test_a_graph_that_says_nonsense_of_its_tokenizer_is_named(exported: Path, tmp_path: Path) -> None:
    import onnx
    import zstandard

    shutil.copy(exported / "model" / VOCABULARY_FILE, tmp_path)
    data = zstandard.ZstdDecompressor().decompress((exported / "model" / GRAPH).read_bytes(), max_output_size=1 << 30)
    graph = onnx.load_from_string(data)
    for told, file in (("{", GRAPH), ('{"colour": 1}', VOCABULARY_FILE), ('{"lower": "yes"}', VOCABULARY_FILE)):
        onnx.helper.set_model_props(graph, {TOLD: told})
        (tmp_path / GRAPH).write_bytes(zstandard.ZstdCompressor().compress(graph.SerializeToString()))
        with pytest.raises(BadFile) as error:
            Encoder.load(tmp_path, SIZES)
        assert error.value.fields["file"] == str(tmp_path / file)


def test_it_finds_places_in_the_text_itself(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder.load(exported / "model", SIZES)
    text = "\r\n我在ＡＢ路\u0301灯WiFi😊旁"
    spans = encoder.tokenizer.offsets("路灯", text)
    for number, (field, start, end) in enumerate(spans):
        monkeypatch.setattr("nlp.encoder.best_span", lambda _, number=number: (number, number))
        (place,) = encoder.read(["路灯"], [text])[1]
        assert (place is None) == (field < 0)
        if place:
            assert (place.field, place.start, place.end) == (field, start, end)
    written = [(("路灯", text)[field][start:end]) for field, start, end in spans if field == 1]
    assert {"我", "路", "灯", "旁"} <= set(written)
    assert "WiFi" in "".join(written)


def test_its_own_head_guesses_what_is_masked(torch: Any, checkpoint: Path, exported: Path, tmp_path: Path) -> None:
    """So that training it further does not begin by unlearning."""
    from transformers import BertForMaskedLM

    from nlp.training.masked_model import guesser, load_encoder, masked_language_model, take_head
    from nlp.training.thaw import thaw

    ids = torch.randint(104, len(TOKENS), (3, 20))
    positions, truth = torch.tensor([3, 25, 41]), torch.tensor([105, 300, 500])
    with torch.inference_mode():
        logits = BertForMaskedLM.from_pretrained(checkpoint).eval()(input_ids=ids).logits.reshape(60, -1)[positions]
    wanted = torch.nn.functional.cross_entropy(logits, truth).item()
    thaw(checkpoint, tmp_path)
    for folder in (checkpoint, tmp_path):
        given = masked_language_model(folder)
        model = guesser(given.bert).eval()
        assert model(ids, positions, truth).item() != pytest.approx(wanted, rel=1e-3)
        take_head(model, given)
        assert model(ids, positions, truth).item() == pytest.approx(wanted, rel=1e-5)
    load_encoder(checkpoint).save_pretrained(tmp_path)
    assert masked_language_model(tmp_path) is None


# --- trained further -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("source", ["checkpoint", "model"])
def test_it_is_trained_further_on_a_citys_own_texts(
    torch: Any, checkpoint: Path, exported: Path, texts: Path, tmp_path: Path, source: str
) -> None:
    """From the checkpoint, and from the graph of a model that was made of it."""
    from nlp.training.encoder import Plan, about, train
    from nlp.training.masked_model import load_encoder, shape_of
    from nlp.training.thaw import thaw

    folder = tmp_path / "further"
    thaw(checkpoint if source == "checkpoint" else exported / "model", folder)
    before, shape = load_encoder(folder), shape_of(folder)
    assert shape
    assert (before.config.hidden_act, shape.heads) == ("gelu", 4)
    if source == "checkpoint":
        assert all(torch.equal(value, given(checkpoint)[f"bert.{name}"]) for name, value in before.state_dict().items())
        assert "未知" in about(folder)
    plan = Plan(shape=shape, tokens=3 * 4 * LENGTH, rows=4, rate=1e-4, compiled=False)
    state = train(texts, folder, plan, lambda *_: None)
    assert state.step == 3
    assert np.isfinite(state.loss)
    after = load_encoder(folder)
    assert after.config.vocab_size == len(TOKENS) + SPARE
    assert Tokenizer.load(folder).settings() == Tokenizer.load(checkpoint).settings()
    moved = after.embeddings.word_embeddings.weight - before.embeddings.word_embeddings.weight
    assert 0 < moved.abs().max() < 0.01
    more = train(texts, folder, Plan(**{**vars(plan), "tokens": 4 * 4 * LENGTH}), lambda *_: None)
    assert more.step == 4, "it goes on from its checkpoint"


def test_a_folder_that_is_neither_is_named(torch: Any, tmp_path: Path) -> None:
    from nlp.training.thaw import thaw

    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(BadFile, match="gpt2"):
        thaw(tmp_path, tmp_path / "target")
