"""`minsheng weights`: the policy office's weights of the composite index, in versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(help="综合指数的权重：看现行与样例，启用本市的一版。", no_args_is_help=True)
SAMPLE = """例：
version = "某市-2027"
title = "某市三率"
owner = "政策研究室"
effective = 2027-01-01
weights = { "响应" = 30, "解决" = 35, "满意" = 35 }"""


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="weights")


@group.command("list")
def show() -> None:
    """各版权重；标 * 的是今天现行的。"""
    from api.questions import today
    from api.wiring import House
    from indices.civic.weights import in_force, known

    with House(read_only=True) as house:
        schemes, current = known(house.database), in_force(house.database, today())
    for one in schemes:
        shares = "，".join(f"{name} {100 * share:.1f}%" for name, share in one.shares.items())
        mark = "*" if one.version == current.version else " "
        typer.echo(
            f"{mark} {one.version}  {one.title}  {shares}  {f'{one.effective} 起' if one.effective else '样例'}  {one.owner}"
        )


@group.command("save", epilog=SAMPLE)
def save(
    file: Annotated[Path, typer.Argument(help="TOML：version、title、owner、effective、weights；汉字键要加引号")],
) -> None:
    """启用一版权重：自 effective 起用于综合指数；已公布的不变。"""
    import tomllib

    from pydantic import ValidationError

    from api.questions import today
    from api.wiring import House
    from indices.civic.weights import save as keep
    from models.errors import BadFile
    from models.satisfaction import Scheme

    try:
        scheme = Scheme.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadFile(file=file.name, reason=f"读不了（{error.strerror}）") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFile(file=file.name, reason=f'不是合法的 TOML（{error}）；汉字键要加引号，如 "解决" = 35') from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadFile(file=file.name, reason=f"{'.'.join(map(str, first['loc']))}：{first['msg']}") from None
    with House(read_only=True) as house:
        made = keep(house.database, scheme, "console", today=today())
        house.audit.note("console", "weights.save", made.version)
    typer.echo(f"{made.version} 自 {made.effective} 起生效")
