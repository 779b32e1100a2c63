"""A page's bytes as something to select from: charset, kind of document, selectors of three languages, text with its paragraphs."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from parsel import Selector
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

from crawlers.web.source import spelled

_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "br", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table",
    "tbody", "thead", "tr", "ul",
})  # fmt: skip
_UNSEEN: Final = frozenset({"script", "style", "noscript", "template", "head", "iframe", "object", "svg"})
LARGEST_BYTES: Final = 50_000_000
"""As the sitemap protocol has it."""
_CANDIDATES: Final = ("utf-8", "gb18030", "big5hkscs")
_ANYTHING: Final = ("iso8859-1", "cp1252")
_COMMON: Final = frozenset(
    "的一是了我不在有人这中大来上国和地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所家事成方多么去法"
    "這個們來說時會對發後裡現當沒動還進無與長機區請問處電話"
)


@dataclass(frozen=True)
class Content:
    """An answer's body. `url`: after redirects. `content_type`: the header's, which may be wrong."""

    body: bytes
    url: str
    content_type: str = ""

    @cached_property
    def text(self) -> str:
        return decoded(unpacked(self.body), self.content_type)

    @cached_property
    def kind(self) -> str:
        """json, xml or html; by what is there rather than by what the header says."""
        head = self.text[:512].lstrip("\ufeff \t\r\n")
        if head[:1] in ("{", "[") and ("json" in self.content_type or _is_json(self.text)):
            return "json"
        return (
            "xml"
            if re.match(r"(?i)(<\?xml|<rss|<feed|<urlset|<sitemapindex)", head) and "<html" not in head.lower()
            else "html"
        )

    @cached_property
    def root(self) -> Selector:
        if self.kind == "json":
            return Selector(text=self.text or "null", type="json")
        found = Selector(text=self.text, type=self.kind, base_url=self.url)
        if self.kind == "xml":
            found.remove_namespaces()
        return found

    @cached_property
    def base(self) -> str:
        """What relative addresses on it are relative to."""
        named = (
            self.root.css("base::attr(href)").get() if self.kind == "html" and "<base" in self.text.lower() else None
        )
        return urljoin(self.url, named.strip()) if named else self.url

    def absolute(self, address: str | None) -> str | None:
        """A link's address, if it is a page: `javascript:` and `mailto:` stand among the letters of many sites."""
        try:
            full = urljoin(self.base, (address or "").strip())
            return full if address and urlsplit(full).scheme in ("http", "https") and urlsplit(full).hostname else None
        except ValueError:  # brackets that are no IPv6 address
            return None

    @cached_property
    def canonical(self) -> str:
        """The address that the page gives for itself, if it is one of the same host; else the one that was asked."""
        if self.kind != "html" or "canonical" not in self.text:
            return self.url
        named = self.absolute(self.root.css("link[rel=canonical]::attr(href)").get())
        return named if named and urlsplit(named).hostname == urlsplit(self.url).hostname else self.url


def select(within: Selector, selector: str) -> list[Selector]:
    """What a selector finds in an element, a page or a JSON value."""
    kind, text = spelled(selector, json=within.type == "json")
    if kind == "xpath":
        return list(within.xpath(text))
    return list(within.jmespath(text) if kind == "jmes" else within.css(text))


def value_of(within: Selector, selector: str) -> str:
    """All that it finds as one text: of elements their paragraphs, of attributes and JSON values the value."""
    parts = [_plain(found) for found in select(within, selector)]
    return "\n".join(part for part in parts if part)


def _plain(found: Selector) -> str:
    if found.type == "json" or not hasattr(found.root, "tag"):
        value = found.root
        if isinstance(value, (dict, list)):
            return json.dumps(value, ensure_ascii=False)
        return "" if value is None else str(value).strip()
    return paragraphs(found)


def paragraphs(element: Selector) -> str:
    """The text of an element as a reader sees it: one line a paragraph, without scripts, styles and markup.

    Our own, because html-text puts a blank between inline elements: right between English words, wrong inside Chinese ones.
    """
    if not len(element.root) and element.root.tag not in (
        *_UNSEEN,
        "pre",
    ):  # most fields are one element with a few words
        return " ".join((element.root.text or "").split())
    found: list[str] = []
    _collect(element.root, found)
    return "\n".join(line for part in "".join(found).split("\n") if (line := " ".join(part.split())))


def _collect(element: Any, found: list[str]) -> None:
    stack: list[tuple[Any, bool]] = [(element, True)]
    while stack:  # not by recursion: hostile pages nest thousands deep
        node, entering = stack.pop()
        block = node.tag in _BLOCKS
        if entering:
            if not isinstance(node.tag, str) or node.tag in _UNSEEN:
                found.append(node.tail.replace("\n", " ") if node.tail and node is not element else "")
                continue
            found.append("\n" if block else "")
            found.append(node.text if node.tag == "pre" and node.text else (node.text or "").replace("\n", " "))
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(node))
        else:
            found.append("\n" if block else " " if node.tag in ("td", "th") else "")
            found.append((node.tail or "").replace("\n", " ") if node is not element else "")


def unpacked(body: bytes) -> bytes:
    """A sitemap that is itself a .gz file, unpacked as far as `LARGEST_BYTES`; anything else as it is."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(31).decompress(body, LARGEST_BYTES)
    except zlib.error:
        return body


def decoded(body: bytes, content_type: str = "") -> str:
    """The text of a body in the charset that it is really in.

    What a header or the page itself declares holds where it can be so; else the candidates of Chinese sites are tried, and between several
    that can be read the one with the most usual characters is taken.
    """
    named, mark = read_bom(body)
    if named and mark:
        return body[len(mark) :].decode(named, "replace")
    declared = http_content_type_encoding(content_type) or html_body_declared_encoding(body[:4_096])
    named = resolve_encoding(declared) if declared else None
    # Latin letters can be read from any bytes, so that charset is believed last.
    if named and named not in _ANYTHING and (text := _strictly(body, named)) is not None:
        return text
    names = list(dict.fromkeys(name for name in (*_CANDIDATES, named) if name))
    readable = [text for name in names if (text := _strictly(body, name)) is not None]
    if readable:
        return max(readable, key=_usual)
    return max((body.decode(name, "replace") for name in names), key=lambda text: (-text.count("\ufffd"), _usual(text)))


def _strictly(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeDecodeError, LookupError):
        return None


def _usual(text: str) -> int:
    return sum(character in _COMMON for character in text[:20_000])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
