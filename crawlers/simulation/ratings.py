"""Ratings with a known truth: areas of very uneven size, skewed ratings, and call-backs whose answers depend on how the order went.

A rating is an ordered logit of its area (areas of a kind are alike), its topic, its channel, and whether the order was solved; areas
have topics of their own; who was not helped, and who wrote online, answers less often. All of that is known of every order but the
rating itself, and nothing else decides who answers: what a correction can do, it can do here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVELS: Final = 5
THRESHOLDS: Final = np.array([-3.0, -2.3, -1.4, 0.2])  # most are content: the trade's 97 %
SPREAD: Final = 0.7  # of areas, in logits
PEERS: Final = 6
PEER_SPREAD: Final = 0.55
"""Of the kinds of areas (inner city, new town, villages …), which are told apart by more than chance."""
OWN_SPREAD: Final = 0.43  # of areas of a kind: SPREAD in all
TOPICS: Final = 8
TOPIC_SPREAD: Final = 0.6
TOPIC_MIX: Final = 4.0  # of the Dirichlet distribution that an area's topics come from
CHANNELS: Final = ("电话", "网站", "微信")
CHANNEL_SHARES: Final = (0.6, 0.15, 0.25)
CHANNEL_LOGITS: Final = np.array([0.2, -0.5, -0.1])
SOLVED_LOGITS: Final = 1.8
ANSWER_LOGITS: Final = np.array([-0.2, -1.6, -0.9])  # by channel
ANSWER_SOLVED: Final = 1.5
"""Somebody who was helped picks up the telephone."""
RATING_SPREAD: Final = 30.0  # standard deviation of one rating on 0–100
FALLING: Final = 0.1
FALL_WEEKS: Final = 4


@dataclass(frozen=True)
class Ratings:
    """n orders. `peers` (areas,) of which kind an area is.
    `rating` (n,) 0 … 4, what a person would say, asked or not; `answered` (n,) whether it was said; `truth` (areas,) and `score`
    the expected score on 0–100 of all orders of an area, and of all."""

    area: Ints
    peers: Ints
    topic: Ints
    channel: npt.NDArray[np.str_]
    solved: npt.NDArray[np.bool_]
    rating: Ints
    answered: npt.NDArray[np.bool_]
    truth: Floats
    score: float

    def counts(self, *, answered: bool = True) -> Ints:
        """(areas, LEVELS) ratings, lowest first; `answered`: only those that were said."""
        table = np.zeros((len(self.truth), LEVELS), dtype=np.int64)
        kept = self.answered if answered else np.ones_like(self.answered)
        np.add.at(table, (self.area[kept], self.rating[kept]), 1)
        return table


def simulate_ratings(seed: int, *, areas: int = 400, mean_orders: float = 40.0) -> Ratings:
    """Areas of 3 to 3,000 orders, half of them below a third of the mean."""
    random = np.random.default_rng(seed)
    sizes = np.clip(random.lognormal(np.log(mean_orders) - 0.72, 1.2, areas), 3, 3_000).astype(np.int64)
    area = np.repeat(np.arange(areas), sizes)
    n = len(area)
    peers = random.integers(0, PEERS, areas)
    effect = random.normal(0, PEER_SPREAD, PEERS)[peers] + random.normal(0, OWN_SPREAD, areas)
    mix = np.cumsum(random.dirichlet(np.full(TOPICS, TOPIC_MIX), areas), axis=1)
    topic = np.minimum((random.random((n, 1)) > mix[area]).sum(axis=1), TOPICS - 1)
    by_topic = random.normal(0, TOPIC_SPREAD, TOPICS)
    channel = random.choice(len(CHANNELS), n, p=CHANNEL_SHARES)
    solved = random.random(n) < expit(0.8 + 0.5 * effect[area])
    content = effect[area] + by_topic[topic] + CHANNEL_LOGITS[channel] + SOLVED_LOGITS * (solved - 0.5)
    below = expit(THRESHOLDS - content[:, None])
    rating = (random.random((n, 1)) > below).sum(axis=1)
    answered = random.random(n) < expit(ANSWER_LOGITS[channel] + ANSWER_SOLVED * (solved - 0.5))
    expected = 100 * (1 - below).mean(axis=1)
    truth = (np.bincount(area, expected, areas) / sizes).astype(np.float64)
    return Ratings(
        area, peers, topic, np.array(CHANNELS)[channel], solved, rating, answered, truth, float(expected.mean())
    )


def simulate_plain(seed: int, *, areas: int = 400, mean_ratings: float = 13.0) -> tuple[Ints, Floats]:
    """(areas, LEVELS) counts where everybody answers and areas differ by their intercept alone, and the true scores (methods.md §4)."""
    random = np.random.default_rng(seed)
    effect = random.normal(0, SPREAD, areas)
    sizes = random.poisson(random.gamma(1.2, mean_ratings / 1.2, areas)) + 1
    below = expit(THRESHOLDS - effect[:, None])
    shares = np.diff(np.column_stack([np.zeros(areas), below, np.ones(areas)]), axis=1)
    counts = np.array(
        [random.multinomial(size, share / share.sum()) for size, share in zip(sizes, shares, strict=True)]
    )
    return counts, 100 * (1 - below).mean(axis=1)


def simulate_levels(
    seed: int, *, series: int = 400, weeks: int = 104, step: float = 1.0, ratings: float = 40.0, fall: float = 9.0
) -> tuple[Floats, Floats, Floats]:
    """(series, weeks) weekly means, their variances, and the true levels: a random walk of steps `step` about 70, a week without ratings
    now and then; one series in ten falls by `fall` points over the last `FALL_WEEKS` weeks."""
    random = np.random.default_rng(seed)
    truth = 70 + np.cumsum(random.normal(0, step, (series, weeks)), axis=1)
    falling = random.random(series) < FALLING
    weeks_of_it = min(FALL_WEEKS, weeks)
    truth[falling, weeks - weeks_of_it :] -= fall * np.arange(1, weeks_of_it + 1) / weeks_of_it
    n = random.poisson(random.gamma(1.2, ratings / 1.2, (series, 1)), (series, weeks))
    variance = RATING_SPREAD**2 / np.maximum(n, 1)
    values = np.where(n > 0, truth + random.normal(0, 1, truth.shape) * np.sqrt(variance), np.nan)
    return values, variance, truth


def simulate_policy(
    seed: int,
    *,
    effect: float,
    areas: int = 60,
    reached: int = 15,
    weeks: int = 104,
    start: int = 64,
    ratings: float = 12.0,
) -> tuple[Floats, Ints, npt.NDArray[np.bool_]]:
    """(areas, weeks) mean ratings on 0–100 (NaN: none) and how many there were, and (areas,) which areas a policy of week `start` reached.

    Areas differ, drift and have shocks of their own; all have a season, the reached ones a little more of it."""
    random = np.random.default_rng(seed)
    chosen = np.zeros(areas, dtype=bool)
    chosen[random.choice(areas, reached, replace=False)] = True
    time = np.arange(weeks)
    season = np.sin(2 * np.pi * (time / 52.18 + random.random()))
    truth = 70 + random.normal(0, 8, (areas, 1)) + np.cumsum(random.normal(0, 0.3, (areas, weeks)), axis=1)
    truth += random.normal(0, 2, (areas, weeks)) + season * (3 + 1.0 * chosen[:, None])
    truth += effect * chosen[:, None] * (time >= start)
    n = random.poisson(random.gamma(3, ratings / 3, (areas, 1)), (areas, weeks))
    mean = truth + random.normal(0, 1, truth.shape) * RATING_SPREAD / np.sqrt(np.maximum(n, 1))
    return np.where(n > 0, mean, np.nan), n, chosen
