from __future__ import annotations

import signal

import pytest

from api.signals import stop_or_interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_or_interrupt(lambda: True) as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_before_there_is_something_to_end_it_interrupts_at_once() -> None:
    begun: list[int] = []
    with stop_or_interrupt(lambda: bool(begun)), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with stop_or_interrupt(lambda: bool(begun)) as stop:
        begun.append(1)
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
