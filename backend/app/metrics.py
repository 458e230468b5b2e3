"""What the hub measures of itself, in Prometheus' format. Latencies are histograms, so that tails can be seen."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_LATENCIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The hub's own registry: nothing global, so that two hubs in one process count apart."""

    def __init__(self, connected: Callable[[], float]) -> None:
        registry = self._registry = CollectorRegistry()
        self.first_text = Histogram(
            "alisa_first_text_seconds",
            "From an accepted message to the first text of its reply.",
            buckets=_LATENCIES,
            registry=registry,
        )
        self.turn = Histogram(
            "alisa_turn_seconds", "From an accepted message to its [END].", buckets=_LATENCIES, registry=registry
        )
        self.stored = Histogram(
            "alisa_store_seconds", "Until a message was on the disk.", buckets=_LATENCIES, registry=registry
        )
        self.cancelled = Histogram(
            "alisa_cancel_seconds", "From asking for a stop until it was done.", buckets=_LATENCIES, registry=registry
        )
        self.turns = Counter("alisa_turns", "Turns by source and outcome.", ("source", "outcome"), registry=registry)
        self.characters = Counter("alisa_reply_characters", "Characters of replies sent.", registry=registry)
        self.refused = Counter("alisa_refused_frames", "Frames refused, by category.", ("category",), registry=registry)
        self.dropped_clients = Counter(
            "alisa_slow_clients", "Clients disconnected because they read too slowly.", registry=registry
        )
        Gauge("alisa_clients", "Connected clients.", registry=registry).set_function(connected)

    def render(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self._registry)
