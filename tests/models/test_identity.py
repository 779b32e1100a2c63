from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.identity import canonical_url, digest, pseudonym, record_id, revision
from models.item import Item, Payload

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def item(**fields: object) -> Item:
    own = {name: fields.pop(name) for name in ("source", "native_id", "revision") if name in fields}
    return Item(**{"source": "a", "native_id": "1", **own}, payload=Payload(**{"text": "路灯坏了", **fields}))


def test_native_id_decides_over_url_and_text() -> None:
    assert record_id(item(url="http://a.cn/1")) == record_id(item(url="http://a.cn/2", text="别的"))
    assert record_id(item()) != record_id(item(source="b"))
    assert record_id(item()) != record_id(item(native_id="2"))


def test_without_native_id_the_canonical_address_decides() -> None:
    first = item(native_id=None, url="HTTP://A.cn:80/x/?b=2&a=1&utm_source=q#top")
    assert record_id(first) == record_id(item(native_id=None, url="http://a.cn/x?a=1&b=2", text="改过的正文"))


def test_without_both_source_time_and_text_decide() -> None:
    first = item(native_id=None, created_at=START)
    assert record_id(first) == record_id(item(native_id=None, created_at=START, text="  路灯坏了\n"))
    assert record_id(first) != record_id(item(native_id=None, created_at=START + timedelta(days=1)))
    assert record_id(first) != record_id(item(native_id=None, created_at=START, text="路灯亮了"))


def test_the_zone_that_an_instant_is_written_in_makes_no_difference() -> None:
    told = [
        item(native_id=None, created_at=text)
        for text in ("2026-03-01T01:05:00Z", "2026-03-01T09:05:00+08:00", "2026-03-01 09:05")
    ]
    assert len({(record_id(one), revision(one)) for one in told}) == 1


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-01:00"])
def test_the_ends_of_the_calendar_are_refused(end: str) -> None:
    with pytest.raises(ValidationError, match="超出"):
        item(created_at=end)


def test_what_the_inbox_cannot_write_down_is_refused() -> None:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    for value in ("\ud800", deep, object()):
        with pytest.raises(ValidationError, match="JSON"):
            Item(source="a", payload=Payload(text="路灯坏了"), extra={"x": value})


@given(st.lists(st.text()), st.lists(st.text()))
def test_digest_keeps_lists_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("https://A.Cn:443", "https://a.cn/"),
        ("http://a.cn:8080/b/", "http://a.cn:8080/b"),
        ("http://a.cn/b;jsessionid=1A2?x=", "http://a.cn/b?x="),
        ("http://a.cn/?q=雨&spm=1", "http://a.cn/?q=%E9%9B%A8"),
    ],
)
def test_canonical_url(given_url: str, expected: str) -> None:
    assert canonical_url(given_url) == expected
    assert canonical_url(expected) == expected


def test_a_later_time_is_a_later_revision() -> None:
    first = item(created_at=START)
    assert revision(first) < revision(item(created_at=START, replied_at=START + timedelta(seconds=1), reply="已修"))


def test_more_fields_at_the_same_time_is_later() -> None:
    assert revision(item(created_at=START)) < revision(item(created_at=START, rating=5))


def test_a_planned_time_is_no_event() -> None:
    late, later = START + timedelta(days=30), START + timedelta(days=1)
    assert revision(item(created_at=START, due_at=late)) < revision(
        item(created_at=START, due_at=late, signed_at=later)
    )


def test_same_content_same_revision_whenever_it_was_fetched() -> None:
    left, right = item(created_at=START), item(created_at=START)
    assert revision(left) == revision(right.model_copy(update={"fetched_at": START + timedelta(days=9)}))


def test_given_revision_counts_before_the_times() -> None:
    assert revision(item(revision=1, created_at=START)) < revision(item(revision=2))


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_revision_is_exact_in_json(seconds: int) -> None:
    assert 0 <= revision(item(revision=seconds)) < 2**53


def test_a_time_without_zone_is_the_citys() -> None:
    naive = Payload(text="x", created_at=datetime(2026, 3, 1, 8, 0))  # noqa: DTZ001 - that is the point
    assert naive.created_at == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)


def test_pseudonym_depends_on_the_key_and_hides_the_speaker() -> None:
    assert pseudonym(b"k" * 32, "13800138000") == pseudonym(b"k" * 32, " 13800138000 ")
    assert pseudonym(b"k" * 32, "13800138000") != pseudonym(b"l" * 32, "13800138000")
    assert len(pseudonym(b"k" * 32, "13800138000")) == 16
