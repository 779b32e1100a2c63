"""A first definition of a web source, read off its own pages, for a person to correct.

On the list page: the group of links of one shape that holds the most text. On a detail page: the heading, the shortest words that are a time,
and the element with the most text of its own that is no link. A selector is given only where it finds exactly that on the page.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from crawlers.web.content import Content, paragraphs, select
from crawlers.web.times import web_time

TEMPLATES: Final = Path(__file__).with_name("templates")
LEAST_LINKS: Final = 3
_NEXT: Final = ("下一页", "下页", "下一頁", "后一页", "next", ">", "»", "›")
_DATED = re.compile(
    r"\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}|\d{1,2}月\d{1,2}日|[今昨前]天|[〇零一二三四五六七八九十]{4}年|\d+\s*(分钟|小时|天)前"
)
_PROSE = re.compile("[，。；！？,;!?]|[.] ")
"""What sentences have and labels have not."""
_NAME = re.compile(r"[A-Za-z][\w-]{0,40}$")
_LABELS: Final = (
    ("答复|回复|办理结果", "reply"),
    ("编号|信件号|受理号", "native_id"),
    ("办理单位|承办单位|答复单位|回复单位", "department"),
)
_SKIPPED: Final = frozenset({"script", "style", "nav", "footer", "head", "select", "option"})


@dataclass
class Proposal:
    """What was found; `doubts` says in sentences what was not."""

    url: str
    items: str = ""
    example: str = ""
    links: int = 0
    next_page: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def to_toml(self, name: str) -> str:
        """The definition as a file; what a person has to say stands there as 请填写."""
        lines = [f"name = {_quoted(name)}", 'owner = "请填写：由哪个处室负责"', 'legal_basis = "请填写：为什么可以采集，例如 公开渠道"',
                 'contact = "请填写：站方可联系的邮箱或网页"', 'form = "list"', f"start = {_quoted(self.url)}",
                 f"items = {_quoted(self.items)}  # 找到 {self.links} 个链接"]  # fmt: skip
        lines += [f"next_page = {_quoted(self.next_page)}"] if self.next_page else ["# next_page = 没有找到“下一页”"]
        lines += ["delay_seconds = 1.0", "", "[fields]"]
        for key, selector in self.fields.items():
            lines.append(f"{key} = {_quoted(selector)}  # 读到：{self.seen[key][:40]}")
        lines += [f"# {doubt}" for doubt in self.doubts]
        return "\n".join(lines) + "\n"


def read_list(proposal: Proposal, content: Content) -> None:
    """Fill in what a list page tells."""
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    host = urlsplit(content.url).hostname
    for link in content.root.css("a[href]"):
        address = content.absolute(link.attrib.get("href"))
        if (
            address
            and urlsplit(address).hostname == host
            and address.split("#")[0] != content.url
            and len(paragraphs(link)) >= 2
        ):
            groups[_shape(link.root)].append(link)
    usable = {shape: links for shape, links in groups.items() if len(links) >= LEAST_LINKS}
    if not usable:
        proposal.doubts.append(f"items：没有一组至少 {LEAST_LINKS} 个同样形式的链接")
        return
    # Letters have long titles that differ; menus are short and archives repeat.
    proposal.items = max(
        usable, key=lambda shape: sum(min(len(text), 60) for text in {paragraphs(link) for link in usable[shape]})
    )
    chosen = usable[proposal.items]
    proposal.links = len(select(content.root, proposal.items))
    proposal.example = content.absolute(chosen[0].attrib["href"]) or ""
    for words in _NEXT:
        selector = f"xpath://a[normalize-space(.) = '{words}']"
        if select(content.root, selector):
            proposal.next_page = selector
            break
    else:
        proposal.doubts.append("next_page：没有写着“下一页”的链接；只有一页就不用写")


def read_detail(proposal: Proposal, content: Content, fetched_at: datetime) -> None:
    """Fill in what a detail page tells."""
    found = {"title": _title(content), "created_at": _date(content, fetched_at), "text": _body(content)}
    for name, element in found.items():
        selector = _unique(content, element) if element is not None else ""
        if selector:
            proposal.fields[name] = selector
            proposal.seen[name] = " ".join(_text(element).split())
        else:
            proposal.doubts.append(f"{name}：没有找到，请自己写选择器")
    words = paragraphs(content.root)
    for label, name in _LABELS:
        if match := re.search(label, words):
            proposal.doubts.append(f"{name}：页上有“{match[0]}”，需要时请补上选择器")


def _title(content: Content) -> Any:
    headings = [one for tag in ("h1", "h2", "h3") for one in content.root.css(tag) if len(paragraphs(one)) >= 4]
    if headings:
        return headings[0].root
    whole = content.root.css("title::text").get() or ""
    texts = [(one.root, _text(one.root)) for one in content.root.xpath("//body//*[not(*)]")]
    return next((element for element, text in texts if len(text) >= 6 and text in whole), None)


def _date(content: Content, fetched_at: datetime) -> Any:
    best: tuple[int, Any] | None = None
    for one in content.root.xpath("//body//*"):
        if one.root.tag in _SKIPPED or len(text := _text(one.root)) > 120 or not _DATED.search(text):
            continue
        try:
            moment = web_time(text, fetched_at)
        except ValueError:
            continue
        if moment <= fetched_at and (best is None or len(text) < best[0]):
            best = (len(text), one.root)
    return best[1] if best else None


def _body(content: Content) -> Any:
    scores: defaultdict[Any, float] = defaultdict(float)
    for one in content.root.xpath("//body//*"):
        element = one.root
        if element.tag in _SKIPPED or element.tag in ("a", "h1", "h2", "h3"):
            continue
        own = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
        linked = sum(len(_text(link)) for link in element.iter("a"))
        weight = max(0, len(own) - linked) if _PROSE.search(own) else 0
        scores[element] += weight
        if element.getparent() is not None and element.tag in ("p", "span", "div", "br", "font", "td", "li"):
            scores[element.getparent()] += weight  # paragraphs speak for what holds them
    body = [element for element in scores if element.tag not in ("body", "html")]
    return max(body, key=lambda element: scores[element], default=None)


def _shape(link: Any) -> str:
    """The selector that finds links like this one: the nearest ancestor with a name, the tags between, a."""
    between: list[str] = []
    element = link.getparent()
    while element is not None and element.tag not in ("body", "html"):
        if named := _named(element):
            return " ".join([named, *reversed(between), "a"])
        if element.tag in ("li", "tr", "dd"):
            between.append(element.tag)
        element = element.getparent()
    return " ".join(["body", *reversed(between), "a"])


def _named(element: Any) -> str:
    identity, classes = (
        element.get("id") or "",
        [one for one in (element.get("class") or "").split() if _NAME.match(one)],
    )
    if _NAME.match(identity) and not re.search(r"\d{3,}", identity):
        return f"#{identity}"
    return f"{element.tag}.{'.'.join(classes)}" if classes else ""


def _unique(content: Content, element: Any) -> str:
    """The shortest selector that finds this element and no other."""
    path = ""
    while element is not None and element.tag != "html":
        step = _named(element) or element.tag
        path = f"{step} > {path}" if path else step
        if len(content.root.css(path)) == 1:
            return path
        element = element.getparent()
    return ""


def _text(element: Any) -> str:
    return "".join(part for part in element.itertext() if isinstance(part, str)).strip()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def template(name: str, url: str, source: str) -> str:
    """A shipped template with this start. Raises KeyError for one that is not shipped."""
    path = TEMPLATES / f"{name}.toml"
    if not path.exists():
        raise KeyError(name)
    text = path.read_text(encoding="utf-8")
    match = re.search(r'^path = "(.*)"\n', text, re.MULTILINE)
    start = f"{url.rstrip('/')}{match[1]}" if match else url
    head = [f"name = {_quoted(source)}", 'owner = "请填写：由哪个处室负责"', 'legal_basis = "请填写：为什么可以采集，例如 公开渠道"',
            'contact = "请填写：站方可联系的邮箱或网页"', f"start = {_quoted(start)}"]  # fmt: skip
    comment, _, rest = re.sub(r"^path = .*\n", "", text, flags=re.MULTILINE).partition("\n")
    return "\n".join([comment, *head, rest])


def templates() -> list[str]:
    return sorted(path.stem for path in TEMPLATES.glob("*.toml"))
