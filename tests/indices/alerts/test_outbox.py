"""Delivery against real servers on sockets that fail, stall and come back."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_string
from email.header import decode_header, make_header
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from indices.alerts import outbox
from indices.alerts.channels import Channel
from indices.alerts.life import snooze, take_step
from indices.alerts.outbox import cut, list_deliveries, run, send_by_apprise
from indices.civic.alerts import Alert
from models.labels import Level

Raise = Callable[..., Alert]


def test_an_alert_arrives_once_with_its_key(state: Engine, raise_alert: Raise, clock: Any, hook: Any) -> None:
    one = raise_alert(Level.YELLOW)
    channel = Channel("群", hook.url)
    assert run(state, [channel], send_by_apprise, clock=clock) == outbox.Run(1, 1, 0, 0)
    [letter] = hook.received
    assert letter["title"] == f"【黄色预警】{one.title}"
    assert letter["message"].splitlines()[0] == "8 人 9 件。请在 09-08 14:00 前签收。"
    assert letter["message"].endswith(f"编号 {one.id}")
    assert run(state, [channel], send_by_apprise, clock=clock) == outbox.Run(0, 0, 0, 0)
    assert [(row.state, row.tries, row.channel, row.error) for row in list_deliveries(state)] == [("sent", 1, "群", "")]
    assert list_deliveries(state, alert="another") == []


def test_orange_and_red_leave_the_house_only_when_confirmed(
    state: Engine, raise_alert: Raise, clock: Any, hook: Any
) -> None:
    one = raise_alert(Level.RED)
    channel = Channel("群", hook.url)
    run(state, [channel], send_by_apprise, clock=clock)
    assert hook.received == []
    take_step(state, one.id, "confirm", "王")
    run(state, [channel], send_by_apprise, clock=clock)
    assert len(hook.received) == 1


@pytest.mark.parametrize("mode", [500, 404, "close", "stall"])
def test_a_channel_that_fails_is_tried_again_until_it_takes_it(
    state: Engine, raise_alert: Raise, clock: Any, hook: Any, mode: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "TIMEOUT_SECONDS", 0.3)
    raise_alert()
    channel = Channel("群", hook.url)
    hook.mode = mode
    waits = []
    for tries in (1, 2, 3):
        assert run(state, [channel], send_by_apprise, clock=clock).sent == 0
        [row] = list_deliveries(state)
        assert (row.state, row.tries) == ("waiting", tries)
        assert row.error
        assert "secret-path" not in row.error
        waits.append((row.next_at - clock()).total_seconds())
        assert run(state, [channel], send_by_apprise, clock=clock) == outbox.Run(0, 0, 0, 1)  # not before it is due
        clock.now = row.next_at + timedelta(seconds=1)
    assert 20 < waits[0] < waits[1] < waits[2] < 160
    hook.mode, hook.received = 200, []
    assert run(state, [channel], send_by_apprise, clock=clock).sent == 1
    assert len(hook.received) == 1


def test_after_a_day_it_is_given_up_visibly(state: Engine, raise_alert: Raise, clock: Any) -> None:
    raise_alert()
    channel = Channel("群", "x")
    for _ in range(60):
        done = run(state, [channel], lambda *_: "没有回话", clock=clock)
        if done.failed:
            break
        clock.now = list_deliveries(state)[0].next_at + timedelta(seconds=1)
    [row] = list_deliveries(state)
    assert (row.state, row.error) == ("failed", "没有回话")
    assert clock() - row.created_at > timedelta(hours=24)
    assert row.tries < 40
    assert run(state, [channel], lambda *_: "", clock=clock) == outbox.Run(0, 0, 0, 0)


def test_letters_arrive_by_smtp(state: Engine, raise_alert: Raise, clock: Any, mail: Any) -> None:
    one = raise_alert()
    url = f"mailto://minsheng:word@example.org?smtp=127.0.0.1&port={mail.server_address[1]}&mode=insecure&to=leader@example.org&from=minsheng@example.org"
    plugin_url = url.replace("minsheng:word@example.org", f"127.0.0.1:{mail.server_address[1]}")
    channel = Channel("信", plugin_url)
    assert run(state, [channel], send_by_apprise, clock=clock).sent == 1
    letter = message_from_string(mail.letters[0])
    assert str(make_header(decode_header(letter["subject"]))) == f"【黄色预警】{one.title}"
    bodies = [part.get_payload(decode=True).decode() for part in letter.walk() if part.get_content_maintype() == "text"]  # type: ignore[union-attr]
    assert any(one.id in body for body in bodies)
    mail.refuse = "550 nobody of that name"
    raise_alert()
    assert run(state, [channel], send_by_apprise, clock=clock).waiting == 1


def test_who_takes_what(state: Engine, raise_alert: Raise, clock: Any) -> None:
    seen: list[tuple[str, str]] = []
    channels = [
        Channel("只要橙红", "x", levels=frozenset({Level.ORANGE, Level.RED})),
        Channel("全要", "x", escalations=True),
    ]

    def send(channel: Channel, title: str, body: str) -> str:
        seen.append((channel.name, title[:10]))
        return ""

    one = raise_alert(Level.BLUE)
    run(state, channels, send, clock=clock)
    assert seen == [("全要", "【蓝色预警】柳堤路第")]
    clock.pass_by(hours=25)
    run(state, channels, send, clock=clock)
    assert seen[1:] == [("全要", "【蓝色预警】逾期未签")]
    assert {row.kind for row in list_deliveries(state, alert=one.id)} == {"alert", "escalation"}


def test_snoozed_and_settled_alerts_are_not_sent(state: Engine, raise_alert: Raise, clock: Any) -> None:
    sleeping, settled = raise_alert(), raise_alert()
    sent: list[str] = []

    def send(channel: Channel, title: str, body: str) -> str:
        sent.append(body.rsplit(" ", 1)[-1])
        return ""

    outbox.enqueue(state, [Channel("群", "x")], at=clock())
    snooze(state, sleeping.id, "王", clock() + timedelta(hours=2), "等现场", at=clock())
    take_step(state, settled.id, "reject", "王")
    run(state, [Channel("群", "x")], send, clock=clock)
    assert sent == []
    assert [row.error for row in list_deliveries(state, alert=settled.id)] == ["发出之前预警已了结"]
    clock.pass_by(hours=2, seconds=1)
    run(state, [Channel("群", "x")], send, clock=clock)
    assert sent == [sleeping.id]


def test_a_channel_that_was_taken_away_is_said_and_old_alerts_are_not_sent_to_a_new_one(
    state: Engine, raise_alert: Raise, clock: Any
) -> None:
    raise_alert()
    outbox.enqueue(state, [Channel("旧", "x")], at=clock())
    assert run(state, [], lambda *_: "", clock=clock).failed == 1
    assert "channels.toml" in list_deliveries(state)[0].error
    clock.pass_by(days=3)
    assert run(state, [Channel("新", "x")], lambda *_: "", clock=clock) == outbox.Run(0, 0, 0, 0)


def test_a_lease_keeps_two_senders_apart(state: Engine, raise_alert: Raise, clock: Any) -> None:
    raise_alert()
    inner: list[outbox.Run] = []

    def send(channel: Channel, title: str, body: str) -> str:
        inner.append(run(state, [channel], send, clock=clock))  # another process comes while this one sends
        return ""

    assert run(state, [Channel("群", "x")], send, clock=clock).sent == 1
    assert [one.sent for one in inner] == [0]


@given(st.text(max_size=300), st.integers(20, 120))
def test_messages_are_cut_to_the_channel(text: str, most: int) -> None:
    found = cut(f"{text}\n编号 0123456789", most)
    assert len(found) <= most
    if len(text) + 14 > most:
        assert "共" in found or most < 30
    if most >= 60:
        assert found.endswith("编号 0123456789")
