"""The scheduler: a process of its own; each job runs once per slot, however many schedulers are started (promise R8).

1. APScheduler tells the time: a job store in memory, built from the table below; nothing planned is ever dropped
   (misfire_grace_time=None), and a process that slept runs only the latest of the slots that it missed (coalesce).
2. A slot is the planned time. Whoever writes (job, slot) into the ledger first runs it.
3. Every 2 s all schedulers say that they live and look for claims whose holders do not; those are run again. So a job has to bear
   a second run after a death: all of ours do.
4. A job with `catch_up` that nobody ran while every scheduler was down is run at the start, once.
5. A slot that comes while an earlier one is at work is written down as skipped.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from indices.ledger import BEAT_SECONDS, Claim, Ledger
from models.clock import CITY_TIME
from models.errors import BadSetting, MinshengError

log = logging.getLogger("minsheng.scheduler")

EPOCH = datetime(2020, 1, 1, tzinfo=CITY_TIME)
"""Intervals are counted from here, so that all processes mean the same slots."""
AT_ONCE = 16
"""Jobs that one process runs at once: more than there are jobs; the ledger keeps a job from overlapping with itself."""
STOP_SECONDS = 10.0
"""How long a child may take to end after SIGTERM before it is killed."""
KEEP_DAYS = 90
"""How long the ledger remembers runs: a quarter, the period that reports look back on."""
_MOST_MISSED = 100_000


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the table: a command of ours, or a function of the slot; by `cron` (minute hour day month weekday, the
    city's time) or by `every_seconds`.
    """

    name: str
    title: str
    command: tuple[str, ...] = ()
    function: Callable[[datetime], None] | None = None
    cron: str = ""
    every_seconds: float = 0.0
    catch_up: bool = False
    coalesce: bool = True
    overlap: bool = False
    end: datetime | None = None

    @property
    def rhythm(self) -> str:
        """In words for people."""
        return f"定时 {self.cron}" if self.cron else f"每 {self.every_seconds:g} 秒"


JOBS: tuple[Job, ...] = (
    Job("ingest", "收入监视文件夹里的新文件", ("ingest", "--watch-once"), every_seconds=60),
    Job("hotspots", "计算热点并登记预警", ("hotspots", "--record"), cron="10 * * * *"),
    Job("satisfaction", "计算满意度并登记下降预警", ("index", "--record"), cron="50 * * * *"),
    Job("deliver", "发送预警", ("alerts", "deliver"), every_seconds=60),
    Job("subscriptions", "比对关键词订阅", ("subscriptions", "match"), every_seconds=600),
    # Leaders read before 10:30 (domain.md §1); half past seven leaves time for a second try and for people to look at it.
    Job("briefing", "生成当日简报", ("briefing",), cron="30 7 * * *", catch_up=True),
    Job("weekly", "生成每周简报", ("briefing", "--kind", "week"), cron="45 7 * * mon", catch_up=True),
    Job("monthly", "生成每月简报", ("briefing", "--kind", "month"), cron="0 8 1 * *", catch_up=True),
    Job("topics", "寻找新话题", ("topics", "run", "--if-installed"), cron="30 3 * * mon", catch_up=True),
    Job("crawl", "采集到了时候的网站来源", ("crawl", "--due"), every_seconds=300),
    Job("pull", "取到了时候的系统来源", ("pull", "--due"), every_seconds=60),
    Job("health", "判断各来源的状态并登记预警", ("source", "health", "--record"), cron="20 * * * *"),
    Job("reposts", "认出转载的帖文与新闻", ("reposts",), cron="40 * * * *"),
    Job("retention", "删除过期的归档", ("archive", "expire"), cron="20 4 * * *"),
    Job("expire", "清理过期的会话与审计记录", ("doctor", "--expire"), cron="40 3 * * *", catch_up=True),
)


def choose(names: str, table: Sequence[Job] = JOBS) -> list[Job]:
    """The jobs named (separated by commas), or all.

    Raises:
        BadSetting: a name that is not in the table.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {job.name: job for job in table}
    for name in wanted:
        if name not in known:
            raise BadSetting(name="MINSHENG_JOBS", value=names, reason=f"没有任务 {name}；可用：{'、'.join(known)}")
    return [known[name] for name in wanted] if wanted else list(table)


def trigger(job: Job) -> Any:
    """APScheduler's trigger of a job."""
    if job.cron:
        from apscheduler.triggers.cron import CronTrigger

        return CronTrigger.from_crontab(job.cron, timezone=CITY_TIME)
    from apscheduler.triggers.interval import IntervalTrigger

    return IntervalTrigger(seconds=job.every_seconds, start_date=EPOCH, end_date=job.end, timezone=CITY_TIME)


def next_slot(job: Job, after: datetime) -> datetime | None:
    """The first slot after an instant."""
    slot: datetime | None = trigger(job).get_next_fire_time(None, after + timedelta(microseconds=1))
    return slot


def missed_slot(job: Job, last: datetime | None, now: datetime) -> datetime | None:
    """The latest slot after `last` and not after `now`, or None. A job that never ran has missed nothing."""
    missed, when = None, trigger(job)
    for _ in range(_MOST_MISSED):
        if last is None:
            break
        last = when.get_next_fire_time(last, last + timedelta(microseconds=1))
        if last is None or last > now:
            break
        missed = last
    return missed


class Scheduler:
    """One scheduler process: `run` until `stop` is set."""

    def __init__(self, ledger: Ledger, jobs: Sequence[Job], *, beat_seconds: float = BEAT_SECONDS) -> None:
        self.ledger = ledger
        self.jobs = {job.name: job for job in jobs}
        self.beat_seconds = beat_seconds
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[Claim, subprocess.Popen[bytes] | None] = {}
        self._threads: list[threading.Thread] = []

    def run(self, stop: threading.Event) -> None:
        """Keep the clock until `stop` is set; then children are ended and their slots given back to other schedulers."""
        scheduler = self._clock()
        scheduler.start()
        log.info("scheduler.started", extra={"holder": self.ledger.holder, "jobs": list(self.jobs)})
        try:
            self._catch_up()
            with suppress(MinshengError):
                self.ledger.forget(datetime.now(UTC) - timedelta(days=KEEP_DAYS))
            while not stop.wait(self.beat_seconds):
                try:
                    self._beat()
                except (
                    MinshengError
                ) as error:  # the database is away: the claims may be lost, which the next beat will tell
                    log.warning("scheduler.no_beat", extra={"code": error.code})
        finally:
            self._stopping.set()
            scheduler.pause()
            self._end_children()
            scheduler.shutdown(wait=True)
            for thread in self._threads:
                thread.join(STOP_SECONDS)
            log.info("scheduler.stopped", extra={"holder": self.ledger.holder})

    def _clock(self) -> Any:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        class SlotExecutor(ThreadPoolExecutor):  # type: ignore[misc]
            """Tells the job its planned time, which APScheduler's own executors keep to themselves."""

            def _do_submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
                def done(future: Any) -> None:
                    error = future.exception()
                    if error:
                        self._run_job_error(job.id, error, error.__traceback__)
                    else:
                        self._run_job_success(job.id, [])

                *earlier, last = run_times  # more than one without coalescing
                for slot in earlier:
                    self._pool.submit(job.func, *job.args, slot)
                self._pool.submit(job.func, *job.args, last).add_done_callback(done)

        scheduler = BackgroundScheduler(timezone=CITY_TIME, executors={"default": SlotExecutor(AT_ONCE)})
        for job in self.jobs.values():
            scheduler.add_job(
                lambda name, *slot: self.perform(name, *slot), trigger(job), args=[job.name], id=job.name, coalesce=job.coalesce,
                misfire_grace_time=None, max_instances=AT_ONCE,
            )  # fmt: skip
        return scheduler

    def perform(self, name: str, slot: datetime) -> bool:
        """Run a job for a slot, if nobody did; whether it was run here."""
        job = self.jobs[name]
        if self._stopping.is_set():
            return False
        try:
            claim = self.ledger.claim(name, slot, overlap=job.overlap)
        except MinshengError as error:
            log.error("job.not_claimed", extra={"job": name, "slot": slot.isoformat(), "code": error.code})
            return False
        if claim:
            self._work(job, claim)
        return claim is not None

    def _work(self, job: Job, claim: Claim) -> None:
        facts = {"job": job.name, "slot": claim.slot.isoformat(), "attempts": claim.attempts}
        with self._lock:
            self._held[claim] = None
        log.info("job.started", extra=facts)
        try:
            status = self._start(job, claim)
            if self._stopping.is_set() and status:
                self.ledger.give_back(claim)
            elif status:
                log.error("job.failed", extra=facts | {"status": status})
                self.ledger.fail(claim, f"退出码 {status}")
            else:
                log.info("job.done", extra=facts)
                self.ledger.finish(claim)
        except MinshengError as error:
            log.error("job.unsettled", extra=facts | {"code": error.code})
        except Exception as error:  # noqa: BLE001 - a broken job must not stop the clock
            log.error("job.failed", extra=facts | {"error": type(error).__name__})
            self.ledger.fail(claim, f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._held.pop(claim, None)

    def _start(self, job: Job, claim: Claim) -> int:
        """Run it to its end; its exit status."""
        if job.function:
            job.function(claim.slot)
            return 0
        # A process of its own: a job that eats memory or hangs takes nobody with it, and heavy libraries go when it ends.
        with self._lock:
            if self._stopping.is_set():
                return -1
            child = subprocess.Popen(
                [sys.executable, "-m", "api.cli", *job.command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            self._held[claim] = child
        return child.wait()

    def _beat(self) -> None:
        """Say that we live, stop what somebody else took over, take over what the dead left."""
        with self._lock:
            held = dict(self._held)
        for claim, child in held.items():
            if not self.ledger.beat(claim) and child and child.poll() is None and claim in self._held:
                log.warning("job.lost", extra={"job": claim.job, "slot": claim.slot.isoformat()})
                child.terminate()
        for claim in self.ledger.take_over():
            if job := self.jobs.get(claim.job):
                log.warning("job.taken_over", extra={"job": claim.job, "slot": claim.slot.isoformat()})
                self._aside(self._work, job, claim)
            else:
                self.ledger.fail(claim, "任务表里没有此任务")

    def _catch_up(self) -> None:
        now = datetime.now(UTC)
        for job in self.jobs.values():
            if not job.catch_up:
                continue
            with suppress(MinshengError):
                if slot := missed_slot(job, self.ledger.last_slot(job.name), now):
                    log.warning("job.catching_up", extra={"job": job.name, "slot": slot.isoformat()})
                    self._aside(self.perform, job.name, slot)

    def _aside(self, target: Callable[..., object], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()

    def _end_children(self) -> None:
        with self._lock:
            children = [child for child in self._held.values() if child]
        for child in children:
            with suppress(ProcessLookupError):
                child.terminate()
        for child in children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def holder_name() -> str:
    """A name that no other process has or had: hosts repeat process ids."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
