"""A mailbox on a real IMAP server."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from crawlers.systems.imap import letter
from tests.crawlers.systems.conftest import Desk, Mailbox, definition


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "demopass")


def message(n: int, *, markup: bool = False) -> bytes:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = f"第{n}封：路灯不亮", "王某 <someone@example.com>", "hall@city.example"
    made["Message-ID"], made["Date"] = f"<m{n}@example.com>", "Mon, 02 Mar 2026 09:30:00 +0800"
    if markup:
        made.set_content("<p>柳堤路<b>路灯</b>不亮。</p><p>谢谢。</p>", subtype="html", charset="gb18030")
    else:
        made.set_content("柳堤路路灯不亮。\n", charset="gb18030")
    made.add_attachment(b"123", maintype="image", subtype="png", filename="照片.png")
    return made.as_bytes()


def source(mailbox: Mailbox, **changes: object) -> object:
    return definition(
        system="imap", url=mailbox.url, columns={}, cursor="", **{"table": "Letters", "channel": "mailbox", **changes}
    )


@pytest.mark.slow  # starts a server
def test_letters_come_once_and_are_left_unread(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.put(message(1), message(2, markup=True))
    letters = source(mailbox)
    assert desk.pull(letters).error == ""
    first, second = desk.items
    assert (first.native_id, first.payload.title, first.payload.text, first.payload.channel) == (
        "m1@example.com",
        "第1封：路灯不亮",
        "柳堤路路灯不亮。",
        "mailbox",
    )
    assert second.payload.text == "柳堤路路灯不亮。\n谢谢。"
    assert first.payload.created_at is not None
    assert first.payload.created_at.isoformat() == "2026-03-02T09:30:00+08:00"
    assert desk.pull(letters).rows == 0
    mailbox.put(message(3))
    assert desk.pull(letters).rows == 1
    with mailbox.open() as box:
        box.select("Letters", readonly=True)
        assert len(box.search(None, "UNSEEN")[1][0].split()) == 3


@pytest.mark.slow  # starts a server
def test_a_wrong_folder_or_password_is_told(desk: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "没有文件夹 Nowhere" in desk.pull(source(mailbox, table="Nowhere")).error
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    assert "MS108" in desk.pull(source(mailbox)).error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Subject: =?utf-8?b?!!!?=\n\n",
        b"\xff\xfe\x00",
        b"Date: yesterday\n\nx",
        b"Content-Type: text/plain; charset=nonsense\n\n\xd6\xd0\xce\xc4",
    ],
)
def test_odd_letters_are_rows_all_the_same(body: bytes) -> None:
    assert set(letter(body)) == {"message_id", "subject", "from", "date", "text", "attachments"}


def test_a_letter_in_an_undeclared_charset_is_read() -> None:
    assert (
        letter(b"Content-Type: text/plain; charset=nonsense\n\n" + "路灯不亮，请处理。".encode("gb18030"))["text"]
        == "路灯不亮，请处理。"
    )
