"""Letters of a mailbox, by UID: what the server gave out once keeps its number, unless it says (UIDVALIDITY) that all are new. Nothing in the
mailbox is changed: letters are read without being marked as read.
"""

from __future__ import annotations

import email
import email.policy
import imaplib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from crawlers.systems.source import Batch, Span, SystemSource
from models.clock import CITY_TIME, now
from models.errors import BadFile, SourceUnavailable

TIMEOUT_SECONDS: Final = 30.0
LARGEST_BYTES: Final = 5_000_000
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class ImapConnector:
    """imaps://USER:${PASSWORD}@HOST[:PORT] (imap:// inside the house); `table`: the folder, INBOX where none is named."""

    def __init__(self, source: SystemSource) -> None:
        self.source = source

    def batches(self, position: Mapping[str, Any], span: Span | None = None) -> Iterator[Batch]:
        folder = self.source.table or "INBOX"
        try:
            with self._open() as mailbox:
                status, _ = mailbox.select(f'"{folder}"', readonly=True)
                if status != "OK":
                    raise BadFile(file=self.source.name, reason=f"邮箱里没有文件夹 {folder}")
                validity = _validity(mailbox)
                last = int(position.get("uid", 0)) if position.get("validity") == validity and span is None else 0
                for part in self._parts(mailbox, last, span):
                    rows = [row for uid in part if (row := self._letter(mailbox, uid)) is not None]
                    yield Batch(rows, {"validity": validity, "uid": max(part)})
        except (imaplib.IMAP4.error, OSError) as error:
            raise SourceUnavailable(source=self.source.name, reason=str(error)[:200]) from None

    def _open(self) -> imaplib.IMAP4:
        parts = urlsplit(self.source.filled(self.source.url))
        if parts.scheme not in ("imap", "imaps") or not parts.hostname:
            raise BadFile(file=self.source.name, reason="url 应写成 imaps://用户:${密码}@主机")
        kind = imaplib.IMAP4_SSL if parts.scheme == "imaps" else imaplib.IMAP4
        mailbox = kind(parts.hostname, parts.port or (993 if parts.scheme == "imaps" else 143), timeout=TIMEOUT_SECONDS)
        try:
            mailbox.login(unquote(parts.username or ""), unquote(parts.password or ""))
        except imaplib.IMAP4.error:
            mailbox.shutdown()
            raise
        return mailbox

    def _parts(self, mailbox: imaplib.IMAP4, last: int, span: Span | None) -> Iterator[list[int]]:
        """Numbers of the letters to read, in batches."""
        if span is not None:
            wanted = f"SINCE {_day(span.begin)} BEFORE {_day(span.end + timedelta(days=1))}"
        elif last:
            wanted = f"UID {last + 1}:*"
        else:
            wanted = f"SINCE {_day(now() - timedelta(days=self.source.since_days))}"
        _, told = mailbox.uid("SEARCH", wanted)
        uids = sorted(
            uid for one in (told[0] or b"").split() if (uid := int(one)) > last
        )  # "N:*" names the last letter also where it is older
        for begin in range(0, len(uids), self.source.batch):
            yield uids[begin : begin + self.source.batch]

    def _letter(self, mailbox: imaplib.IMAP4, uid: int) -> dict[str, Any] | None:
        _, told = mailbox.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST_BYTES}>)")
        body = next((part[1] for part in told if isinstance(part, tuple)), None)
        return letter(body) if body else None


def letter(body: bytes) -> dict[str, Any]:
    """A letter as a row: message_id, subject, from, date, text (plain where there is one, else read from the markup), attachments' names."""
    message = email.message_from_bytes(body, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return {
        "message_id": str(message.get("Message-ID", "")).strip("<> ")[:200],
        "subject": _clean(str(message.get("Subject", ""))),
        "from": _clean(str(message.get("From", ""))),
        "date": _date(message),
        "text": _text(message),
        "attachments": [name for part in message.iter_attachments() if (name := part.get_filename())],
    }


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    from crawlers.web.content import Content, decoded, paragraphs  # the extra `crawl` reads markup and odd charsets

    kind = f"{part.get_content_type()}; charset={part.get_content_charset() or ''}"
    if part.get_content_type() == "text/html":
        return paragraphs(Content(raw, "", kind).root)
    return decoded(raw, kind).strip()


def _date(message: EmailMessage) -> str:
    header = message.get("Date")
    moment = getattr(header, "datetime", None)
    if moment is None:
        return ""
    return str((moment if moment.tzinfo else moment.replace(tzinfo=CITY_TIME)).isoformat())


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _validity(mailbox: imaplib.IMAP4) -> int:
    _, told = mailbox.response("UIDVALIDITY")
    return int(told[0]) if told and told[0] else 0


def _day(moment: Any) -> str:
    return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year}"
