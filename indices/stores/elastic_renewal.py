"""New annotations for records that Elasticsearch holds in the very same revision (`models.ports.Store.renew`).

The version in the index is the revision, so a write that allows the same version (external_gte) wins over this state and loses
against every later one. It would also make a record that was forgotten since we looked: that is seen in the answer, and
undone unless a later state has come since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from indices.stores.elastic_bulk import KEPT, WRONG, Answer, Line, deletion_of, line_of
from indices.stores.matching import Kept, Segmenter, why_not_kept
from models.query import Outcome, Receipt
from models.record import Record

Stored = Callable[[Sequence[str]], Mapping[str, tuple[int, str]]]
Send = Callable[[Sequence[Line]], Sequence[Answer]]


def renew(batch: Sequence[Record], segmenter: Segmenter, stored: Stored, send: Send) -> Receipt:
    """What became of each record. `stored`: revision and intake of those ids that are there; `send`: carries lines out."""
    results = [(Outcome.REJECTED, reason) if (reason := why_not_kept(record)) else None for record in batch]
    asked = sorted({record.id for record, result in zip(batch, results, strict=True) if result is None})
    there = stored(asked) if asked else {}
    same = [
        place
        for place, record in enumerate(batch)
        if results[place] is None and there.get(record.id, (None, ""))[0] == record.revision
    ]
    lines = [line_of(Kept.of(batch[place], segmenter), version_type="external_gte") for place in same]
    answers = send(lines) if lines else []
    revived = [batch[place] for place, answer in zip(same, answers, strict=True) if answer.result == "created"]
    if revived:
        send([deletion_of(record.id, record.revision) for record in revived])
    for place, answer in zip(same, answers, strict=True):
        if answer.status == WRONG:
            results[place] = Outcome.REJECTED, answer.reason
        elif answer.status in KEPT and answer.result != "created":
            results[place] = Outcome.UPDATED, ""
    outcomes = [result or (Outcome.DUPLICATE, "") for result in results]
    return Receipt(outcomes=tuple(o for o, _ in outcomes), reasons=tuple(reason for _, reason in outcomes))
