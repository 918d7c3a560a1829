"""All models of a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import grpc
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from serving.server.model_config import check_models, unavailable_label
from serving.server.model_manager import ModelManager, not_found
from serving.server.repeated_call import RepeatedCall
from serving.server.servable import Servable
from serving.server.status_error import StatusError, invalid_argument
from sesrec_tf.errors import InputError

Labels = dict[str, int]


class ModelCatalog:
    """Finds what a request means, and follows the disk and the configuration.

    Statuses and messages follow `server_core.cc` and `get_model_status_impl.cc` of TF Serving.

    Args:
        manage: makes the manager of a model of the configuration; a `ModelManager` with its
            defaults when `None`.
        labels_in_advance: whether a label that is not in use may be given to a version that is not
            served (yet), as `--allow_version_labels_for_unavailable_models` of TF Serving says.
    """

    def __init__(
        self,
        manage: Callable[[ModelConfig], ModelManager] | None = None,
        *,
        labels_in_advance: bool = False,
    ) -> None:
        self._manage = manage or _manager
        self._labels_in_advance = labels_in_advance
        self._managers: dict[str, ModelManager] = {}
        self._labels: dict[str, Labels] = {}
        self._configuring = threading.Lock()
        self._watching = RepeatedCall(self._look, "versions")

    @classmethod
    def of(cls, manager: ModelManager) -> ModelCatalog:
        """A catalogue of one model, without labels."""
        catalog = cls()
        catalog._managers = {manager.name: manager}
        return catalog

    @property
    def managers(self) -> list[ModelManager]:
        """Of every model, in the order of the configuration."""
        return list(self._managers.values())

    def lease(self, spec: model_pb2.ModelSpec) -> AbstractContextManager[Servable]:
        """The version that a request means, in memory while it is in use.

        Raises:
            StatusError: INVALID_ARGUMENT without a model name or for an unknown label, NOT_FOUND
                for another model or version.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        number = spec.version.value if choice == "version" else None
        if choice == "version_label":
            number = self._labels.get(spec.name, {}).get(spec.version_label)
            if number is None:
                raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        manager = self._managers.get(spec.name)
        if manager is None:
            raise not_found(spec.name, number)
        return manager.lease(number)

    def statuses(self, spec: model_pb2.ModelSpec) -> list[ModelVersionStatus]:
        """States of the version asked for, or of every version; TF Serving ignores labels here.

        Raises:
            StatusError: NOT_FOUND if there is none.
        """
        number = spec.version.value if spec.HasField("version") else None
        manager = self._managers.get(spec.name)
        statuses = manager.statuses(number) if manager else []
        if not statuses:
            what = "any versions" if number is None else f"version {number}"
            raise StatusError(
                grpc.StatusCode.NOT_FOUND, f"Could not find {what} of model {spec.name}"
            )
        return statuses

    def configure(self, models: Iterable[ModelConfig]) -> None:
        """Serves these models from now on; returns when each new one has a version in memory.

        Raises:
            StatusError: INVALID_ARGUMENT for a configuration that contradicts itself,
                FAILED_PRECONDITION for a label of a version that is not served, UNKNOWN for a
                model that cannot be served.
        """
        models = list(models)
        with self._configuring:
            check_models(models)
            self._labels = {model.name: self._checked_labels(model) for model in models}
            old, managers, failures = self._managers, {}, []
            for model in models:
                try:
                    managers[model.name] = self._configured(model, old.get(model.name))
                except InputError as error:
                    failures.append(f"{{name: {model.name}}} due to error: {error}")
            self._managers = managers
            for name in old.keys() - managers.keys():
                old[name].unload()
        if failures:
            raise StatusError(
                grpc.StatusCode.UNKNOWN,
                f"{len(failures)} model(s) did not become available: {{{', '.join(failures)}}}",
            )

    def watch(self, seconds: float) -> None:
        """Looks for new and removed versions from now on, every so many seconds."""
        self._watching.start(seconds)

    def stop(self) -> None:
        """Ends the watching, after the loading that may be under way."""
        self._watching.stop()

    def _look(self) -> None:
        for manager in self.managers:
            manager.update()

    def _checked_labels(self, model: ModelConfig) -> Labels:
        known, manager = self._labels.get(model.name, {}), self._managers.get(model.name)
        served = manager.versions if manager else []
        for label, version in model.version_labels.items():
            in_advance = self._labels_in_advance and known.get(label, version) == version
            if version not in served and not in_advance:
                raise unavailable_label(model.name, version)
        return dict(model.version_labels)

    def _configured(self, model: ModelConfig, manager: ModelManager | None) -> ModelManager:
        if manager is None:
            manager = self._manage(model)
            manager.load_any()
        manager.base_path, manager.policy = Path(model.base_path), model.model_version_policy
        return manager


def _manager(model: ModelConfig) -> ModelManager:
    return ModelManager(model.name, model.base_path, model.model_version_policy)
