"""`minsheng train encoder`: pre-training by masked tokens, on a GPU or on the cores of a CPU, from checkpoint to checkpoint.

1. The rate of learning rises over the first `WARM_UP` of the budget and falls in a straight line to nothing at its end.
2. The last `FINAL_PART` of the budget reads civic and spoken text only.
3. Every process reads batches of its own; gradients are averaged once a step.
4. A checkpoint holds all that a later run needs; it is written beside the old one and then takes its place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from models.errors import BadFile
from nlp.tokenizer import LENGTH, Tokenizer
from nlp.training.masked_model import Shape, guesser, load_encoder, new_encoder, save_encoder
from nlp.training.streams import FINAL, MAIN, Streams, load_streams

WARM_UP: Final = 0.05
FINAL_PART: Final = 0.2
CLIP: Final = 0.5  # methods.md §1 (cramming)
BETAS: Final = (0.9, 0.98)
DECAY: Final = 0.01
PAUSE_SECONDS: Final = 60.0  # a step that takes longer was paused; the pause does not count
CHECKPOINT: Final = "checkpoint.pt"


@dataclass(frozen=True)
class Plan:
    """What a run does. It ends when either budget is used up: `tokens`, or `seconds` of training."""

    shape: Shape = field(default_factory=Shape)
    tokens: int = 300_000_000
    seconds: float = float("inf")
    rows: int = 32  # passages of `LENGTH` tokens a step and process
    rate: float = 1.2e-3  # methods.md §1: 1e-3 … 1.5e-3
    processes: int = 1
    seed: int = 1
    checkpoint_seconds: float = 300.0


@dataclass
class State:
    """How far a run has come."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = float("nan")  # of the last steps, smoothed
    tokens_per_second: float = 0.0


Report = Callable[[State, float], None]


def train(data: Path, folder: Path, plan: Plan, report: Report, tokenizer: Tokenizer | None = None) -> State:
    """Pre-train until the budget is used, and leave an encoder and its vocabulary in `folder`, in transformers' form.

    Resumes from the folder's checkpoint; an encoder there without a checkpoint is trained further from its weights.

    Args:
        data: folder with pretrain/ and, if there is one, labelled/.
        report: called after every step with the state and the part of the budget that is used.

    Raises:
        BadFile: no texts there, or a vocabulary that belongs to another encoder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer or vocabulary(data, folder)
    tokenizer.save(folder)
    streams = load_streams(data, tokenizer, folder / "streams")
    if plan.processes < 2:
        return _run(0, plan, folder, streams, "", report)
    import torch.multiprocessing

    with tempfile.TemporaryDirectory() as meeting:
        context = torch.multiprocessing.get_context("spawn")
        others = [context.Process(target=_other, args=(rank, data, plan, folder, f"{meeting}/point"), daemon=True)
                  for rank in range(1, plan.processes)]  # fmt: skip
        for other in others:
            other.start()
        try:
            return _run(0, plan, folder, streams, f"{meeting}/point", report)
        finally:
            for other in others:
                other.join(timeout=30)
                other.kill()


def vocabulary(data: Path, folder: Path) -> Tokenizer:
    """The vocabulary of the folder, else a new one from the texts of `data`."""
    from nlp.training.streams import sources
    from nlp.training.vocabulary import choose, count_words

    if (folder / "vocab.txt").is_file():
        return Tokenizer.load(folder)
    counts: dict[str, float] = {}
    for name, texts in sources(data).items():
        for word, n in count_words(texts).items():
            counts[word] = counts.get(word, 0.0) + n * MAIN.get(name, 1.0)
    return Tokenizer(choose(counts))


def rate_at(progress: float) -> float:
    """Share of the highest rate at a part 0 … 1 of the budget."""
    return min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP), 1.0) if progress < 1 else 0.0


def device() -> str:
    """The device of training: a GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def half_precision(name: str) -> bool:
    """Whether bfloat16 is worth it: on a GPU, and on a CPU that multiplies it (5 times the speed; slower on any other)."""
    import torch

    return name == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def _other(rank: int, data: Path, plan: Plan, folder: Path, meeting: str) -> None:
    streams = load_streams(data, Tokenizer.load(folder), folder / "streams")
    _run(rank, plan, folder, streams, meeting, lambda *_: None)


def _run(rank: int, plan: Plan, folder: Path, streams: Streams, meeting: str, report: Report) -> State:
    """One process's part of the training; the first one writes the checkpoints."""
    import torch

    if meeting:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank,
                                             world_size=plan.processes, timeout=timedelta(hours=4))  # fmt: skip
    work = _Work(rank, plan, folder, streams, shared=bool(meeting))
    try:
        work.resume()
        saved = time.monotonic()
        while (progress := work.progress()) < 1:
            work.advance(progress)
            report(work.state, work.progress())
            if rank == 0 and time.monotonic() - saved > plan.checkpoint_seconds:
                work.save()
                saved = time.monotonic()
        if rank == 0:
            work.save()
            save_encoder(work.model.encoder, folder)
    finally:
        if meeting:
            torch.distributed.destroy_process_group()
    return work.state


class _Work:
    """Model, optimiser and state of one process."""

    def __init__(self, rank: int, plan: Plan, folder: Path, streams: Streams, *, shared: bool) -> None:
        import torch

        torch.manual_seed(plan.seed)
        self.rank, self.plan, self.folder, self.streams, self.shared = rank, plan, folder, streams, shared
        self.device = device()
        self.model = guesser(self._encoder()).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=plan.rate, betas=BETAS, weight_decay=DECAY, fused=True
        )
        self.half = half_precision(self.device)
        compiled = self.device == "cuda" or shutil.which("g++") is not None
        self.forward = torch.compile(self.model) if compiled else self.model
        self.state = State()

    def _encoder(self) -> Any:
        if (self.folder / "model.safetensors").is_file():
            return load_encoder(self.folder)
        from nlp.training.embeddings import start_vectors

        size = len(Tokenizer.load(self.folder))
        return new_encoder(
            self.plan.shape, size, start_vectors(self.streams.tokens.values(), size, self.plan.shape.hidden)
        )

    def progress(self) -> float:
        return min(1.0, max(self.state.tokens / self.plan.tokens, self.state.seconds / self.plan.seconds))

    def advance(self, progress: float) -> None:
        """One step of every process."""
        import torch

        began = time.monotonic()
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * rate_at(max(progress, 1e-4))
        passes = FINAL if progress > 1 - FINAL_PART else MAIN
        batch = self.streams.batch((self.plan.seed, self.state.step, self.rank), self.plan.rows, LENGTH, passes)
        ids, positions, truth = (
            torch.from_numpy(part).to(self.device) for part in (batch.ids, batch.positions, batch.truth)
        )
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            loss = self.forward(ids, positions, truth)
        loss.backward()
        seconds = min(time.monotonic() - began, PAUSE_SECONDS)
        value, seconds = self._averaged(loss.item(), seconds)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._count(value, seconds, ids.numel() * self.plan.processes)

    def _averaged(self, *numbers: float) -> tuple[float, ...]:
        """Gradients of all processes averaged in place; the means of `numbers` with them."""
        if not self.shared:
            return numbers
        import torch

        gradients = [weight.grad for weight in self.model.parameters() if weight.grad is not None]
        flat = torch.cat([*(gradient.ravel() for gradient in gradients), torch.tensor(numbers)])
        torch.distributed.all_reduce(flat)
        flat /= self.plan.processes
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return tuple(flat[start:].tolist())

    def _count(self, loss: float, seconds: float, tokens: int) -> None:
        state = self.state
        state.loss = loss if state.loss != state.loss else 0.98 * state.loss + 0.02 * loss
        state.tokens_per_second = tokens / max(seconds, 1e-9)
        state.step, state.tokens, state.seconds = state.step + 1, state.tokens + tokens, state.seconds + seconds

    def save(self) -> None:
        import torch

        partial = self.folder / f"{CHECKPOINT}.part"
        with partial.open("wb") as file:
            torch.save({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                        "state": asdict(self.state)}, file)  # fmt: skip
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / CHECKPOINT)

    def resume(self) -> None:
        import torch

        path = self.folder / CHECKPOINT
        if not path.is_file():
            return
        try:
            kept = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(kept["model"])
        except (RuntimeError, KeyError, EOFError, OSError) as error:
            raise BadFile(
                file=str(path), reason=f"检查点读不出或与词表、形状不符（{type(error).__name__}）。删去它可从头训练"
            ) from error
        self.optimizer.load_state_dict(kept["optimizer"])
        self.state = State(**kept["state"])
