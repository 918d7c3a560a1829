"""Sources of logs by name."""

from __future__ import annotations

from pipelines.sources.amazon2014 import Amazon2014
from pipelines.sources.kuaisar import KuaiSar
from pipelines.sources.logs import Logs
from pipelines.sources.sesrec_release import SesrecRelease
from pipelines.sources.source import Source
from pipelines.sources.unisar_release import UnisarRelease

SOURCES: dict[str, type[Source]] = {
    source.name: source for source in (Logs, KuaiSar, Amazon2014, SesrecRelease, UnisarRelease)
}
"""The first is the default."""
