from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.beam.staging import go_on_writing
from tests.pipelines.beam.object_store import ObjectStore, StrictDirectories
from tests.pipelines.beam.runners import environment, job_service


@pytest.fixture(autouse=True)
def _workers_import_what_tests_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])


@pytest.fixture(autouse=True)
def _no_earlier_test_matters() -> None:
    go_on_writing()
    ObjectStore.objects.clear()
    StrictDirectories.objects.clear()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Beam's own job service."""
    with job_service(tmp_path_factory.mktemp("service")) as address:
        yield address
