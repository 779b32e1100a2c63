from datetime import date
from pathlib import Path

import pytest

from indices.civic.catalogue import Catalogue, Entry
from models.errors import BadFile

DAY = date(2026, 6, 1)
HEAD = "topic,subtopic,district,code,unit,binding,from,until\n"


def load(path: Path, text: str) -> Catalogue:
    path.write_text(text, encoding="utf-8-sig")
    return Catalogue.load(path)


def test_without_a_file_the_generic_names_serve(tmp_path: Path) -> None:
    catalogue = Catalogue.load(tmp_path / "none.csv")
    assert catalogue.office("城管", "城乡建设", None, "河东区", DAY) == "城市管理和综合执法"
    assert catalogue.binding("城乡建设", None, "河东区", DAY) is None


def test_the_most_specific_row_names_the_office(tmp_path: Path) -> None:
    rows = ",,,城管,市城管局,,,\n,,河东区,城管,河东区城管局,,,\n环境保护,,河东区,城管,河东区城管局噪声科,,,\n"
    catalogue = load(tmp_path / "c.csv", HEAD + rows)
    assert catalogue.office("城管", "城乡建设", None, "河东区", DAY) == "河东区城管局"
    assert catalogue.office("城管", "环境保护", "环境污染", "河东区", DAY) == "河东区城管局噪声科"
    assert catalogue.office("城管", "环境保护", None, "河西区", DAY) == "市城管局"
    assert catalogue.office("水务", None, None, None, DAY) == "水务"


def test_only_binding_rows_decide_and_only_for_their_matter(tmp_path: Path) -> None:
    catalogue = load(
        tmp_path / "c.csv", HEAD + "环境保护,环境污染,,生态,市生态环境局,是,,\n城乡建设,,,住建,市住建局,,,\n"
    )
    entry = catalogue.binding("环境保护", "环境污染", "河东区", DAY)
    assert entry is not None
    assert entry.code == "生态"
    assert "市生态环境局" in entry.in_words()
    assert catalogue.binding("环境保护", "环保管理", None, DAY) is None
    assert catalogue.binding("城乡建设", None, None, DAY) is None
    assert catalogue.binding(None, None, None, DAY) is None


def test_rows_hold_between_their_dates(tmp_path: Path) -> None:
    catalogue = load(tmp_path / "c.csv", HEAD + ",,,城管,旧局,,,2026-05-31\n,,,城管,新局,,2026-06-01,\n")
    assert catalogue.office("城管", None, None, None, date(2026, 5, 31)) == "旧局"
    assert catalogue.office("城管", None, None, None, DAY) == "新局"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("topic,unit\n", "code"),
        (HEAD + ",,,城管局,x,,,\n", "'城管局'"),
        (HEAD + "环保,,,生态,x,,,\n", "'环保'"),
        (HEAD + ",,,生态,x,,2026/1/1,\n", "'2026/1/1'"),
    ],
)
def test_a_bad_file_is_refused_with_the_value_seen(tmp_path: Path, text: str, seen: str) -> None:
    with pytest.raises(BadFile, match=seen):
        load(tmp_path / "c.csv", text)


def test_specificity_puts_place_before_matter() -> None:
    place, matter = Entry("城管", "a", district="河东区"), Entry("城管", "b", topic="城乡建设", subtopic="城乡规划")
    assert place.specificity > matter.specificity


def test_a_file_from_a_chinese_spreadsheet_is_read_and_one_of_no_known_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes((HEAD + ",,河东区,城管,河东区城管局,,,\n").encode("gb18030"))
    assert Catalogue.load(path).office("城管", None, None, "河东区", DAY) == "河东区城管局"
    path.write_bytes(HEAD.encode() + b",,\xff\xff\xff,x\n")
    with pytest.raises(BadFile, match="GB18030"):
        Catalogue.load(path)
