"""The models of a city: folders under HOME/models, one of which, or the shipped one, is in use.

1. A folder from elsewhere is loaded and has to read a text before it is copied; the copy is loaded again and then renamed into its
   place, so that no half of a model ever has a name.
2. What is in use is one small file, replaced as a whole. It names the version, too: a model that was changed where it lies
   is not the one that was chosen.
3. A model in use that cannot be loaded is an error, never a reason to go on with another one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.errors import BadFile, BadModel, BadRequest, MissingPart
from nlp.city import FILE as CITY_FILE
from nlp.encoder import GRAPH
from nlp.hybrid import FILE as HYBRID_FILE
from nlp.linear import FILE as LINEAR_FILE
from nlp.tokenizer import VOCABULARY_FILE

if TYPE_CHECKING:
    from nlp.annotate import Annotator

SHIPPED: Final = "shipped"
CHOICE: Final = "in_use.json"
CARD: Final = "card.json"
FILES: Final = (LINEAR_FILE, HYBRID_FILE, GRAPH, VOCABULARY_FILE, CITY_FILE, CARD, "model_card.md")
PROBE: Final = ("青松路路灯不亮", "青松路南段的路灯三天不亮，晚上老人出门看不清台阶，请尽快修好。")
_NAME: Final = re.compile(r"\w[\w.-]{0,63}")
_UNCHANGED: Final = "在用的模型没有变"

Mark = tuple[int, int, int]


@dataclass(frozen=True)
class Choice:
    """What is in use: a folder of the shelf and the version that it had when it was chosen."""

    name: str
    version: str


class Shelf:
    """The folder HOME/models; it need not exist until a model is taken in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- what is in use ----------------------------------------------------------------------------------------------
    def mark(self) -> Mark | None:
        """Changes whenever another model is chosen; None: the shipped one. One look at a file's place and time."""
        try:
            found = os.stat(self.folder / CHOICE)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def choice(self) -> Choice | None:
        """What is in use; None: the shipped one.

        Raises:
            BadModel: the file that says so cannot be read.
        """
        path = self.folder / CHOICE
        try:
            kept = json.loads(path.read_bytes())
            return Choice(str(kept["name"]), str(kept["version"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadModel(model=str(path), reason=f"读不出在用的是哪一个（{error}）") from error

    def current(self) -> Annotator:
        """An annotator with the model in use.

        Raises:
            BadModel: it is damaged, gone, or no longer the version that was chosen.
        """
        chosen = self.choice()
        if chosen is None:
            return checked(None, SHIPPED)
        annotator = checked(self.folder / chosen.name, chosen.name)
        if annotator.version != chosen.version:
            reason = f"文件夹 {self.folder / chosen.name} 里现在是 {annotator.version}，选用的是 {chosen.version}"
            raise BadModel(model=chosen.name, reason=reason)
        return annotator

    # --- what there is -----------------------------------------------------------------------------------------------
    def names(self) -> list[str]:
        """The folders of the shelf, in order; not the shipped one."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))

    def find(self, words: str) -> Path | None:
        """The folder that a name or a path means; None: the shipped one.

        Raises:
            BadRequest: there is no such model, or the words mean two.
        """
        if words == SHIPPED:
            return None
        own, path = self.folder / words, Path(words)
        named = words in self.names()
        if named and path.is_dir() and not path.samefile(own):
            reason = f"既是已有的模型，又是当前目录里的文件夹。请写全：{own} 或 ./{words}"
            raise BadRequest(name="模型", value=words, reason=reason)
        if named or path.is_dir():
            return own if named else path
        known = "、".join([SHIPPED, *self.names()])
        raise BadRequest(name="模型", value=words, reason=f"没有这个模型，也没有这个文件夹。现有：{known}")

    def open(self, words: str) -> Annotator:
        """An annotator with the model that a name or a path means.

        Raises:
            BadRequest, BadModel
        """
        return checked(self.find(words), words)

    # --- choosing ----------------------------------------------------------------------------------------------------
    def use(self, words: str) -> tuple[str, Annotator]:
        """Put a model in use; its name on the shelf, and an annotator with it. A folder from elsewhere is copied in first.

        Raises:
            BadRequest, BadModel: what was in use stays.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone():
                folder = self.find(words)
                name = SHIPPED if folder is None else folder.resolve().name
                if folder is not None and folder.resolve().parent != self.folder.resolve():
                    name = self._take(folder)
                annotator = checked(None if name == SHIPPED else self.folder / name, name)
                self._choose(name, annotator.version)
        except BadModel as error:
            raise BadModel(model=words, reason=f"{error.fields['reason']}；{_UNCHANGED}") from error
        except OSError as error:
            raise BadModel(model=words, reason=f"{self.folder} 不能写入（{error}）；{_UNCHANGED}") from error
        return name, annotator

    def _take(self, folder: Path) -> str:
        """Copy a folder from elsewhere onto the shelf, once it has shown that it works; its name there."""
        version = checked(folder, str(folder)).version
        for old in self.folder.glob(".new-*"):  # of a copy that was killed: nobody else copies now
            shutil.rmtree(old)
        copy = self.folder / f".new-{secrets.token_hex(6)}"
        try:
            copy.mkdir(mode=0o700)
            for name in FILES:
                if (folder / name).is_file():
                    shutil.copy2(folder / name, copy / name)
                    _to_disk(copy / name)
            _to_disk(copy)
            if (found := checked(copy, str(folder)).version) != version:
                raise BadModel(model=str(folder), reason=f"复制时内容变了（{version} → {found}）")
            name = self._free_name(folder.resolve().name, version)
            if not (self.folder / name).exists():
                copy.rename(self.folder / name)
                _to_disk(self.folder)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        return name

    def _free_name(self, wanted: str, version: str) -> str:
        """The folder's own name; with a number behind it where another model has that name already."""
        plain = re.sub(r"[^\w.-]+", "-", wanted).strip("-.")[:50] or "model"
        plain = f"{plain}-1" if plain in (SHIPPED, CHOICE) else plain
        taken, name, number = self.names(), plain, 1
        while name in taken:
            with suppress(BadModel):
                if checked(self.folder / name, name).version == version:
                    return name
            number += 1
            name = f"{plain}-{number}"
        return name

    def _choose(self, name: str, version: str) -> None:
        path = self.folder / CHOICE
        if name == SHIPPED:
            path.unlink(missing_ok=True)
        else:
            part = path.with_name(f".{CHOICE}.part")
            part.write_text(json.dumps({"name": name, "version": version}, ensure_ascii=False) + "\n", encoding="utf-8")
            _to_disk(part)
            part.replace(path)
        _to_disk(self.folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes the shelf."""
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def checked(folder: Path | None, named: str) -> Annotator:
    """An annotator of a folder (None: the shipped weights) that has read a text.

    Raises:
        BadModel: it cannot be loaded, is a part of a model only, lacks a head, or does not give probabilities.
    """
    from nlp.annotate import Annotator, Draft
    from nlp.classifier import HEADS

    if folder and (folder / GRAPH).exists() and not (folder / HYBRID_FILE).exists():
        raise BadModel(model=named, reason=f"{folder} 里有 {GRAPH}，却没有 {HYBRID_FILE}")
    try:
        annotator = Annotator.load(folder)
        if missing := [head for head in HEADS if head not in annotator.classifier.heads]:
            raise BadModel(model=named, reason=f"缺少 {'、'.join(missing)}")
        (reading,) = annotator.annotate([Draft(*PROBE)])
        for head, row in reading.probabilities.items():
            if not abs(sum(row.values()) - 1) < 1e-3:  # also where one is no number
                raise BadModel(model=named, reason=f"{head} 的概率之和是 {sum(row.values())}")
    except (BadModel, MissingPart):
        raise
    except BadFile as error:
        raise BadModel(model=named, reason=f"{error.fields['file']} {error.fields['reason']}") from error
    except Exception as error:  # a damaged file breaks wherever it is read: in zip, zstd, numpy or onnxruntime
        raise BadModel(model=named, reason=f"读不了试读的文本（{type(error).__name__}：{error}）") from error
    return annotator


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
