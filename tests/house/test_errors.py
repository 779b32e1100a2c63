"""Every error of the tree has a code of its own, a sentence with a repair, a family, and a line in docs/errors.md."""

import re
from pathlib import Path

import pytest

from models import errors
from models.errors import MinshengError, Quarantine, Refuse, Retry

DOCUMENT = Path(__file__).parents[2] / "docs" / "errors.md"
FAMILIES = (Retry, Quarantine, Refuse)


def concrete(kind: type[MinshengError] = MinshengError) -> list[type[MinshengError]]:
    return [k for sub in kind.__subclasses__() for k in ([] if sub in FAMILIES else [sub]) + concrete(sub)]


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in concrete()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"MS\d{3}", code) for code in codes)


@pytest.mark.parametrize("kind", concrete(), ids=lambda kind: kind.__name__)
def test_an_error_belongs_to_a_family_and_speaks_in_sentences(kind: type[MinshengError]) -> None:
    assert sum(issubclass(kind, family) for family in FAMILIES) == 1
    assert kind.__module__ == errors.__name__
    assert kind.sentence.endswith("。")
    assert 400 <= kind.status < 600


@pytest.mark.parametrize("kind", concrete(), ids=lambda kind: kind.__name__)
def test_the_message_shows_every_value_seen(kind: type[MinshengError]) -> None:
    names = re.findall(r"{(\w+)", kind.sentence)
    error = kind(**{name: f"<{name}>" for name in names})
    assert all(f"<{name}>" in error.message for name in names)
    assert str(error).startswith(f"{kind.code} ")


def test_the_document_lists_exactly_these_codes_with_their_sentences() -> None:
    rows = dict(
        re.findall(r"^\| (MS\d{3}) \| \w+ \| \d+ \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert rows == {kind.code: kind.sentence.replace("|", "\\|") for kind in concrete()}
