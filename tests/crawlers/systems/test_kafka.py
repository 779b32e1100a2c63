"""A topic on librdkafka's own broker, which speaks the protocol over a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from crawlers.systems.kafka import KafkaConnector
from models.item import PROBLEM
from tests.crawlers.systems.conftest import Desk, definition

confluent_kafka = pytest.importorskip(
    "confluent_kafka", reason="confluent-kafka is not installed (pip install 'minsheng[kafka]')"
)
pytestmark = pytest.mark.slow  # each read waits until a topic is quiet


@pytest.fixture
def broker() -> Iterator[tuple[Any, str]]:
    producer = confluent_kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    [one] = producer.list_topics(timeout=10).brokers.values()
    yield producer, f"{one.host}:{one.port}"
    producer.flush(10)


def send(producer: Any, *rows: Any) -> None:
    for row in rows:
        producer.produce("orders", row if isinstance(row, bytes) else json.dumps(row).encode())
    producer.flush(10)


def test_a_topic_is_read_on_from_its_offsets(desk: Desk, broker: tuple[Any, str]) -> None:
    producer, servers = broker
    source = definition(system="kafka", url=servers, cursor="", batch=3)
    connector = KafkaConnector(source, {"log_level": 0})
    send(producer, *({"number": f"K{n}", "title": f"第{n}件", "content": "站牌倒了"} for n in range(7)))
    done = desk.pull(source, connector=connector)
    assert (done.rows, done.error) == (7, "")
    assert {item.native_id for item in desk.items} == {f"K{n}" for n in range(7)}
    send(producer, {"number": "K7", "title": "第7件"}, b"\xff not json")
    assert desk.pull(source, connector=connector).rows == 2
    good, bad = sorted(desk.items, key=lambda item: PROBLEM in item.extra)
    assert good.native_id == "K7"
    assert (bad.extra[PROBLEM], bad.payload.text) == ("消息不是 JSON 对象", "\ufffd not json")
    assert desk.pull(source, connector=connector).rows == 0


def test_a_topic_that_is_not_there_is_told(desk: Desk, broker: tuple[Any, str]) -> None:
    _, servers = broker
    source = definition(system="kafka", url=servers, cursor="", table="nothing")
    told = desk.pull(
        source, connector=KafkaConnector(source, {"log_level": 0, "allow.auto.create.topics": False})
    ).error
    assert "nothing" in told or "MS108" in told
