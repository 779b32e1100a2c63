"""`minsheng train heads`: fine-tune an encoder under all heads at once; a label that a row lacks is left out of its loss.

Each head is one linear layer on one vector, the mean of the encoder's last layer. The sentiment of a review is known as
content or not; it teaches through the share of contentment that `nlp.classifier.content` gives to the levels.
"""

from __future__ import annotations

import math
import pickle
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.classifier import CONTENT_OF_LEVEL, ENCODED, HEADS, SECOND
from nlp.encoder import best_span
from nlp.training.encoder import device, half_precision
from nlp.training.examples import Batch, Examples, Taught, batches, epoch
from nlp.training.masked_model import load_encoder
from nlp.training.processes import Stopped, average, together
from nlp.training.rows import NO_LABEL

SIZES: Final = {head: len(labels) for head, labels in (HEADS | ENCODED).items()}
WARM_UP: Final = 0.06
CLIP: Final = 1.0
SMOOTHING: Final = 0.05
DROPOUT: Final = 0.1
IMPOSSIBLE: Final = -1e4
# What a head's loss counts for beside the others: those with many labels start from larger losses.
LOSSES: Final = {
    "topic": 1.0,
    "subtopic": 0.7,
    "demand_type": 1.0,
    "department": 1.0,
    "urgency": 0.7,
    "sentiment": 0.7,
    "emotion": 1.0,
    "polarity": 1.0,
    "second_topic": 0.5,
    "second_department": 0.5,
}
PLACE_LOSS: Final = 1.0
TAUGHT: Final = 0.5  # what a teacher's word counts for beside a label


@dataclass(frozen=True)
class Recipe:
    """How heads are fitted. `rate` after methods.md §1: small encoders want 1e-4 … 4e-4."""

    epochs: int = 3
    again: int = 2  # epochs with a teacher's word, after those on labels alone
    rate: float = 4e-4
    seed: int = 1
    processes: int = 1
    compiled: bool = True


Report = Callable[[float, float], None]  # part done 0 … 1, loss


def reader(encoder: Any, heads: Mapping[str, int]) -> Any:
    """Module: (ids, types) → (n, Σ k) logits of all heads side by side, in the order of `heads`, and (n, length, 2) logits of
    each token to be the first or the last of the place; the first token stands for "no place".
    """
    import torch
    from torch import nn

    class Reader(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.drop = nn.Dropout(DROPOUT)
            self.heads = nn.Linear(encoder.config.hidden_size, sum(heads.values()))
            self.places = nn.Linear(encoder.config.hidden_size, 2)

        def forward(self, ids: Any, types: Any) -> Any:
            mask = (ids != 0).long()
            hidden = self.encoder(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state
            share = mask.unsqueeze(-1).to(hidden.dtype)
            vector = (hidden * share).sum(1) / share.sum(1).clamp(min=1)
            places = self.places(hidden) + (share - 1) * -IMPOSSIBLE
            return self.heads(self.drop(vector)), places

    torch.manual_seed(0)
    return Reader()


def columns(heads: Mapping[str, int]) -> dict[str, slice]:
    """Where each head's logits lie."""
    ends = np.cumsum(list(heads.values()))
    return {head: slice(int(end) - size, int(end)) for (head, size), end in zip(heads.items(), ends, strict=True)}


def loss_of(logits: Any, places: Any, batch: Mapping[str, Any], heads: Mapping[str, int]) -> Any:
    """Loss summed over heads with the weights `LOSSES`, and that of the place; a mean over the texts of the batch, so that a
    label few of them have does not count for more in poor company.
    """
    total, rows = logits.new_zeros(()), batch["real"].sum().clamp(min=1)
    for head, place in columns(heads).items():
        losses, weight = _losses(head, logits[:, place].float(), batch)
        total = total + LOSSES[head] * (losses * weight).sum() / rows
    return total + PLACE_LOSS * _place_loss(places, batch["span"]) / rows


def _losses(head: str, own: Any, batch: Mapping[str, Any]) -> tuple[Any, Any]:
    """Loss (n,) of a head and what each text's counts for."""
    import torch
    from torch.nn.functional import cross_entropy

    if head == "polarity":
        content = batch["content"]
        return cross_entropy(own, torch.stack([1 - content, content], 1), reduction="none"), batch["content.weight"]
    truth, weight = batch[f"{head}.truth"], batch[f"{head}.weight"]
    if head == "emotion":
        own = own.masked_fill(~batch["allowed"], IMPOSSIBLE)
    if head == "subtopic":
        own = own.masked_fill(~batch["under"], IMPOSSIBLE)
    smooth = 0.0 if head in ("emotion", "subtopic") else SMOOTHING  # no mass on what is impossible
    losses = cross_entropy(own, truth, reduction="none", label_smoothing=smooth)
    if head == "sentiment":
        share = (torch.softmax(own, 1) @ own.new_tensor(CONTENT_OF_LEVEL)).clamp(1e-4, 1 - 1e-4)
        content = (truth == len(CONTENT_OF_LEVEL) - 1).float()
        review = -(content * share.log() + (1 - content) * (1 - share).log())
        losses = torch.where(batch["review"], review, losses)
    if f"{head}.shares" in batch:
        told = cross_entropy(own, batch[f"{head}.shares"], reduction="none")
        losses = torch.where(batch[f"{head}.told"], told, losses)
    return losses, weight


def _place_loss(places: Any, span: Any) -> Any:
    """Mean over both ends, summed over the texts whose place is known."""
    from torch.nn.functional import cross_entropy

    total = places.new_zeros((), dtype=span.new_zeros(1).float().dtype)
    for end in (0, 1):
        truth = span[:, end]
        losses = cross_entropy(places[:, :, end].float(), truth.clamp(min=0), reduction="none")
        total = total + (losses * (truth >= 0).float()).sum() / 2
    return total


def tensors(found: Examples, batch: Batch, under: NDArray[np.bool_]) -> dict[str, Any]:
    """What `loss_of` wants to know of a batch. `under` (topics + 1, subtopics): which subtopics a topic has."""
    import torch

    rows, real = np.maximum(batch.rows, 0), batch.rows >= 0
    content, weight = found.polarity(rows)
    made: dict[str, Any] = {
        "ids": batch.ids, "types": batch.types, "allowed": found.allowed[found.source[rows]],
        "review": found.kind[rows] == "review", "under": under[found.labels["topic"][rows]],
        "real": real, "span": np.where(real[:, None], found.span[rows], -1), "content": content,
        "content.weight": np.where(real, weight, 0).astype(np.float32),
    }  # fmt: skip
    for head in (*HEADS, *SECOND):
        labels = found.labels[head][rows]
        made[f"{head}.truth"] = np.maximum(labels, 0)
        made[f"{head}.weight"] = np.where(real & (labels != NO_LABEL), found.weights[head][rows], 0.0).astype(
            np.float32
        )
        if found.taught and head in found.taught.shares:
            _tell(made, head, found.taught, np.where(real & (labels == NO_LABEL), found.taught.row[rows], -1))
    made["allowed"] = made["allowed"] | ~made["allowed"].any(axis=1, keepdims=True)
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in made.items()}


def _tell(made: dict[str, Any], head: str, taught: Taught, row: NDArray[np.int64]) -> None:
    """A teacher's word for the texts that have no label; `row` (n,) their place among the taught ones, −1 for others."""
    told = row >= 0
    made[f"{head}.told"] = told
    made[f"{head}.shares"] = taught.shares[head][np.maximum(row, 0)]
    made[f"{head}.weight"] = np.where(told, np.float32(TAUGHT), made[f"{head}.weight"])


def subtopics_under() -> NDArray[np.bool_]:
    """(topics + 1, subtopics); the last row, of texts without a topic, allows all."""
    topics = HEADS["topic"]
    table = np.array([[path.split("/")[0] == topic for path in HEADS["subtopic"]] for topic in topics])
    return np.concatenate([table, np.ones((1, table.shape[1]), dtype=bool)])


def fine_tune(folder: Path, found: Examples, train: NDArray[np.bool_], recipe: Recipe, report: Report, target: Path,
              start: Path | None = None) -> None:  # fmt: skip
    """Fit the reader of the encoder in `folder` on the rows `train` (n,), and write its weights to the file `target`.

    Args:
        report: called after every step with the part done, 0 … 1, and the loss, smoothed.
        start: such a file to go on from.

    Raises:
        TrainingStopped: one of `recipe.processes` processes died or failed.
    """
    work = (folder, found, train, recipe, target, start)
    if recipe.processes == 1:
        run(*work, "", 0, report, lambda: False)
        return
    with tempfile.TemporaryDirectory() as meeting:
        together(recipe.processes, run, (*work, f"{meeting}/point"), report, lambda: False)


def run(folder: Path, found: Examples, train: NDArray[np.bool_], recipe: Recipe, target: Path, start: Path | None,
        meeting: str, rank: int, report: Report, _: Stopped) -> None:  # fmt: skip
    """One process's part of `fine_tune`; the first one writes the weights."""
    import torch

    torch.manual_seed(recipe.seed + rank)
    if meeting:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank,
                                             world_size=recipe.processes, timeout=timedelta(hours=4))  # fmt: skip
    name = device()
    model = load_reader(folder, start).to(name)
    model.train()
    step = _Step(model, recipe, name, shared=bool(meeting))
    random = np.random.default_rng(recipe.seed)  # the same in every process: they share one order of batches
    plan = [batches(found, epoch(found, train, random), random) for _ in range(recipe.epochs)]
    done, steps, smooth = 0, sum(len(part) // recipe.processes for part in plan), float("nan")
    under = subtopics_under()
    for part in plan:
        for first in range(0, len(part) - recipe.processes + 1, recipe.processes):
            loss = step(tensors(found, part[first + rank], under), done / steps)
            done += 1
            smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
            report(done / steps, smooth)
    if rank == 0:
        save_reader(model, target)


def load_reader(folder: Path, weights: Path | None = None) -> Any:
    """A reader of the encoder in `folder`, with the weights that `fine_tune` wrote, else with heads that know nothing.

    Raises:
        BadFile: no encoder there, or weights that do not fit it.
    """
    import torch

    model = reader(load_encoder(folder), SIZES)
    if weights:
        try:
            model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise BadFile(
                file=str(weights), reason=f"读不出或与编码器不符（{type(error).__name__}）。删去它可重新微调"
            ) from error
    return model.eval()


class _Step:
    """One step of one process."""

    def __init__(self, model: Any, recipe: Recipe, name: str, *, shared: bool) -> None:
        import torch

        self.model, self.recipe, self.name, self.shared = model, recipe, name, shared
        self.optimizer = torch.optim.AdamW(_groups(model, recipe.rate), betas=(0.9, 0.98), fused=True)
        self.forward = torch.compile(model, dynamic=False) if recipe.compiled else model
        self.half = half_precision(name)

    def __call__(self, batch: Mapping[str, Any], progress: float) -> float:
        """The loss before the step. `progress` 0 … 1 sets the rate: up in a straight line, then down."""
        import torch

        share = max(min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP), 1.0), 1e-3)
        for group in self.optimizer.param_groups:
            group["lr"] = group["most"] * share
        made = {key: value.to(self.name) for key, value in batch.items()}
        with torch.autocast(self.name, torch.bfloat16, enabled=self.half):
            logits, places = self.forward(made["ids"], made["types"])
        loss = loss_of(logits, places, made, SIZES)
        loss.backward()
        if self.shared:
            average(self.model, self.recipe.processes)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.item())


def save_reader(model: Any, path: Path) -> None:
    """Write a reader's weights, beside and then in place of what was there."""
    import torch

    partial = path.with_name(f"part-{path.name}")
    torch.save(model.state_dict(), partial)
    partial.replace(path)


def logits_of(model: Any, found: Examples, where: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """For each head (len(where), k) logits; `span` (len(where), 2) first and last token of the place, 0 0 for none."""
    import torch

    table = np.zeros((len(found), sum(SIZES.values())), dtype=np.float32)
    spans = np.zeros((len(found), 2), dtype=np.int64)
    name = device()
    model = model.to(name)
    with torch.inference_mode():
        for batch in batches(found, where):
            logits, places = model(torch.from_numpy(batch.ids).to(name), torch.from_numpy(batch.types).to(name))
            real = batch.rows >= 0
            rows = batch.rows[real]
            table[rows] = logits.float().cpu().numpy()[real]
            for row, ends in zip(rows, places.float().cpu().numpy()[real], strict=True):
                spans[row] = best_span(ends) or (0, 0)
    return {head: table[where, place] for head, place in columns(SIZES).items()} | {"span": spans[where]}


def _groups(model: Any, rate: float) -> list[dict[str, Any]]:
    """The heads learn faster than the encoder: they start from nothing."""
    heads = list(model.heads.parameters())
    known = {id(weight) for weight in heads}
    rest = [weight for weight in model.parameters() if id(weight) not in known]
    return [{"params": rest, "most": rate, "lr": rate, "weight_decay": 0.01},
            {"params": heads, "most": 5 * rate, "lr": rate, "weight_decay": 0.01}]  # fmt: skip


def timed(report: Report, seconds: float = 20.0) -> Report:
    """`report` at most once in `seconds`, and at the end."""
    last = [0.0]

    def some(part: float, loss: float) -> None:
        if part >= 1 or time.monotonic() - last[0] > seconds:
            last[0] = time.monotonic()
            report(part, loss)

    return some
