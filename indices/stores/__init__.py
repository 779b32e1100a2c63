"""Engines that keep records. All of them pass `tests/contract`; the memory engine is the reference."""
