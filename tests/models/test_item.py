from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from models.item import Item, Payload


@pytest.mark.parametrize("value", [20260301, 1_772_000_000, 3.5, True, "20260301", " 1772000000 ", "1e9", "-3"])
def test_a_number_is_no_date(value: object) -> None:
    with pytest.raises(ValidationError, match="不能是一个数"):
        Payload.model_validate({"created_at": value})


@pytest.mark.parametrize(
    "value", ["2026-03-01T08:30:00+08:00", "2026-03-01T00:30:00Z", "2026-03-01 08:30:00", "2026-03-01T08:30"]
)
def test_a_written_date_is_one_instant(value: str) -> None:
    found = Payload.model_validate({"created_at": value}).created_at
    assert found == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [("likes", "3"), ("likes", True), ("likes", 2.5), ("contacted", 1), ("contacted", "yes"), ("rating", "5"),
     ("rating", 6), ("longitude", "120.1"), ("latitude", 91.0), ("returns", -1)],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Payload.model_validate({field: value})


def test_what_fits_is_taken() -> None:
    found = Payload.model_validate({"likes": 3, "contacted": False, "rating": 5, "longitude": 120, "latitude": 30.5})
    assert (found.likes, found.contacted, found.rating, found.longitude) == (3, False, 5, 120.0)
    assert Item.model_validate({"source": "hotline", "payload": found, "revision": 3}).revision == 3
