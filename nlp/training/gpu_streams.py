"""The masked batches of `nlp.training.streams`, drawn where the model is: a GPU would wait for numpy.

Every batch is a function of the seed, the step and the process here too, with other numbers than numpy draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nlp.training.streams import MASKED_SHARE, Streams


class GpuStreams:
    """All sources in one tensor on `device`: 4 bytes a token."""

    def __init__(self, streams: Streams, device: str) -> None:
        import torch

        self._streams, self._device = streams, device
        sizes = [len(stream) for stream in streams.tokens.values()]
        joined = np.concatenate(list(streams.tokens.values())).astype(np.int32)
        self._tokens = torch.from_numpy(joined).to(device)
        self._sizes = torch.tensor(sizes, device=device)
        self._starts = torch.tensor(np.cumsum([0, *sizes[:-1]]), device=device)
        self._usual = torch.from_numpy(streams.usual).to(device)
        self._choice = torch.from_numpy(np.flatnonzero(streams.usual)).to(device)

    def batch(self, seed: tuple[int, ...], rows: int, length: int, passes: Mapping[str, float]) -> tuple[Any, Any, Any]:
        """`ids` (rows, length), `positions` (m,) in the flat rows and `truth` (m,), as `Streams.batch` has them; m is the same
        for every batch of a size: where a passage has too few usual tokens, `truth` is −100, which `cross_entropy` leaves out.
        """
        import torch

        random = torch.Generator(self._device)
        random.manual_seed(int(np.random.default_rng(seed).integers(2**62)))
        ids = self._passages(random, rows, length, passes)
        wanted = round(MASKED_SHARE * length)
        drawn = torch.rand(ids.shape, generator=random, device=self._device)
        lots, columns = drawn.masked_fill(~self._usual[ids], 2.0).topk(wanted, dim=1, largest=False)
        positions = (columns + torch.arange(rows, device=self._device)[:, None] * length).reshape(-1)
        asked = lots.reshape(-1) < 2.0
        flat = ids.reshape(-1)
        here = flat[positions]
        truth = here.masked_fill(~asked, -100)
        fate = torch.rand(here.shape, generator=random, device=self._device)
        other = self._choice[torch.randint(len(self._choice), here.shape, generator=random, device=self._device)]
        seen = torch.where(fate < 0.8, self._streams.numbers.mask, torch.where(fate < 0.9, here, other))
        flat[positions] = torch.where(asked, seen, here)
        return ids, positions, truth

    def _passages(self, random: Any, rows: int, length: int, passes: Mapping[str, float]) -> Any:
        import torch

        names, shares = self._streams.shares(passes)
        order = {name: place for place, name in enumerate(self._streams.tokens)}
        among = torch.tensor([order[name] for name in names], device=self._device)
        weights = torch.from_numpy(shares).to(self._device)
        source = among[torch.multinomial(weights, rows, replacement=True, generator=random)]
        sizes = self._sizes[source]
        room = (sizes - length + 1).clamp(min=1)
        drawn = torch.rand(rows, generator=random, device=self._device, dtype=torch.float64)
        first = (drawn * room).long().minimum(room - 1)
        inside = (first[:, None] + torch.arange(length - 1, device=self._device)) % sizes[:, None]
        ids = torch.empty(rows, length, dtype=torch.int64, device=self._device)
        ids[:, 0] = self._streams.numbers.cls
        ids[:, 1:] = self._tokens[self._starts[source][:, None] + inside]
        return ids
