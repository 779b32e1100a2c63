from crawlers.feeds.propose import propose
from crawlers.feeds.synonyms import SYNONYMS
from models.item import Payload

ORDER = {"编号": "R-1", "受理时间": "2026-03-01 08:00", "标题": "路灯不亮", "内容": "柳堤路东段路灯不亮已有三天", "区县": "河东区",
         "承办单位": "河东区城管局", "满意度": "满意"}  # fmt: skip


def test_another_citys_headers_are_understood_without_code() -> None:
    proposal = propose("city", tuple(ORDER), [dict(ORDER)])
    assert proposal.doubts == ()
    assert proposal.mapping.columns == {
        "编号": "native_id", "受理时间": "created_at", "标题": "title", "内容": "text", "区县": "district", "承办单位": "department",
        "满意度": "rating",
    }  # fmt: skip


def test_longer_names_and_notes_in_brackets() -> None:
    row = {
        "诉求编号（必填）": "1",
        "登记时间": "2026-3-1",
        "诉求内容*": "小区停水，请尽快处理",
        "主办单位名称": "水务集团",
        "工单状态": "已办结",
    }
    assert propose("x", tuple(row), [dict(row)]).mapping.columns == {
        "诉求编号（必填）": "native_id", "登记时间": "created_at", "诉求内容*": "text", "主办单位名称": "department", "工单状态": "status",
    }  # fmt: skip


def test_a_name_whose_values_are_no_such_thing_is_not_taken() -> None:
    rows = [{"编号": "1", "时间": "2026-3-1", "内容": "x" * 20, "评价": "回访人表示处理及时，态度很好"}] * 3
    assert "评价" not in propose("x", tuple(rows[0]), [dict(r) for r in rows]).mapping.columns


def test_a_text_without_a_name_is_known_by_its_length_and_a_time_by_its_form() -> None:
    row = {"编号": "1", "栏一": "2026-03-01 08:00", "栏二": "柳堤路东段路灯不亮已有三天，请尽快安排维修", "栏三": "甲"}
    assert propose("x", tuple(row), [dict(row)]).mapping.columns == {
        "编号": "native_id",
        "栏一": "created_at",
        "栏二": "text",
    }


def test_two_columns_that_fit_equally_well_are_a_doubt() -> None:
    row = {"编号": "1", "时间": "2026-3-1", "投诉内容描述": "x" * 20, "留言内容描述": "y" * 20}
    assert any("请选定一列" in doubt for doubt in propose("x", tuple(row), [dict(row)]).doubts)


def test_what_is_missing_is_said() -> None:
    doubts = "；".join(propose("x", ("甲", "乙"), [{"甲": "1", "乙": "2"}]).doubts)
    assert "标题或内容" in doubts
    assert "受理时间" in doubts
    assert "编号" in doubts


def test_unused_columns_are_listed() -> None:
    row = {**ORDER, "备注": "无"}
    assert propose("x", tuple(row), [dict(row)]).unused == ("备注",)


def test_every_synonym_leads_to_a_field_that_exists() -> None:
    assert set(SYNONYMS) <= {"native_id", *Payload.model_fields}
