"""View in, HTML out: one function a page, one a partial. No I/O but the templates, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dashboards import assets, formats
from dashboards.frame import THEMES, Frame, Theme, link
from models.labels import DEPARTMENTS

if TYPE_CHECKING:
    from jinja2 import Environment

    from dashboards.briefing import Briefing
    from dashboards.views.admin import AdminView
    from dashboards.views.alert_rules import RulesView
    from dashboards.views.alerts import AlertsView
    from dashboards.views.desk import DeskView
    from dashboards.views.evaluation import EvaluationView
    from dashboards.views.hotspots import HotspotsView, HotspotView
    from dashboards.views.incidents import IncidentsView, IncidentView
    from dashboards.views.index_change import ChangeView
    from dashboards.views.instructions import InstructionsView
    from dashboards.views.metric_pages import MetricsView
    from dashboards.views.policies import PoliciesView
    from dashboards.views.records import RecordView
    from dashboards.views.satisfaction import SatisfactionView
    from dashboards.views.search import SearchView
    from dashboards.views.source_page import SourcePage
    from dashboards.views.sources import SourcesView
    from dashboards.views.streams import StreamsView, StreamView
    from dashboards.views.subscriptions import SubscriptionsView
    from dashboards.views.today import TodayView
    from dashboards.views.topics import TopicsView
    from dashboards.views.weights import WeightsView

TEMPLATES: Final = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Templates: everything is escaped (S8), an unknown name is an error and not an empty string."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        auto_reload=False,
    )  # fmt: skip
    for name in ("number", "percent", "signed", "interval", "day", "short_day", "span", "moment", "full_moment"):
        made.filters[name] = getattr(formats, name)
    made.filters["department"] = lambda code: DEPARTMENTS.get(code, code) if code else ""
    made.globals.update(asset=assets.url, link=link)
    return made


def render(template: str, **context: Any) -> str:
    """A template of `dashboards/templates` with its context."""
    return environment().get_template(template).render(**context)


def render_today(view: TodayView, frame: Frame) -> str:
    """今日, or its wall form where `view.wall` is set."""
    return render("wall.html" if view.wall else "today.html", view=view, frame=frame, title="今日")


def render_hotspots(view: HotspotsView, frame: Frame) -> str:
    """热点事件; with `view.selected` the panel stands open, so that the address of an incident can be sent."""
    return render("hotspots.html", view=view, frame=frame, title="热点事件")


def render_hotspot_panel(view: HotspotView, frame: Frame) -> str:
    """Partial of `GET /hotspots/{key}` for `HX-Request`."""
    return render("parts/hotspot.html", view=view, frame=frame)


def render_incidents(view: IncidentsView, frame: Frame) -> str:
    """事件台账."""
    return render("incidents.html", view=view, frame=frame, title="事件台账")


def render_incident(view: IncidentView, frame: Frame) -> str:
    """One incident of the register."""
    return render("incident.html", view=view, frame=frame, title=view.account.incident.title)


def render_alerts(view: AlertsView, frame: Frame) -> str:
    """预警."""
    return render("alerts.html", view=view, frame=frame, title="预警")


def render_alert_rules(view: RulesView, frame: Frame) -> str:
    """预警规则."""
    return render("alert_rules.html", view=view, frame=frame, title="预警规则")


def render_streams(view: StreamsView, frame: Frame) -> str:
    """网络热榜."""
    return render("streams.html", view=view, frame=frame, title="网络热榜")


def render_stream(view: StreamView, frame: Frame) -> str:
    """One event of a hot-search list."""
    return render("stream.html", view=view, frame=frame, title=view.event.title)


def render_instructions(view: InstructionsView, frame: Frame) -> str:
    """批示."""
    return render("instructions.html", view=view, frame=frame, title="批示")


def render_subscriptions(view: SubscriptionsView, frame: Frame) -> str:
    """订阅."""
    return render("subscriptions.html", view=view, frame=frame, title="关键词订阅")


def render_topics(view: TopicsView, frame: Frame) -> str:
    """新话题."""
    return render("topics.html", view=view, frame=frame, title="新话题")


def render_satisfaction(view: SatisfactionView, frame: Frame) -> str:
    """满意度."""
    return render("satisfaction.html", view=view, frame=frame, title="满意度")


def render_satisfaction_change(view: ChangeView, frame: Frame) -> str:
    """满意度 → 变化原因."""
    return render("satisfaction_change.html", view=view, frame=frame, title="满意度：变化原因")


def render_satisfaction_weights(view: WeightsView, frame: Frame) -> str:
    """满意度 → 综合与权重."""
    return render("satisfaction_weights.html", view=view, frame=frame, title="满意度：综合与权重")


def render_satisfaction_metrics(view: MetricsView, frame: Frame) -> str:
    """满意度 → 指标与口径."""
    return render("satisfaction_metrics.html", view=view, frame=frame, title="满意度：指标与口径")


def render_satisfaction_policies(view: PoliciesView, frame: Frame) -> str:
    """满意度 → 政策前后."""
    return render("satisfaction_policies.html", view=view, frame=frame, title="满意度：政策前后")


def render_satisfaction_evaluation(view: EvaluationView, frame: Frame) -> str:
    """满意度 → 考核与申诉."""
    return render("satisfaction_evaluation.html", view=view, frame=frame, title="满意度：考核与申诉")


def render_desk(view: DeskView, frame: Frame) -> str:
    """分派台."""
    return render("desk.html", view=view, frame=frame, title="分派台")


def render_desk_work(view: DeskView, frame: Frame) -> str:
    """Partial of `POST /desk/{id}/decide` and `GET /desk/next` for `HX-Request`: counters, queue and the next order."""
    return render("parts/desk_work.html", view=view, frame=frame)


def render_search(view: SearchView, frame: Frame) -> str:
    """检索."""
    return render("search.html", view=view, frame=frame, title="检索")


def render_search_results(view: SearchView, frame: Frame) -> str:
    """Partial of `GET /search/results` for `HX-Request`: everything under the query box."""
    return render("parts/search_results.html", view=view, frame=frame)


def render_record(view: RecordView, frame: Frame) -> str:
    """A record as a page of its own (`GET /records/{id}` without `HX-Request`)."""
    return render("record.html", view=view, frame=frame, title=view.title)


def render_record_panel(view: RecordView) -> str:
    """Partial of `GET /records/{id}` for `HX-Request`: the side panel."""
    return render("parts/record.html", view=view)


def render_briefing(view: Briefing, frame: Frame, *, word_url: str, pdf_url: str = "") -> str:
    """简报: the paper on a page, each number led to its source."""
    return render("briefing.html", view=view, frame=frame, word_url=word_url, pdf_url=pdf_url, title=view.title)


def render_sources(view: SourcesView, frame: Frame) -> str:
    """数据源."""
    return render("sources.html", view=view, frame=frame, title="数据源")


def render_source(view: SourcePage, frame: Frame) -> str:
    """One source."""
    return render("source.html", view=view, frame=frame, title=view.source.title or view.source.name)


def render_admin(view: AdminView, frame: Frame) -> str:
    """管理."""
    return render("admin.html", view=view, frame=frame, title="管理")


def render_login(
    *, csrf: str, city: str = "", error: str = "", name: str = "", after: str = "", theme: Theme = "auto"
) -> str:
    """The sign-in page; `after` is the local address to go to then (a hidden field `next`)."""
    return render("login.html", csrf=csrf, city=city, error=error, name=name, after=after, theme=theme, title="登录")


# What the reader can do, by status. Absent and forbidden read alike (S1).
_ADVICE: Final = {
    400: ("请求有误", "请检查输入后重试。"),
    401: ("需要登录", "登录已过期，请重新登录。"),
    403: ("没有找到", "地址不存在，或不在您的范围内。"),
    404: ("没有找到", "地址不存在，或不在您的范围内。"),
    413: ("内容过大", "请分批提交。"),
    422: ("请求有误", "请检查输入后重试。"),
    429: ("请求过多", "请稍候再试。"),
    503: ("暂时不可用", "数据没有丢失，稍后会恢复。"),
}


def render_error(
    status: int, *, sentence: str = "", code: str = "", frame: Frame | None = None, retry_after_seconds: int | None = None,
    theme: Theme = "auto",
) -> str:  # fmt: skip
    """An error page: what failed, what to do, the code. A 403 is shown exactly as a 404."""
    shown = 404 if status == 403 else status
    heading, advice = _ADVICE.get(shown, ("出了问题", "请稍后重试；若持续出现，请把下面的代码告诉系统管理员。"))
    return render(
        "error.html", status=shown, heading=heading, sentence=(sentence if shown != 404 else "") or advice, code=code, frame=frame,
        retry_after=retry_after_seconds, theme=frame.theme if frame else theme, title=heading,
    )  # fmt: skip


def render_error_part(sentence: str, code: str = "") -> str:
    """An error inside a page, for `HX-Request`; the script shows it in the place of what was asked for."""
    return render("parts/error.html", sentence=sentence, code=code)


def theme_of(cookie: str | None) -> Theme:
    """The theme that the cookie `theme` names; anything else is `auto`."""
    return next((theme for theme in THEMES if theme == cookie), "auto")
