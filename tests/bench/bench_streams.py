"""Hot-search lists: time and memory of the import and of grouping, and how they grow. `python tests/bench/bench_streams.py [FILE]`.

Without a file, and where ../shared/data is not there, lists of the same size are generated.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "streams" / "weibo_hot_hourly.parquet"
ROWS = 676_211


def generated(folder: Path, rows: int) -> Path:
    """Fifty places an hour; a matter stays for some hours and has a few titles."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = random.Random(1)
    words = ["".join(rng.choices("云溪望江路桥水电学校医院公交地铁台风雨雪灯会市场楼盘", k=3)) for _ in range(4_000)]
    live: list[str] = []
    columns: dict[str, list[object]] = {"date": [], "hour": [], "rank": [], "title": [], "hot": []}
    for number in range(rows):
        hour, rank = divmod(number, 50)
        if rank == 0:
            live = [title for title in live if rng.random() < 0.7][:50]
            while len(live) < 50:
                base = rng.choice(live) if live and rng.random() < 0.2 else "".join(rng.sample(words, 3))
                live.append(base + rng.choice(words)[:2])
        columns["date"].append(str(date(2024, 1, 1) + timedelta(hour // 24)))
        columns["hour"].append(hour % 24)
        columns["rank"].append(rank + 1)
        columns["title"].append(live[rank])
        columns["hot"].append(1_000_000 - rank)
    path = folder / "ranks.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def measure(path: str) -> None:
    """In a process of its own: its memory is the work's."""
    from indices.streams.events import build_events
    from indices.streams.ranks import take_in

    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        taken = take_in(Path(folder), "weibo", Path(path))
        read = time.perf_counter() - begin
        events = build_events(Path(folder), "weibo")
        whole = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{taken.read:,} 行：导入 {read:.1f} 秒，连同归并 {whole:.1f} 秒（目标 180），{events:,} 个事件，峰值内存 {peak:.2f} GB（目标 1.5）"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL if REAL.exists() else None
        for share in (1, 4) if given is None else (1,):
            path = given or generated(Path(folder), ROWS // share)
            print(path.name if given else f"生成的榜单（1/{share}）")
            subprocess.run([sys.executable, __file__, "--measure", str(path)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        main()
