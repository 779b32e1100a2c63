"""满意度: its pages, exports and forms. What they show is computed in `api.index_answers`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import answers, frames, index_answers
from api.auth import Allow, house_of, scoped
from api.routes.pages import ROLES, newest_day
from dashboards import pages
from dashboards.frame import link
from dashboards.views.counts import window
from models.errors import BadRequest, NotFound
from models.figures import Index
from models.labels import Role
from models.query import Query
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
Policy = Annotated[Viewer, Depends(ROLES["satisfaction"])]
Deciding = Annotated[Viewer, Depends(Allow(Role.ANALYST))]
FILERS = (Role.ANALYST, Role.LEADER, Role.OPERATOR)
Filing = Annotated[Viewer, Depends(Allow(*FILERS))]
Evaluated = Annotated[Viewer, Depends(Allow(*FILERS, Role.RESEARCHER))]
DAYS = 90
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNITS = ("district", "department", "topic")
VIEWS = (*UNITS, "week", "street", "community")
MONTHS_DAYS = 730


class Asked:
    """What a page of the family is asked: whose store, which days, which part of the city."""

    def __init__(self, request: Request, viewer: Viewer, *, days: int = DAYS, longest: int = 400) -> None:
        self.request, self.viewer = request, viewer
        self.house, self.reader = house_of(request), scoped(request, viewer)
        self.last = newest_day(request, self.reader)
        self.since, self.until = frames.chosen_period(request, self.last, days, longest=longest)
        self.end = self.until + timedelta(days=1)
        self.district = frames.chosen_district(request, self.reader)
        self.text = request.query_params.get("text") != "0"

    @property
    def frame(self) -> Any:
        return frames.frame_of(self.request, self.reader, "satisfaction", since=self.since, until=self.until)

    def index(self, by: answers.By) -> Index:
        return answers.index(self.house, self.reader, by, self.since, self.end, district=self.district, text=self.text)

    def choice(self, name: str, allowed: tuple[str, ...]) -> Any:
        value = self.request.query_params.get(name) or allowed[0]
        if value not in allowed:
            raise BadRequest(name=name, value=value[:40], reason=f"应为 {'、'.join(allowed)} 之一")
        return value


@router.get("/satisfaction")
def overview(request: Request, viewer: Policy) -> Response:
    """总览: the index of units and weeks, tiers, funnel."""
    from dashboards.views.satisfaction import satisfaction_view
    from dashboards.views.tile_map import read_layout
    from indices.civic.surveys import Surveys
    from indices.saved_views import SavedViews

    asked = Asked(request, viewer)
    by = asked.choice("by", VIEWS)
    frame, districts = asked.frame, asked.index("district")
    weeks = index_answers.weekly(asked.house, asked.reader, districts)
    span = {"from": str(asked.since), "to": str(asked.until)}

    def records(**unit: str) -> str:
        return link("/search", {name: [value] for name, value in span.items()}, **unit)

    view = satisfaction_view(
        asked.index(by), weekly=asked.index("week"), districts=districts, cells=weeks.cells, drop=weeks.drop, place=frame.place,
        records=records if frame.may_search else None, saved=SavedViews(asked.house.database).own(viewer.name),
        surveys=Surveys(asked.house.database).all(viewer.districts), layout=read_layout(asked.house.folder / "districts.csv"),
    )  # fmt: skip
    return HTMLResponse(pages.render_satisfaction(view, frame))


@router.post("/satisfaction/views")
def save_view(
    request: Request,
    viewer: Policy,
    title: Annotated[str, Form(max_length=200)],
    path: Annotated[str, Form(max_length=2_000)],
) -> Response:
    """Keep an address under a name, for oneself."""
    from indices.saved_views import SavedViews

    made = SavedViews(house_of(request).database).keep(viewer.name, title, path)
    return RedirectResponse(made.path, status_code=303)


@router.post("/satisfaction/views/{view}/remove")
def remove_view(request: Request, view: int, viewer: Policy) -> Response:
    """Drop one's own."""
    from indices.saved_views import SavedViews

    SavedViews(house_of(request).database).remove(viewer.name, view)
    return RedirectResponse("/satisfaction", status_code=303)


@router.get("/satisfaction/change")
def change(request: Request, viewer: Policy) -> Response:
    """变化原因: two periods compared, what ratings depend on, what texts are worth."""
    from dashboards.views.index_change import change_view

    asked = Asked(request, viewer, days=28)
    by = asked.choice("by", ("topic", "district", "department"))
    before = _before(request, asked)
    found, problem = None, ""
    try:
        found = index_answers.change(
            asked.house, asked.reader, before, (asked.since, asked.until), by, district=asked.district
        )
    except BadRequest as error:
        problem = f"不能比较：{error.fields['name']}只有 {error.fields['value']}，{error.fields['reason']}"
    view = change_view(
        found, index_answers.drivers(asked.house, asked.reader, asked.since, asked.end, district=asked.district),
        index_answers.text_prediction(asked.house, asked.reader, asked.until - timedelta(days=364), asked.end, district=asked.district),
        by=by, before=before, after=(asked.since, asked.until), problem=problem,
    )  # fmt: skip
    return HTMLResponse(pages.render_satisfaction_change(view, asked.frame))


def _before(request: Request, asked: Asked) -> tuple[date, date]:
    """The earlier period of the address, by default as many days as the later one, just before it. Raises BadRequest."""
    last = frames.chosen_day(request, "before_to", asked.since - timedelta(days=1))
    first = frames.chosen_day(request, "before_from", last - (asked.until - asked.since))
    if not first <= last <= first + timedelta(days=400):
        raise BadRequest(name="before_from", value=str(first), reason=f"应不晚于 {last}，且跨度不超过 400 天")
    return first, last


@router.get("/satisfaction/weights")
def weights(request: Request, viewer: Policy) -> Response:
    """综合与权重: the composite by the scheme in force, or by weights of the address, which are kept nowhere."""
    from dashboards.views.weights import weights_view
    from indices.civic.weights import known
    from models.satisfaction import LAYERS

    asked = Asked(request, viewer)
    tried = {name: request.query_params[f"w_{name}"] for name in LAYERS if request.query_params.get(f"w_{name}")}
    scheme = index_answers.scheme_of(asked.house, asked.until, tried)
    found = index_answers.composite(asked.house, asked.reader, asked.index(asked.choice("by", UNITS)), scheme)
    frame = asked.frame
    view = weights_view(found, known(asked.house.database), trial=bool(tried), try_link=frame.link)
    return HTMLResponse(pages.render_satisfaction_weights(view, frame))


@router.get("/satisfaction/metrics")
def metrics(request: Request, viewer: Policy) -> Response:
    """指标与口径: every metric of the registry; one of them month by month."""
    from dashboards.views.metric_pages import metrics_view

    asked = Asked(request, viewer)
    found = index_answers.metrics(asked.house, asked.reader, asked.since, asked.end, district=asked.district)
    chosen = None
    if name := request.query_params.get("name"):
        begin = asked.until - timedelta(days=MONTHS_DAYS)
        chosen = index_answers.metric_series(
            asked.house, asked.reader, name[:64], begin, asked.end, district=asked.district
        )
    return HTMLResponse(pages.render_satisfaction_metrics(metrics_view(found.metrics, chosen), asked.frame))


@router.get("/satisfaction/policies")
def policies(request: Request, viewer: Policy) -> Response:
    """政策前后: the register, and of one policy what the ratings say."""
    from dashboards.views.policies import policies_view
    from indices.civic.policies import Policies

    asked = Asked(request, viewer)
    register = Policies(asked.house.database)
    chosen = effect = None
    problem = ""
    if number := request.query_params.get("policy"):
        if not number.isdigit():
            raise NotFound(what=f"政策 {number[:20]}")
        chosen = register.get(int(number))
        try:
            effect = index_answers.policy_effect(asked.house, asked.reader, chosen, asked.last)
        except BadRequest as error:
            problem = f"还不能判断：{error.fields['value']}，{error.fields['reason']}"
    districts, topics = (
        sorted(b.keys[0] for b in asked.reader.aggregate(Query(), [field])) for field in ("district", "topic")
    )
    view = policies_view(register.all(), chosen=chosen, effect=effect, problem=problem, districts=districts, topics=topics,
                         may_add=viewer.role is Role.ANALYST)  # fmt: skip
    return HTMLResponse(pages.render_satisfaction_policies(view, asked.frame))


@router.post("/satisfaction/policies")
def add_policy(
    request: Request, viewer: Deciding, title: Annotated[str, Form(max_length=200)], start: Annotated[str, Form(max_length=20)],
    text: Annotated[str, Form(max_length=10_000)] = "", districts: Annotated[list[str] | None, Form()] = None,
    topics: Annotated[list[str] | None, Form()] = None,
) -> Response:  # fmt: skip
    """Register a policy and look at it."""
    from api.questions import parse_day
    from indices.civic.policies import Policies
    from models import satisfaction

    house = house_of(request)
    made = Policies(house.database).add(
        satisfaction.Policy(
            title=title,
            start=parse_day(start, "start"),
            text=text,
            districts=tuple(districts or ()),
            topics=tuple(topics or ()),
        ),
        viewer.name,
    )
    house.audit.note(viewer.name, "policies.add", f"{made.number} {made.title}")
    return RedirectResponse(f"/satisfaction/policies?policy={made.number}", status_code=303)


@router.get("/satisfaction/evaluation")
def evaluation(request: Request, viewer: Evaluated) -> Response:
    """考核与申诉: units in tiers, appeals."""
    from dashboards.views.evaluation import evaluation_view
    from indices.civic.appeals import Appeals

    asked = Asked(request, viewer)
    by = asked.choice("by", ("street", "department", "community"))
    found = index_answers.evaluation(asked.house, asked.reader, by, asked.since, asked.end, district=asked.district)
    scope = viewer.districts
    seen = [one for one in Appeals(asked.house.database).all() if scope is None or one.district in scope]
    view = evaluation_view(
        found, seen, by=by, who=viewer.name, decides=viewer.role is Role.ANALYST, files=viewer.role in FILERS
    )
    return HTMLResponse(pages.render_satisfaction_evaluation(view, asked.frame))


@router.post("/satisfaction/appeals")
def file_appeal(
    request: Request, viewer: Filing, order: Annotated[str, Form(max_length=64)], ground: Annotated[str, Form(max_length=20)],
    text: Annotated[str, Form(max_length=2_000)],
) -> Response:  # fmt: skip
    """Appeal against an order's counting, by its number."""
    from indices.civic.appeals import Appeals

    house, reader = house_of(request), scoped(request, viewer)
    found = reader.search(Query(filters={"native_id": (order.strip(),)}, size=1)).hits
    record = found[0].record if found else reader.get(order.strip())
    if record is None:
        raise NotFound(what=f"工单 {order[:40]}")
    made = Appeals(house.database).file(
        record.id, record.native_id or record.id, record.district or "", ground, text, viewer.name
    )
    house.audit.note(viewer.name, "appeals.file", f"{made.number} {record.id}")
    return RedirectResponse("/satisfaction/evaluation", status_code=303)


@router.post("/satisfaction/appeals/{appeal}")
def decide_appeal(
    request: Request,
    appeal: int,
    viewer: Deciding,
    state: Annotated[str, Form(max_length=10)],
    note: Annotated[str, Form(max_length=2_000)],
) -> Response:
    """Uphold an appeal or not; the evaluation counts anew at once."""
    from indices.civic.appeals import Appeals

    house, register = house_of(request), Appeals(house_of(request).database)
    one = next((one for one in register.all() if one.number == appeal), None)
    if one is None or (viewer.districts is not None and one.district not in viewer.districts):
        raise NotFound(what=f"申诉 {appeal}")
    register.decide(appeal, state, note, viewer.name)
    house.audit.note(viewer.name, "appeals.decide", f"{appeal} {state}")
    return RedirectResponse("/satisfaction/evaluation", status_code=303)


@router.get("/satisfaction.xlsx")
def export_xlsx(request: Request, viewer: Policy) -> Response:
    """All of it as a workbook, definitions included."""
    from dashboards.index_tables import xlsx

    asked = Asked(request, viewer)
    asked.house.audit.note(viewer.name, "satisfaction.xlsx", f"{asked.since} {asked.until}")
    return _file(xlsx(_sheets(asked)), XLSX, f"satisfaction-{asked.since}-{asked.until}.xlsx")


@router.get("/satisfaction.docx")
def export_word(request: Request, viewer: Policy) -> Response:
    """All of it as a Word appendix."""
    from dashboards.index_tables import period_of, word
    from dashboards.word import MEDIA_TYPE

    asked = Asked(request, viewer)
    asked.house.audit.note(viewer.name, "satisfaction.docx", f"{asked.since} {asked.until}")
    title = f"附件：满意度指数（{asked.frame.place}，{period_of(window(asked.since, asked.until))}）"
    return _file(word(_sheets(asked), title), MEDIA_TYPE, f"satisfaction-{asked.since}-{asked.until}.docx")


def _sheets(asked: Asked) -> Any:
    from dashboards.index_tables import index_sheets

    by = asked.choice("by", VIEWS)
    index = asked.index(by)
    scheme = index_answers.scheme_of(asked.house, asked.until, {})
    composite = index_answers.composite(asked.house, asked.reader, index, scheme) if by in UNITS else None
    metrics = index_answers.metrics(asked.house, asked.reader, asked.since, asked.end, district=asked.district)
    return index_sheets(index, asked.index("week"), composite, metrics.metrics, asked.frame.place)


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
