"""`minsheng train encoder`: pre-training by masked tokens, on a GPU or on the cores of a CPU, from checkpoint to checkpoint.

1. The rate of learning rises over the first `WARM_UP` of the budget and falls in a straight line to nothing at its end.
2. The last `FINAL_PART` of the budget reads civic and spoken text only.
3. Every process reads batches of its own; gradients are averaged once a step.
4. A checkpoint holds all that a later run needs; it is written beside the old one and then takes its place.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.errors import BadFile, BadRequest, TrainingStopped
from nlp.tokenizer import LENGTH, VOCABULARY_FILE, Tokenizer
from nlp.training.embeddings import start_vectors
from nlp.training.gpu_streams import GpuStreams
from nlp.training.masked_model import (
    CONFIG,
    Shape,
    empty_encoder,
    guesser,
    has_weights,
    load_encoder,
    masked_language_model,
    new_encoder,
    save_encoder,
    shape_of,
    take_head,
)
from nlp.training.processes import Stopped, average, together
from nlp.training.streams import FINAL, MAIN, Streams, kept_streams, load_streams, sources, text_folder
from nlp.training.vocabulary import choose, count_sources

WARM_UP: Final = 0.05
FINAL_PART: Final = 0.2
CLIP: Final = 0.5  # methods.md §1 (cramming)
BETAS: Final = (0.9, 0.98)
DECAY: Final = 0.01
SMOOTHING: Final = 0.98  # of the loss and the speed that are reported
PAUSE_SECONDS: Final = 60.0  # a step that takes longer was paused; the pause does not count
CHECKPOINT: Final = "checkpoint.pt"
TOLD: Final = "training.json"  # what the encoder of a folder has read: for the model card
_START: Final = "start.npy"


@dataclass(frozen=True)
class Plan:
    """What a run does. It ends when either budget is used up: `tokens`, or `seconds` of training, earlier runs included."""

    shape: Shape = field(default_factory=Shape)
    tokens: int = 300_000_000
    seconds: float = float("inf")
    rows: int = 32  # passages of `LENGTH` tokens a step and process
    rate: float = 1.2e-3  # methods.md §1: 1e-3 … 1.5e-3
    processes: int = 1
    seed: int = 1
    checkpoint_seconds: float = 300.0
    compiled: bool = True  # by torch.compile: a minute at the start, a faster step ever after

    def used(self, state: State) -> float:
        """Part of the budget, 0 … 1."""
        return min(1.0, max(state.tokens / self.tokens, state.seconds / self.seconds))


@dataclass
class State:
    """How far a run has come."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = float("nan")  # mean nats a masked token, smoothed
    tokens_per_second: float = 0.0  # smoothed


Report = Callable[[State, float], None]


def train(data: Path, folder: Path, plan: Plan, report: Report, tokenizer: Tokenizer | None = None, *,
          say: Callable[[str], None] = lambda _: None, stopped: Stopped = lambda: False) -> State:  # fmt: skip
    """Pre-train until the budget is used, and leave an encoder and its vocabulary in `folder`, in transformers' form.

    Resumes from the folder's checkpoint, also that of a finished run with a smaller budget; an encoder there without a
    checkpoint is trained further from its weights.

    Args:
        data: folder with pretrain/ and, if there is one, labelled/.
        report: called after every step with the state and the part of the budget that is used.
        say: called with the name of each step of the preparation.
        stopped: asked after every step; where it is true the run writes a checkpoint and ends.

    Raises:
        BadFile: no texts there, or what is in the folder is damaged or does not fit.
        BadRequest: another run is writing the folder.
        TrainingStopped: a process died, or the loss is no number any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _prepare(text_folder(data), folder, plan, tokenizer, say)
        if plan.processes == 1:
            return run(folder, plan, "", 0, report, stopped)
        with tempfile.TemporaryDirectory() as meeting:
            state: State = together(plan.processes, run, (folder, plan, f"{meeting}/point"), report, stopped)
        return state


def about(folder: Path) -> str:
    """What an encoder is and what it has read, in a sentence for the model card."""
    shape, told = shape_of(folder), folder / TOLD
    words = f"编码器：BERT，{shape.layers} 层 × {shape.hidden}，" if shape else "编码器："
    words += f"词表 {len(Tokenizer.load(folder)):,}"
    if told.is_file():
        read = json.loads(told.read_text())
        words += f"；预训练读过 {read['tokens'] / 1e6:.1f} 百万词元，末尾遮蔽词元损失 {read['loss']:.2f}"
        return words + "；预训练文本含留言板原文，其中有留出行的正文（没有标签）"
    return words + "；没有预训练的记录，读过哪些文本、其中有没有留出行的正文，未知"


def rate_at(progress: float) -> float:
    """Share of the highest rate at a part 0 … 1 of the budget."""
    return min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP), 1.0) if progress < 1 else 0.0


def device() -> str:
    """The device of training: a GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def half_precision(name: str) -> bool:
    """Whether bfloat16 is worth it: on a GPU or a CPU that multiplies it (5 times the speed; slower on any other)."""
    import torch

    if name == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two runs on one folder would write over each other's checkpoint."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadRequest(
                name="--output", value=str(folder), reason="另一次训练正在写这个目录。请等它结束，或换一个目录"
            ) from error
        yield


def _prepare(data: Path, folder: Path, plan: Plan, tokenizer: Tokenizer | None, say: Callable[[str], None]) -> None:
    """Vocabulary, streams and, for a new encoder, its first word vectors into the folder."""
    there = shape_of(folder)
    if there not in (None, plan.shape):
        raise BadFile(
            file=str(folder / CONFIG), reason=f"那里的编码器是 {there}，要的是 {plan.shape}。换形状请换一个目录"
        )
    if tokenizer is None:
        tokenizer = _vocabulary(data, folder, say)
    tokenizer.save(folder)
    say("把文本变成词元")
    streams = load_streams(data, tokenizer, folder / "streams")
    if not has_weights(folder) and not (folder / CHECKPOINT).is_file():
        say("由词的共现算起始词向量")
        vectors = start_vectors(streams.tokens.values(), len(tokenizer), plan.shape.hidden, tokenizer.numbers)
        np.save(folder / "streams" / _START, vectors)


def _vocabulary(data: Path, folder: Path, say: Callable[[str], None]) -> Tokenizer:
    """The vocabulary of the folder, else a new one from the texts of `data`."""
    if has_weights(folder) or any((folder / name).is_file() for name in (VOCABULARY_FILE, CHECKPOINT)):
        return Tokenizer.load(folder)
    say("读取文本，选定词表")
    return Tokenizer(choose(count_sources(sources(data), MAIN)))


def run(folder: Path, plan: Plan, meeting: str, rank: int, report: Report, stopped: Stopped) -> State:
    """One process's part of the training; the first one writes the checkpoints.

    Args:
        folder: with vocabulary and streams, as `train` leaves them.
        meeting: a file through which several processes find each other; empty: this one is alone.
    """
    import torch

    tokenizer = Tokenizer.load(folder)
    streams = kept_streams(folder / "streams", len(tokenizer), tokenizer.numbers)
    if streams is None:
        raise BadFile(file=str(folder / "streams"), reason="词元文件读不出。删去该目录后重新运行")
    if meeting:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank,
                                             world_size=plan.processes, timeout=timedelta(hours=4))  # fmt: skip
    work = Work(rank, plan, folder, streams, len(tokenizer))
    work.resume()
    if rank == 0 and not (folder / CONFIG).is_file():  # the shape, for the next run
        work.model.encoder.config.to_json_file(folder / f"{CONFIG}.part")
        (folder / f"{CONFIG}.part").replace(folder / CONFIG)
    if _step_by_step(work, report, stopped) and rank == 0:
        save_encoder(work.model.encoder, folder)
        told = {"tokens": work.state.tokens, "loss": round(work.state.loss, 4), "seconds": round(work.state.seconds)}
        (folder / TOLD).write_text(json.dumps(told) + "\n")
    if meeting:
        torch.distributed.destroy_process_group()
    return work.state


def _step_by_step(work: Work, report: Report, stopped: Stopped) -> bool:
    """Whether the budget is used; else somebody wanted to stop. Checkpoints on the way and at the end."""
    plan, saved, stop = work.plan, time.monotonic(), False
    while not stop and (used := plan.used(work.state)) < 1:
        stop = work.advance(used, stopped())
        report(work.state, plan.used(work.state))
        if work.rank == 0 and time.monotonic() - saved > plan.checkpoint_seconds:
            work.save()
            saved = time.monotonic()
    if work.rank == 0:
        work.save()
    return plan.used(work.state) >= 1


class Work:
    """Model, optimiser and state of one process."""

    def __init__(self, rank: int, plan: Plan, folder: Path, streams: Streams, vocabulary: int) -> None:
        import torch

        torch.manual_seed(plan.seed)
        self.rank, self.plan, self.folder, self.streams = rank, plan, folder, streams
        self.device = device()
        self.on_gpu = GpuStreams(streams, self.device) if self.device == "cuda" else None
        self.model = _guesser(folder, plan.shape, vocabulary).to(self.device).eval()  # no dropout
        if self.on_gpu:  # where the fused attention is the faster one
            self.model.encoder.set_attn_implementation("sdpa")
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=plan.rate, betas=BETAS, weight_decay=DECAY, fused=True
        )
        self.half = half_precision(self.device)
        able = plan.compiled and (self.device == "cuda" or shutil.which("g++") is not None)
        self.forward = torch.compile(self.model) if able else self.model
        self.state = State()
        self.clock = time.monotonic()
        self.warm = False  # the first step of a run compiles, and tells nothing of the speed

    def advance(self, used: float, stop: bool = False) -> bool:
        """One step of every process at a part of the budget; whether one of them wants to stop."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * rate_at(max(used, 1e-4))
        passes = FINAL if used > 1 - FINAL_PART else MAIN
        parts = self._batch((self.plan.seed, self.state.step, self.rank), passes)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            loss = self.forward(*parts)
        loss.backward()
        told = (loss.item(), self._seconds(), float(stop))
        value, seconds, stops = told if self.plan.processes == 1 else average(self.model, self.plan.processes, *told)
        length = torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP).item()
        if not math.isfinite(value + length):
            raise TrainingStopped(reason=f"第 {self.state.step} 步的损失或梯度不是有限的数，请用较小的 --rate")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._count(value, seconds, self.plan.rows * LENGTH * self.plan.processes)
        return stops > 0

    def _batch(self, seed: tuple[int, ...], passes: Mapping[str, float]) -> Iterable[Any]:
        """ids, positions and truth on the device."""
        import torch

        if self.on_gpu:
            return self.on_gpu.batch(seed, self.plan.rows, LENGTH, passes)
        batch = self.streams.batch(seed, self.plan.rows, LENGTH, passes)
        return map(torch.from_numpy, (batch.ids, batch.positions, batch.truth))

    def _seconds(self) -> float:
        """Since the last step's."""
        before, self.clock = self.clock, time.monotonic()
        return min(self.clock - before, PAUSE_SECONDS)

    def _count(self, loss: float, seconds: float, tokens: int) -> None:
        state, speed = self.state, tokens / max(seconds, 1e-9)
        state.loss = loss if math.isnan(state.loss) else SMOOTHING * state.loss + (1 - SMOOTHING) * loss
        if self.warm:
            before = state.tokens_per_second or speed
            state.tokens_per_second = SMOOTHING * before + (1 - SMOOTHING) * speed
        self.warm = True
        state.step, state.tokens, state.seconds = state.step + 1, state.tokens + tokens, state.seconds + seconds

    def save(self) -> None:
        """Write the checkpoint."""
        import torch

        partial = self.folder / f"{CHECKPOINT}.part"
        with partial.open("wb") as file:
            torch.save({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                        "state": asdict(self.state)}, file)  # fmt: skip
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / CHECKPOINT)

    def resume(self) -> None:
        """Take over the checkpoint, if there is one.

        Raises:
            BadFile: it is damaged, or of another shape or vocabulary.
        """
        import torch

        path = self.folder / CHECKPOINT
        if not path.is_file():
            return
        try:
            kept = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(kept["model"])
            self.optimizer.load_state_dict(kept["optimizer"])
            self.state = State(**kept["state"])
        except (RuntimeError, LookupError, TypeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise BadFile(
                file=str(path), reason=f"检查点读不出或与词表、形状不符（{type(error).__name__}）。删去它可从头训练"
            ) from error


def _guesser(folder: Path, shape: Shape, vocabulary: int) -> Any:
    """The encoder of the folder, with the head that its checkpoint brings; a new one where there is none."""
    if (folder / CHECKPOINT).is_file():
        return guesser(empty_encoder(folder) if (folder / CONFIG).is_file() else new_encoder(shape, vocabulary))
    if not has_weights(folder):
        return guesser(new_encoder(shape, vocabulary, np.load(folder / "streams" / _START)))
    given = masked_language_model(folder)
    model = guesser(load_encoder(folder) if given is None else given.bert)
    if given is not None:
        take_head(model, given)
    return model
