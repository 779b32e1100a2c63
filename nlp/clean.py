"""Raw text → plain text: one form of every character, no markup left-overs, no invisible characters, tidy white space.

Steps, in this order: characters that show nothing are dropped; every white space becomes a blank or a line break;
full-width letters, digits and technical signs become half-width (Chinese punctuation stays); canonical composition
(NFC); HTML entities and tags are resolved; blanks are collapsed, and every run of line breaks becomes one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

# Controls, soft hyphen, Arabic letter mark, zero-width and bidirectional marks, variation selectors, byte order mark,
# interlinear marks, lone surrogates, non-characters, tag characters.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]+"
)
_BREAKS: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BLANK: Final = re.compile("[ \t\x1c-\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_EDGES: Final = re.compile(" ?\n[ \n]*")
# Full-width signs that only stand in for ASCII in numbers, addresses and codes. ，。！？：；（）～ are Chinese and stay.
_HALF: Final[dict[int, str]] = {
    **{0xFF01 + i: chr(0x21 + i) for i in range(94) if chr(0x21 + i).isalnum()},
    **{ord(wide): narrow for wide, narrow in zip("＠．－＋＿＊％／＃＆＝", "@.-+_*%/#&=", strict=True)},
}
_FULL: Final = re.compile(f"[{''.join(map(chr, _HALF))}]")

_ENTITY: Final = re.compile(
    r"&(?:(?:amp|#0{0,6}38|#[xX]0{0,6}26);)*(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
)
_ANGLE: Final = re.compile("([<>])")
_TAG: Final = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)(?=[\s/]|$)|!--|!(?i:doctype)\b")
_BLOCK_NAMES: Final = """
address article aside blockquote body br caption center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 head
header hr html iframe li main nav ol option p pre section select table tbody td textarea tfoot th thead title tr ul
"""
_INLINE_NAMES: Final = """
a abbr acronym b big button cite code del dfn em embed font i img input ins kbd label link map mark meta noscript object
param q s script small span strike strong style sub sup svg tt u var video
"""
_BLOCK_TAGS: Final = frozenset(_BLOCK_NAMES.split())
_INLINE_TAGS: Final = frozenset(_INLINE_NAMES.split())
_SILENT_TAGS: Final = frozenset({"script", "style"})
_TAG_LIMIT_CHARACTERS: Final = 20_000  # an inlined picture; a longer one is text with a lone "<"
_ROUNDS: Final = 4  # markup inside markup inside markup; deeper is an attack and is broken up
_MARKUP: Final = re.compile("[&<]+(?=[A-Za-z#/!])")


def clean(text: str) -> str:
    """`text` in plain form. Idempotent; linear in time.

    Paragraph breaks are kept as one line break; a tab, an ideographic space or a run of blanks becomes one blank.
    """
    text = _plain(text)
    for _ in range(_ROUNDS):
        if "&" not in text and "<" not in text:
            break
        stripped = _plain(_without_tags(_ENTITY.sub(_character, text)))
        if stripped == text:
            break
        text = stripped
    else:
        text = _plain(_MARKUP.sub("", text))
    return _EDGES.sub("\n", _BLANK.sub(" ", text)).strip(" \n")


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub("\n", text)
    text = _INVISIBLE.sub("", _BLANK.sub(" ", text))
    if _FULL.search(text):
        text = text.translate(_HALF)
    return unicodedata.normalize("NFC", text)


def _character(match: re.Match[str]) -> str:
    whole = f"&{match[1]};"
    return html.unescape(whole)


def _without_tags(text: str) -> str:
    """Drops the tags of HTML, in one pass with a stack of open brackets; `<某某通知>` is no tag and stays."""
    if "<" not in text:
        return text
    out: list[str] = []
    opened: list[int] = []
    silent: int | None = None
    for piece in _ANGLE.split(text):
        if piece == "<":
            opened.append(len(out))
            out.append(piece)
        elif piece == ">" and opened:
            start = opened.pop()
            body = "".join(out[start + 1 :])
            tag = _TAG.match(body) if len(body) <= _TAG_LIMIT_CHARACTERS else None
            name = (tag[1] or "p").lower() if tag else ""
            if name not in _BLOCK_TAGS and name not in _INLINE_TAGS:
                opened.clear()
                out.append(piece)
                continue
            del out[start:]
            if name in _SILENT_TAGS:
                if not body.startswith("/"):
                    silent = len(out) if silent is None else silent
                elif silent is not None:
                    del out[silent:]
                    silent = None
            elif name in _BLOCK_TAGS:
                out.append("\n")
        else:
            out.append(piece)
    return "".join(out)
