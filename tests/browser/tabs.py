"""The pages beside the overview of 满意度, of the invented city; with poison in every text that somebody could have written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dashboards import pages
from dashboards.views.counts import window
from dashboards.views.evaluation import evaluation_view
from dashboards.views.index_change import change_view
from dashboards.views.metric_pages import metrics_view
from dashboards.views.policies import policies_view
from dashboards.views.satisfaction import satisfaction_view
from dashboards.views.weights import weights_view
from indices.civic.appeals import Appeal
from indices.civic.cells import cells
from indices.civic.composite import composite
from indices.civic.drivers import ATTRIBUTES, drivers, index_change
from indices.civic.evaluation import evaluate
from indices.civic.metrics import measure, names, series
from indices.civic.text_prediction import assess
from indices.civic.weights import shipped
from indices.saved_views import SavedView
from models.figures import Placebo, PolicyEffect, Span, Survey, SurveyRow
from models.query import Query
from models.satisfaction import Policy

SPAN = Span(value=3.1, low=1.2, high=5.0, low90=1.5, high90=4.7)


def overview(demo: Any, frame: Any) -> str:
    asked = {name: values[0] for name, values in (frame.params or {}).items()}
    index = demo.city.index(asked.get("by", "district"))
    cells = [] if asked.get("state") == "tiles" else demo.city.cells()
    if demo.poison:
        index = index.model_copy(update={"rows": (index.rows[0].model_copy(update={"key": demo.poison}),)})
        cells = [cell.model_copy(update={"unit": f"{demo.poison}{cell.unit}"}) for cell in cells]
    answer = SurveyRow(key=demo.poison or "东桥区", n=40, n_effective=38.5, value=71.0, low=66.0, high=76.0)
    survey = Survey(
        name=demo.poison or "居民调查", first=demo.city.DAY, last=demo.city.DAY, overall=answer, rows=(answer,)
    )
    view = satisfaction_view(
        index, weekly=demo.city.index("week"), districts=index if demo.poison else demo.city.index(), cells=cells, surveys=[survey],
        saved=[SavedView(number=1, title=demo.poison or "城管", path="/satisfaction?by=department")], drop={demo.poison or "东桥区": 0.97},
    )  # fmt: skip
    return pages.render_satisfaction(view, frame)


def change(demo: Any, frame: Any) -> str:
    day, store = demo.city.DAY, demo.store
    periods = ((day - timedelta(days=41), day - timedelta(days=21)), (day - timedelta(days=20), day))
    before, after = (cells(store, window(*period), ["topic", "rating"]) for period in periods)
    found = index_change(before, after, "topic")
    if demo.poison:
        parts = tuple(part.model_copy(update={"name": f"{demo.poison}{i}"}) for i, part in enumerate(found.parts))
        found = found.model_copy(update={"parts": parts})
    view = change_view(
        found, drivers(cells(store, Query(), [*ATTRIBUTES, "rating"])), assess(cells(store, Query(), ["month", "sentiment", "emotion", "rating"])),
        by="topic", before=periods[0], after=periods[1],
    )  # fmt: skip
    return pages.render_satisfaction_change(view, frame)


def weights(demo: Any, frame: Any) -> str:
    made = composite(demo.store, Query(), demo.city.index(), shipped()[0])
    scheme = shipped()[1]
    if demo.poison:
        made = made.model_copy(
            update={
                "rows": tuple(row.model_copy(update={"key": demo.poison}) for row in made.rows),
                "title": demo.poison,
            }
        )
        scheme = scheme.model_copy(update={"version": demo.poison, "title": demo.poison, "owner": demo.poison})
    return pages.render_satisfaction_weights(weights_view(made, [scheme], trial=True, try_link=frame.link), frame)


def metrics(demo: Any, frame: Any) -> str:
    chosen = series(demo.store, "satisfaction_rate", Query())
    return pages.render_satisfaction_metrics(
        metrics_view([measure(demo.store, name, Query()) for name in names()], chosen), frame
    )


def policies(demo: Any, frame: Any) -> str:
    day, words = demo.city.DAY, demo.poison or "路灯整治"
    weeks = tuple(day - timedelta(weeks=30 - k) for k in range(30))
    curve = tuple(70 + (k % 5) + (3.0 if k >= 18 else 0.0) for k in range(30))
    effect = PolicyEffect(
        title=words, start=weeks[18], effect=SPAN, told=True, words="实施后上升 3.1 分。", against="未实施的区县", weeks=weeks, place=18, reached=curve,
        others=tuple(69.0 + k % 4 for k in range(30)), expected=tuple(70.0 + k % 5 for k in range(30)), n_before=900, n_after=600,
        placebos=tuple(Placebo(week=week, effect=0.4 * (-1) ** k) for k, week in enumerate(weeks[6:12])), placebo_share=0.1, source=demo.city.source(),
    )  # fmt: skip
    policy = Policy(number=1, title=words, text=words, start=weeks[18], districts=(words,), topics=(words,))
    view = policies_view([policy], chosen=policy, effect=effect, districts=[words], topics=[words], may_add=True)
    return pages.render_satisfaction_policies(view, frame)


def evaluation(demo: Any, frame: Any) -> str:
    found, words = evaluate(demo.store, Query(), "street"), demo.poison or "同一人一天打来四十次"
    if demo.poison:
        rows = tuple(row.model_copy(update={"key": demo.poison}) for row in found.index.rows)
        found = found.model_copy(update={"index": found.index.model_copy(update={"rows": rows})})
    one = Appeal(
        number=1,
        record_id="r",
        order_number=words,
        district=words,
        ground="恶意投诉",
        text=words,
        who=words,
        at=1.7e9,
        state="待审",
    )
    done = one.model_copy(
        update={"number": 2, "state": "支持", "decided_by": words, "note": words, "decided_at": 1.7e9}
    )
    view = evaluation_view(found, [one, done], by="street", who="林浩", decides=True, files=True)
    return pages.render_satisfaction_evaluation(view, frame)


TABS = {
    "overview": overview,
    "change": change,
    "weights": weights,
    "metrics": metrics,
    "policies": policies,
    "evaluation": evaluation,
}
