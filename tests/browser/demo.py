"""A tiny application around the pages, for tests and for looking at them: `python tests/browser/demo.py`."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from api.alerts import Told
from dashboards import assets, pages
from dashboards.views.admin import admin_view
from dashboards.views.alert_rules import next_text, rules_view, trial_of
from dashboards.views.alerts import alerts_view
from dashboards.views.counts import window
from dashboards.views.desk import Counters, Decided, by_urgency_and_doubt, desk_view
from dashboards.views.hotspots import hotspot_view, hotspots_view
from dashboards.views.incidents import incident_view, incidents_view
from dashboards.views.instructions import InstructionsView, rows_of
from dashboards.views.records import record_view
from dashboards.views.search import Ask, search_view
from dashboards.views.sources import daily_counts, sources_view
from dashboards.views.streams import stream_view, streams_view
from dashboards.views.subscriptions import subscriptions_view
from dashboards.views.today import today_view
from dashboards.views.topics import topics_view
from indices.alerts.channels import Channel
from indices.alerts.life import steps_of, take_step
from indices.alerts.outbox import list_deliveries, run
from indices.alerts.rules import Raised
from indices.civic.alerts import list_alerts, record_alerts
from indices.civic.levels import load_rules
from indices.civic.metrics import measure
from indices.incidents.account import account
from indices.incidents.register import list_incidents, living, records_of
from indices.instructions import Instruction
from indices.streams.events import StreamEvent
from indices.streams.links import Link
from indices.subscriptions import Subscription
from indices.topics.register import Topic
from models.labels import Level, Role

TABS = runpy.run_path(str(Path(__file__).with_name("tabs.py")))["TABS"]
METRICS = ("timely_rate", "resolution_rate", "satisfaction_rate", "return_rate")


class Demo:
    """Pages of the invented city. `poison` is put into every text that a citizen or a source could have written."""

    def __init__(self, city: Any) -> None:
        self.city = city
        self.store = city.store(city.records(per_day=14))
        self.poison = ""
        self.decided: list[tuple[str, str]] = []
        self.posted: list[dict[str, str]] = []
        self._poisoned: dict[str, Any] = {}

    # --- what the routes of the real application do ---
    def frame(self, request: Request, page: str, role: Role = Role.ANALYST, **changes: Any) -> Any:
        params: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            params.setdefault(name, []).append(value)
        made = self.city.frame(page, request.url.path, role, params=params, **changes)
        return replace(
            made, theme=pages.theme_of(request.cookies.get("theme")), slim=request.cookies.get("rail") == "slim"
        )

    def reader(self) -> Any:
        if not self.poison:
            return self.store
        if self.poison not in self._poisoned:
            self._poisoned = {self.poison: self._poisoned_store()}
        return self._poisoned[self.poison]

    def _poisoned_store(self) -> Any:
        bad = {
            "title": self.poison, "text": self.poison, "reply": self.poison, "street": self.poison, "place": self.poison,
            "district": self.poison, "department": self.poison, "status": self.poison, "source": self.poison, "native_id": self.poison,
            "stated_type": self.poison, "channel": self.poison,
        }  # fmt: skip
        made = []
        for record in self.city.records(per_day=2, days=1):
            note = record.annotation.model_copy(
                update={"topic": self.poison, "model": self.poison, "keywords": (self.poison,)}
            )
            made.append(record.model_copy(update={**bad, "annotation": note}))
        return self.city.store(made)

    def hotspots(self, request: Request) -> Any:
        if request.query_params.get("state") == "empty":
            return self.city.no_hotspots()
        found = self.city.hotspots()
        if not self.poison:
            return found
        sentence = found.hotspots[0].sentences[0].model_copy(update={"text": self.poison, "id": self.poison})
        bad = {"title": self.poison, "places": (self.poison,), "topic": self.poison, "department": self.poison, "rule": self.poison,
               "sentences": (sentence,), "channels": (self.poison,), "key": "hot-1"}  # fmt: skip
        return found.model_copy(
            update={"hotspots": (found.hotspots[0].model_copy(update=bad),), "silent_sources": (self.poison,)}
        )

    async def today(self, request: Request) -> Response:
        view = today_view(
            self.reader(), day=self.city.DAY, hotspots=self.hotspots(request), last_hotspot=self.city.DAY.replace(day=3),
            wall=request.query_params.get("wall") == "1", briefing_url="/briefing",
            metrics=[measure(self.store, name, window(self.city.DAY, self.city.DAY)) for name in METRICS],
        )  # fmt: skip
        scope = replace(self.city.frame("today", "/").scope, kind="day")
        return HTMLResponse(pages.render_today(view, self.frame(request, "today", Role.LEADER, scope=scope)))

    async def hotspot_list(self, request: Request) -> Response:
        frame = self.frame(request, "hotspots", Role.LEADER)
        found = self.hotspots(request)
        selected = None
        if key := request.path_params.get("key"):
            figure = next((h for h in found.hotspots if h.key == key), None)
            if figure is None:
                return self.missing(request)
            selected = hotspot_view(self.reader(), frame.viewer, figure, now=self.city.NOW)
            if request.headers.get("HX-Request"):
                return HTMLResponse(pages.render_hotspot_panel(selected, frame))
        view = hotspots_view(found, since=frame.scope.since, until=frame.scope.until, selected=selected)
        return HTMLResponse(pages.render_hotspots(view, frame))

    def register(self) -> Any:
        """A register of its own with the city's hotspots, one of them confirmed by a person."""
        if not hasattr(self, "_engine"):
            from indices.database import connect, create_tables
            from indices.incidents.changes import Changes
            from indices.incidents.register import take_in

            self._folder = TemporaryDirectory()
            self._engine = connect(f"sqlite:///{self._folder.name}/state.db")
            create_tables(self._engine)
            take_in(self._engine, self.city.hotspots().hotspots, at=self.city.NOW)
            Changes(self._engine, "leader").step("SJ2026-00001", "confirm", "已核实")
            first, *_ = record_alerts(self._engine, self.city.hotspots(), at=self.city.NOW - timedelta(hours=2))
            take_step(self._engine, first.id, "acknowledge", "leader", "正在核实")
            run(self._engine, [Channel("值班群", "x", levels=frozenset(Level), escalations=True)], lambda *_: "没有回话",
                clock=lambda: self.city.NOW)  # fmt: skip
        return self._engine

    def close(self) -> None:
        if hasattr(self, "_engine"):
            self._engine.dispose()
            self._folder.cleanup()

    async def incident_list(self, request: Request) -> Response:
        engine, state = self.register(), request.query_params.get("state", "")
        rows = [
            (one, len(records_of(engine, one.number)))
            for one in list_incidents(engine, states=[state] if state else [])
        ]
        if self.poison:
            rows = [(replace(one, title=self.poison, place=self.poison, topic=self.poison), n) for one, n in rows]
        view = incidents_view(rows, state=state, now=self.city.NOW)
        return HTMLResponse(pages.render_incidents(view, self.frame(request, "hotspots", Role.LEADER)))

    async def incident(self, request: Request) -> Response:
        engine, number = self.register(), request.path_params["number"]
        one = living(engine, number)
        found = account(engine, self.store, one, today=self.city.DAY)
        assert found is not None
        if self.poison:
            bad = [record.model_copy(update={"title": self.poison, "street": self.poison}) for record in found.records]
            moments = [replace(moment, words=self.poison) for moment in found.timeline]
            found = replace(found, incident=replace(one, title=self.poison, place=self.poison, topic=self.poison),
                            records=tuple(bad), timeline=tuple(moments), districts=((self.poison, 2),))  # fmt: skip
        view = incident_view(found, asked=number, may_change=True, instructions=self.notes())
        return HTMLResponse(pages.render_incident(view, self.frame(request, "hotspots", Role.LEADER)))

    def notes(self) -> Any:
        text = self.poison or "请水务局两日内查明原因"
        one = Instruction(1, "incident:SJ2026-00001", text, self.poison or "李", self.poison or "水务局", self.city.DAY, self.city.NOW, "answered",
                          self.poison or "已更换管段", "王", self.city.NOW, None)  # fmt: skip
        return rows_of([one], today=self.city.DAY, may_close=True)

    async def instruction_list(self, request: Request) -> Response:
        rows = () if request.query_params.get("state") == "empty" else self.notes()
        view = InstructionsView(rows, f"briefing:{self.city.DAY}")
        return HTMLResponse(pages.render_instructions(view, self.frame(request, "today", Role.LEADER)))

    async def change_incident(self, request: Request) -> Response:
        form = await request.form()
        self.posted.append({"action": request.path_params["action"], **{k: str(v) for k, v in form.items()}})
        return RedirectResponse(f"/incidents/{request.path_params['number']}", 303)

    async def alert_list(self, request: Request) -> Response:
        engine = self.register()
        rows = []
        if request.query_params.get("state") != "empty":
            for one in list_alerts(engine):
                log, sent = tuple(steps_of(engine, one.id)), tuple(list_deliveries(engine, alert=one.id))
                shown = replace(one, title=self.poison, rule=self.poison) if self.poison else one
                noted = tuple(replace(step, who=self.poison, note=self.poison) for step in log) if self.poison else log
                rows.append(Told(shown, "SJ2026-00001", noted, sent))
        view = alerts_view(rows, everything=request.query_params.get("show") == "all", now=self.city.NOW)
        return HTMLResponse(pages.render_alerts(view, self.frame(request, "hotspots", Role.LEADER)))

    async def alert_rules(self, request: Request) -> Response:
        known = load_rules()
        raised = Raised(self.city.DAY, Level.ORANGE, self.poison or "渡口镇自来水浑浊", 21, "规则")
        view = rules_view(known, [], known[0], next_text("[[rule]]", self.city.DAY), problem=self.poison,
                          trial=trial_of(("default-1", []), ("city-1", [raised]), 90))  # fmt: skip
        return HTMLResponse(pages.render_alert_rules(view, self.frame(request, "hotspots", Role.LEADER)))

    def stream_event(self) -> Any:
        hours = [self.city.NOW.replace(minute=0) - timedelta(hours=step) for step in range(9, -1, -1)]
        curve = tuple((hour, 12 - number) for number, hour in enumerate(hours) if number != 4)
        title = self.poison or "渡口镇自来水浑浊"
        return StreamEvent(
            "e1", title, (title, f"{title} 官方回应"), hours[0], hours[-1], len(curve), 3, 987_654, curve
        )

    async def subscription_list(self, request: Request) -> Response:
        record = self.reader().search(self.city.Query(size=1)).hits[0].record
        viewer = self.frame(request, "hotspots").viewer
        one = Subscription(1, viewer.name, viewer, self.poison or "(燃气 OR 煤气) AND 泄漏", self.city.NOW, 12, 3)
        own = [] if request.query_params.get("state") == "empty" else [(one, [(record.id, self.city.NOW)])]
        return HTMLResponse(
            pages.render_subscriptions(subscriptions_view(own, self.reader().get), self.frame(request, "hotspots"))
        )

    async def topic_list(self, request: Request) -> Response:
        record = self.reader().search(self.city.Query(size=1)).hits[0].record
        one = Topic(
            1, (self.poison or "无人机", "航拍"), "new", "", self.city.DAY, self.city.DAY, 30, 20, 3.3, (record.id,)
        )
        found = [] if request.query_params.get("state") == "empty" else [one]
        view = topics_view(found, self.reader().get, may_decide=True)
        return HTMLResponse(pages.render_topics(view, self.frame(request, "hotspots")))

    async def stream_list(self, request: Request) -> Response:
        found = [] if request.query_params.get("state") == "empty" else [self.stream_event()]
        view = streams_view(found, sources=["weibo", "other"], source="weibo")
        return HTMLResponse(pages.render_streams(view, self.frame(request, "hotspots", Role.LEADER)))

    async def stream(self, request: Request) -> Response:
        record = self.reader().search(self.city.Query(size=1)).hits[0].record
        view = stream_view(self.stream_event(), [Link(record, (self.poison or "自来水", "渡口镇"))], source="weibo")
        return HTMLResponse(pages.render_stream(view, self.frame(request, "hotspots", Role.LEADER)))

    async def satisfaction(self, request: Request) -> Response:
        return HTMLResponse(TABS["overview"](self, self.frame(request, "satisfaction")))

    async def satisfaction_tab(self, request: Request) -> Response:
        return HTMLResponse(TABS[request.path_params["tab"]](self, self.frame(request, "satisfaction")))

    def desk_now(self, request: Request) -> Any:
        done = {record_id for record_id, _ in self.decided}
        everything = list(self.reader().search(self.city.Query(size=30)).hits)
        queue = [r for r in by_urgency_and_doubt([hit.record for hit in everything]) if r.id not in done]
        wanted = request.query_params.get("id")
        order = next((r for r in queue if r.id == wanted), queue[0] if queue else None)
        state = request.query_params.get("state")
        if state == "empty":
            queue, order = [], None
        routing = self.city.routing(order, to_person=state == "unsure") if order else None
        last = Decided(self.decided[-1][0], f"已派 {self.decided[-1][1]}") if self.decided else None
        counters = Counters(len(self.decided), len(self.decided), 0, 0, len(queue))
        incident = self.hotspots(request).hotspots
        return desk_view(
            queue, now=self.city.NOW, current=(order, routing) if order and routing else None, counters=counters, last=last,
            incident=incident[0] if incident else None,
        )  # fmt: skip

    async def desk(self, request: Request) -> Response:
        view, frame = self.desk_now(request), self.frame(request, "desk", Role.OPERATOR)
        if request.headers.get("HX-Request"):
            return HTMLResponse(pages.render_desk_work(view, frame))
        return HTMLResponse(pages.render_desk(view, frame))

    async def decide(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.posted.append({**form, "id": request.path_params["id"], "header": request.headers.get("X-CSRF-Token", "")})
        if form.get("department") == "纪检":
            return HTMLResponse(pages.render_error_part("单位 纪检 不在派单目录中。请选择其他单位。", "MS306"), 400)
        if form["action"] == "undo":
            self.decided.pop()
        else:
            self.decided.append((request.path_params["id"], form.get("department", form["action"])))
        if not request.headers.get("HX-Request"):
            return RedirectResponse("/desk", 303)
        return HTMLResponse(pages.render_desk_work(self.desk_now(request), self.frame(request, "desk", Role.OPERATOR)))

    async def search(self, request: Request) -> Response:
        frame = self.frame(request, "search", Role.RESEARCHER)
        ask = Ask.from_params(frame.params)
        view = search_view(self.reader(), ask, parse=self.city.parse)
        if request.url.path.endswith("/results"):
            return HTMLResponse(pages.render_search_results(view, frame), headers={"HX-Push-Url": ask.url()})
        return HTMLResponse(pages.render_search(view, frame))

    async def record(self, request: Request) -> Response:
        found = self.reader().get(request.path_params["id"])
        if found is None:
            return self.missing(request)
        view = record_view(found, words=[w for w in [request.query_params.get("q", "")] if w])
        if request.headers.get("HX-Request"):
            return HTMLResponse(pages.render_record_panel(view))
        return HTMLResponse(pages.render_record(view, self.frame(request, "search", Role.RESEARCHER)))

    async def sources(self, request: Request) -> Response:
        inputs = self.city.sources()
        if self.poison:
            bad = dict.fromkeys(("name", "kind", "owner", "last_error", "grade"), self.poison)
            inputs = [replace(inputs[0], **bad)]
        view = sources_view(inputs, now=self.city.NOW, daily=daily_counts(self.store, self.city.DAY), may_act=True)
        return HTMLResponse(pages.render_sources(view, self.frame(request, "sources", Role.SYSTEM_ADMIN)))

    async def source(self, request: Request) -> Response:
        view = self.city.source_view(output="读 3 页，得 2 件" if request.method == "POST" else "")
        if self.poison:
            bad = replace(
                view.source,
                name=self.poison,
                title=self.poison,
                kind=self.poison,
                owner=self.poison,
                last_reason=self.poison,
            )
            view = replace(view, source=bad, words=self.poison, output=self.poison)
        return HTMLResponse(pages.render_source(view, self.frame(request, "sources", Role.SYSTEM_ADMIN)))

    async def admin(self, request: Request) -> Response:
        users = self.city.users()
        if self.poison:
            users = [replace(users[0], name=self.poison, districts=frozenset({self.poison}))]
        view = admin_view(users, now=self.city.NOW)
        return HTMLResponse(
            pages.render_admin(view, self.frame(request, "admin", Role.SECURITY_ADMIN, scope=None, data=None))
        )

    async def login(self, request: Request) -> Response:
        error = self.poison or request.query_params.get("error", "")
        theme = pages.theme_of(request.cookies.get("theme"))
        return HTMLResponse(
            pages.render_login(csrf="token-1", city=self.city.CITY, error=error, name=self.poison, theme=theme)
        )

    async def error(self, request: Request) -> Response:
        status = int(request.path_params["status"])
        frame = self.frame(request, "", Role.LEADER)
        sentence = self.poison or {503: "检索库 embedded 暂时不可用（锁被占用）。"}.get(status, "")
        return HTMLResponse(
            pages.render_error(
                status, sentence=sentence, code="MS101", frame=frame, retry_after_seconds=30 if status == 429 else None
            )
        )

    def missing(self, request: Request) -> Response:
        if request.headers.get("HX-Request"):
            return HTMLResponse(pages.render_error_part("没有找到。", "MS404"), 404)
        return HTMLResponse(pages.render_error(404, frame=self.frame(request, "", Role.LEADER)), 404)

    def application(self) -> Any:
        routes = [
            Route("/", self.today), Route("/hotspots", self.hotspot_list), Route("/hotspots/{key}", self.hotspot_list),
            Route("/instructions", self.instruction_list), Route("/topics", self.topic_list),
            Route("/subscriptions", self.subscription_list),
            Route("/streams", self.stream_list), Route("/streams/{source}/{event}", self.stream),
            Route("/alerts", self.alert_list), Route("/alerts/rules", self.alert_rules),
            Route("/incidents", self.incident_list), Route("/incidents/{number}", self.incident),
            Route("/incidents/{number}/{action}", self.change_incident, methods=["POST"]),
            Route("/satisfaction", self.satisfaction), Route("/satisfaction/{tab}", self.satisfaction_tab),
            Route("/desk", self.desk), Route("/desk/next", self.desk),
            Route("/desk/{id}/decide", self.decide, methods=["POST"]), Route("/search", self.search), Route("/search/results", self.search),
            Route("/records/{id}", self.record), Route("/sources", self.sources),
            Route("/sources/{name:path}", self.source, methods=["GET", "POST"]), Route("/admin", self.admin), Route("/login", self.login),
            Route("/error/{status}", self.error), Mount(assets.PREFIX, assets.Static()),
        ]  # fmt: skip
        inner = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware, minimum_size=500)])

        async def with_headers(scope: Any, receive: Any, send: Any) -> None:
            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start" and not scope["path"].startswith(assets.PREFIX):
                    message["headers"] = [
                        *message["headers"],
                        *((k.lower().encode(), v.encode()) for k, v in assets.PAGE_HEADERS.items()),
                    ]
                await send(message)

            await inner(scope, receive, sending)

        return with_headers


ELEMENT = re.compile(r"<([a-z][a-z0-9]*)[\s>/]", re.IGNORECASE)
