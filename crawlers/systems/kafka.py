"""Messages of a topic, each a JSON object. The offsets are kept with the position of the source, not by the broker's consumer group, so that what
is accepted and what is read can never drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from crawlers.systems.source import Batch, Span, SystemSource
from models.errors import BadFile, MissingPart, SourceUnavailable

QUIET_SECONDS: Final = 3.0
"""A run ends when nothing new came for so long."""
PROBLEM: Final = "#unreadable"


class KafkaConnector:
    """`url`: servers, separated by commas; `table`: the topic. All partitions are read by this one reader."""

    def __init__(self, source: SystemSource, options: Mapping[str, Any] | None = None) -> None:
        self.source, self._options = source, options or {}

    def batches(self, position: Mapping[str, Any], span: Span | None = None) -> Iterator[Batch]:
        try:
            from confluent_kafka import Consumer, KafkaException
        except ImportError:
            raise MissingPart(part="confluent-kafka", extra="kafka") from None
        consumer = Consumer({
            "bootstrap.servers": self.source.filled(self.source.url), "group.id": f"minsheng-{self.source.name}", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "enable.partition.eof": False, "socket.timeout.ms": 10_000, **self._options,
        })  # fmt: skip
        try:
            yield from self._read(consumer, dict(position.get("offsets", {})), span)
        except KafkaException as error:
            raise SourceUnavailable(source=self.source.name, reason=str(error)[:200]) from None
        finally:
            consumer.close()

    def _read(self, consumer: Any, offsets: dict[str, int], span: Span | None) -> Iterator[Batch]:
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition

        topic = self.source.table
        known = consumer.list_topics(topic, timeout=10.0).topics.get(topic)
        if known is None or known.error or not known.partitions:
            raise BadFile(file=self.source.name, reason=f"没有主题 {topic}")
        parts = [
            TopicPartition(topic, number, offsets.get(str(number), OFFSET_BEGINNING)) for number in known.partitions
        ]
        if span is not None:
            for part in parts:
                part.offset = int(span.begin.timestamp() * 1_000)
            parts = consumer.offsets_for_times(parts, timeout=10.0)
        consumer.assign(parts)
        while messages := consumer.consume(self.source.batch, timeout=QUIET_SECONDS):
            rows = []
            for message in messages:
                if message.error():
                    raise SourceUnavailable(source=self.source.name, reason=str(message.error())[:200])
                offsets[str(message.partition())] = message.offset() + 1
                if span is None or message.timestamp()[1] <= span.end.timestamp() * 1_000:
                    rows.append(_row(message.value()))
            yield Batch(rows, {"offsets": dict(offsets)})


def _row(value: bytes | None) -> dict[str, Any]:
    """A message; what is no JSON object is kept as text, so that it is seen in quarantine and not lost."""
    try:
        row = json.loads(value or b"")
    except ValueError:
        row = None
    return row if isinstance(row, dict) else {PROBLEM: (value or b"").decode("utf-8", "replace")[:2_000]}
