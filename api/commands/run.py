"""`minsheng run`: everything on one machine; `minsheng api`: the pages and the API alone."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str | None, typer.Option(help="监听地址；不给则用 MINSHENG_HOST")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, help="端口；0 为任意空闲端口；不给则用 MINSHENG_PORT")]


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("api")(serve_only)


def serve_only(host: Host = None, port: Port = None) -> None:
    """只启动页面和接口。"""
    from api.service import bind, serve
    from models.settings import Settings

    settings = Settings.read()
    serve(bind(host or settings.host, settings.port if port is None else port))


def run(demo: Annotated[bool, typer.Option("--demo", help="先造一座模拟城市并收进来；端口被占用时自动换一个")] = False,
        days: Annotated[int, typer.Option(min=30, max=365, help="模拟天数")] = 120,
        per_day: Annotated[int, typer.Option(min=1, max=2_000, help="模拟每日工单数")] = 50,
        host: Host = None, port: Port = None) -> None:  # fmt: skip
    """在一台机器上启动全部：处理线、定时任务、页面和接口。"""
    from api.service import Children, bind, serve
    from models.settings import Settings

    settings = Settings.read()
    socket = bind(host or settings.host, settings.port if port is None else port, any_free=demo)
    address = "http://{}:{}/".format(*socket.getsockname()[:2])
    summary = ""
    if demo:
        from api.demo import prepare

        summary = prepare(settings, days=days, per_day=per_day)
    with Children(["work"], ["schedule"]):
        serve(socket, ready=lambda: typer.echo(summary.format(address=address) if demo else f"民声已启动：{address}"))
