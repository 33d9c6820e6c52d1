"""Figures in the Prometheus text format, read from the database when they are asked for.

Nothing is counted in processes: workers come and go, and the rows are the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One metric: its name without prefix, what it says, its labels, and (label values, value) for each sample."""

    name: str
    says: str
    labels: Sequence[str]
    samples: Iterable[tuple[Sequence[str], float]]


class _Collector(Collector):
    def __init__(self, read: Callable[[], Iterable[Figure]]) -> None:
        self.read = read

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        for figure in self.read():
            family = GaugeMetricFamily(f"retailhub_{figure.name}", figure.says, labels=list(figure.labels))
            for labels, value in figure.samples:
                family.add_metric([str(label) for label in labels], value)
            yield family


def render(read: Callable[[], Iterable[Figure]]) -> bytes:
    """The text of a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(read))
    return generate_latest(registry)
