"""The models of a city: what is in use stays until another one has shown that it works."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.errors import BadModel, BadRequest
from nlp import shelf as shelves
from nlp.shelf import CHOICE, SHIPPED, Shelf, checked

if TYPE_CHECKING:
    from nlp.training.linear import Trained

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `minsheng train linear` writes it."""
    folder = tmp_path_factory.mktemp("elsewhere") / "河东"
    folder.mkdir()
    (folder / "linear.zst").write_bytes(trained.model.to_bytes())
    (folder / "card.json").write_text(json.dumps({"model": "linear-x", "figures": []}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def other(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model in a folder of the same name."""
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("another") / "河东"
    folder.mkdir()
    (folder / "linear.zst").write_bytes(replace(trained.model, card={"of": "another city"}).to_bytes())
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "home" / "models")


def test_without_a_choice_the_shipped_model_is_in_use_and_nothing_is_written(shelf: Shelf) -> None:
    assert shelf.choice() is None
    assert shelf.mark() is None
    assert shelf.names() == []
    assert shelf.current().version == checked(None, SHIPPED).version
    assert not shelf.folder.exists()


def test_a_folder_is_copied_in_and_used(shelf: Shelf, made: Path) -> None:
    name, annotator = shelf.use(str(made))
    assert name == "河东"
    assert shelf.names() == ["河东"]
    assert sorted(path.name for path in (shelf.folder / name).iterdir()) == ["card.json", "linear.zst"]
    assert (shelf.folder / name / "linear.zst").stat().st_mtime == (made / "linear.zst").stat().st_mtime
    chosen = shelf.choice()
    assert chosen is not None
    assert (chosen.name, chosen.version) == (name, annotator.version)
    assert shelf.current().version == annotator.version


def test_the_mark_changes_with_every_choice(shelf: Shelf, made: Path, other: Path) -> None:
    marks = [shelf.mark()]
    for words in (made, other, "河东", "河东-2", SHIPPED):
        shelf.use(str(words))
        marks.append(shelf.mark())
    assert marks[0] is marks[-1] is None
    assert len(set(marks)) == 5


def test_back_to_the_shipped_one(shelf: Shelf, made: Path) -> None:
    shelf.use(str(made))
    name, annotator = shelf.use(SHIPPED)
    assert (name, shelf.choice()) == (SHIPPED, None)
    assert shelf.current().version == annotator.version
    assert shelf.names() == ["河东"], "it can be used again"
    assert shelf.use("河东")[0] == "河东"


def test_the_same_model_twice_is_one_folder_another_of_its_name_gets_a_number(
    shelf: Shelf, made: Path, other: Path
) -> None:
    versions = [shelf.use(str(folder))[1].version for folder in (made, made, other)]
    assert shelf.names() == ["河东", "河东-2"]
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize("folder", ["有 空格", "shipped", ".hidden", "a" * 90])
def test_any_folder_gets_a_name_that_can_be_typed(shelf: Shelf, made: Path, tmp_path: Path, folder: str) -> None:
    shutil.copytree(made, tmp_path / folder)
    name, _ = shelf.use(str(tmp_path / folder))
    assert shelf.names() == [name]
    assert " " not in name
    assert name != SHIPPED
    assert shelf.use(name)[0] == name


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def overwrite(path: Path) -> None:
    path.write_bytes(b"no model")


@pytest.mark.parametrize("damage", [cut, overwrite, Path.unlink], ids=["cut", "overwritten", "missing"])
def test_a_damaged_folder_is_refused_and_what_was_in_use_stays(
    shelf: Shelf, made: Path, other: Path, tmp_path: Path, damage: object
) -> None:
    _, annotator = shelf.use(str(made))
    bad = shutil.copytree(other, tmp_path / "坏的")
    damage(bad / "linear.zst")  # type: ignore[operator]
    before = shelf.mark()
    with pytest.raises(BadModel) as refused:
        shelf.use(str(bad))
    assert str(bad) in str(refused.value)
    assert "在用的模型没有变" in str(refused.value)
    assert shelf.mark() == before
    assert shelf.names() == ["河东"]
    assert not list(shelf.folder.glob(".new-*"))
    assert shelf.current().version == annotator.version


def test_a_model_that_gives_no_probabilities_is_refused(shelf: Shelf, trained: Trained, tmp_path: Path) -> None:
    from dataclasses import replace

    blocks = {
        name: replace(block, intercepts=np.full_like(block.intercepts, np.nan))
        for name, block in trained.model.blocks.items()
    }
    (tmp_path / "nan").mkdir()
    (tmp_path / "nan" / "linear.zst").write_bytes(replace(trained.model, blocks=blocks).to_bytes())
    with pytest.raises(BadModel):
        shelf.use(str(tmp_path / "nan"))


def test_a_model_without_a_head_is_refused_by_its_name(shelf: Shelf, trained: Trained, tmp_path: Path) -> None:
    from dataclasses import replace

    settings = {name: head for name, head in trained.model.settings.items() if name != "emotion"}
    (tmp_path / "less").mkdir()
    (tmp_path / "less" / "linear.zst").write_bytes(replace(trained.model, settings=settings).to_bytes())
    with pytest.raises(BadModel, match="缺少 emotion"):
        shelf.use(str(tmp_path / "less"))


def test_a_copy_that_differs_from_what_was_read_is_refused(
    shelf: Shelf, made: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody trains into the folder while it is copied."""

    def copy(source: Path, target: Path) -> None:
        shutil.copyfile(other / "linear.zst" if source.name == "linear.zst" else source, target)

    monkeypatch.setattr(shelves.shutil, "copy2", copy)
    with pytest.raises(BadModel, match="复制时内容变了"):
        shelf.use(str(made))
    assert list(shelf.folder.glob("*.json")) == shelf.names() == []


def test_a_full_disk_is_said_and_leaves_nothing_behind(
    shelf: Shelf, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelves.shutil, "copy2", full)
    with pytest.raises(BadModel, match=r"No space left.*在用的模型没有变"):
        shelf.use(str(made))
    assert [path.name for path in shelf.folder.iterdir()] == [".lock"]


def test_what_a_killed_copy_left_is_cleared_away(shelf: Shelf, made: Path) -> None:
    left = shelf.folder / ".new-0123"
    left.mkdir(parents=True)
    (left / "linear.zst").write_bytes(b"half")
    shelf.use(str(made))
    assert not left.exists()
    assert shelf.names() == ["河东"]


# --- a model in use that cannot be used: said, never replaced in silence ---------------------------------------------------
def test_a_model_in_use_that_is_damaged_is_an_error(shelf: Shelf, made: Path) -> None:
    shelf.use(str(made))
    overwrite(shelf.folder / "河东" / "linear.zst")
    with pytest.raises(BadModel, match="河东"):
        shelf.current()


def test_a_model_in_use_that_is_gone_is_an_error(shelf: Shelf, made: Path) -> None:
    shelf.use(str(made))
    shutil.rmtree(shelf.folder / "河东")
    with pytest.raises(BadModel, match="没有这个文件"):
        shelf.current()


def test_a_model_that_was_changed_where_it_lies_is_not_the_one_chosen(shelf: Shelf, made: Path, other: Path) -> None:
    _, annotator = shelf.use(str(made))
    shutil.copy2(other / "linear.zst", shelf.folder / "河东" / "linear.zst")
    with pytest.raises(BadModel, match=f"选用的是 {annotator.version}"):
        shelf.current()
    shelf.use("河东")
    assert shelf.current().version != annotator.version


@pytest.mark.parametrize("words", ["", "{", "[]", '{"name": "x"}'])
def test_a_choice_that_cannot_be_read_is_an_error(shelf: Shelf, words: str) -> None:
    shelf.folder.mkdir(parents=True)
    (shelf.folder / CHOICE).write_text(words, encoding="utf-8")
    with pytest.raises(BadModel, match=CHOICE):
        shelf.current()


# --- what is meant ------------------------------------------------------------------------------------------------------
def test_what_there_is_not_is_told_with_what_there_is(shelf: Shelf, made: Path) -> None:
    shelf.use(str(made))
    with pytest.raises(BadRequest, match="现有：shipped、河东"):
        shelf.use("河西")


def test_a_name_that_is_a_folder_here_too_is_not_guessed(
    shelf: Shelf, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.use(str(made))
    monkeypatch.chdir(made.parent)
    with pytest.raises(BadRequest, match=r"\./河东"):
        shelf.use("河东")
    assert shelf.use("./河东")[0] == "河东"
    assert shelf.use(str(shelf.folder / "河东"))[0] == "河东"


# --- deaths -------------------------------------------------------------------------------------------------------------
USE = """
import os, sys
from pathlib import Path
from nlp import shelf
step = int(sys.argv[3])
def dying(act):
    def maybe(*a, **k):
        global step
        step -= 1
        if step < 0:
            os._exit(9)
        return act(*a, **k)
    return maybe
shelf._to_disk = dying(shelf._to_disk)
shelf.Path.rename = dying(shelf.Path.rename)
shelf.Path.replace = dying(shelf.Path.replace)
shelf.Shelf(Path(sys.argv[1])).use(sys.argv[2])
print("whole")
"""


@pytest.mark.slow
def test_a_death_at_any_step_leaves_the_old_choice_or_the_new_one(shelf: Shelf, made: Path, other: Path) -> None:
    old = shelf.use(str(made))[1].version
    new = checked(other, "other").version
    seen = []
    for step in range(20):
        command = [sys.executable, "-c", USE, str(shelf.folder), str(other), str(step)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seen.append(shelf.current().version)
        assert seen[-1] in (old, new)
        assert all(checked(shelf.folder / name, name) for name in shelf.names())
        if done.stdout.strip() == "whole":
            break
        assert done.returncode == 9, done.stderr
        shelf.use("河东")
        shutil.rmtree(shelf.folder / "河东-2", ignore_errors=True)
    assert seen[0] == old
    assert seen[-1] == new
    assert step >= 6, "each step had its death"


# --- with an encoder ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def hybrid(small: Any, trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `minsheng train heads` writes it, and what does not belong to a model beside it."""
    from nlp.classifier import ENCODED, HEADS, POLARITY
    from nlp.encoder import Encoder
    from nlp.heads import Head
    from nlp.hybrid import HybridClassifier, Mix

    folder = tmp_path_factory.mktemp("hybrid") / "混合"
    more = {head: Head(labels, thresholds=(0.5,) * len(labels)) for head, labels in ENCODED.items()}
    settings = {**trained.model.settings, **more}
    encoder = Encoder.load(small.folder, {head: len(setting.labels) for head, setting in settings.items()})
    HybridClassifier(settings, trained.model, encoder, dict.fromkeys((*HEADS, *POLARITY), Mix(0.5))).save(folder)
    for name in ("encoder.onnx.zst", "vocab.txt"):
        shutil.copyfile(small.folder / name, folder / name)
    (folder / "checkpoint.pt").write_bytes(b"of the training")
    return folder


def test_a_model_with_an_encoder_is_copied_whole_and_nothing_else(shelf: Shelf, hybrid: Path) -> None:
    name, annotator = shelf.use(str(hybrid))
    assert annotator.version.startswith("hybrid-")
    assert sorted(path.name for path in (shelf.folder / name).iterdir()) == [
        "encoder.onnx.zst", "hybrid.json", "linear.zst", "vocab.txt",
    ]  # fmt: skip
    assert shelf.current().version == annotator.version


@pytest.mark.parametrize("file", ["encoder.onnx.zst", "vocab.txt", "hybrid.json", "linear.zst"])
@pytest.mark.parametrize("damage", [cut, overwrite, Path.unlink], ids=["cut", "overwritten", "missing"])
def test_any_part_that_is_damaged_is_found(
    shelf: Shelf, hybrid: Path, tmp_path: Path, file: str, damage: Callable[[Path], object]
) -> None:
    shelf.use(str(hybrid))
    bad = shutil.copytree(hybrid, tmp_path / "坏的")
    damage(bad / file)
    with pytest.raises(BadModel, match="在用的模型没有变"):
        shelf.use(str(bad))
    assert shelf.names() == ["混合"]
    damage(shelf.folder / "混合" / file)
    with pytest.raises(BadModel, match="混合"):
        shelf.current()
