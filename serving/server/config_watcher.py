"""A configuration that is read again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from serving.server.model_catalog import ModelCatalog
from serving.server.repeated_call import RepeatedCall
from serving.server.status_error import StatusError
from sesrec_tf.errors import InputError

LOG = logging.getLogger(__name__)


class ConfigWatcher:
    """Follows a changed configuration, as `--model_config_file_poll_wait_seconds` of TF Serving.

    One that cannot be used changes nothing, is told once, and tried again at the next look.

    Args:
        catalog: serves `models` already.
        models: the configuration it has.
        read: the configuration as it is now.
    """

    def __init__(
        self,
        catalog: ModelCatalog,
        models: list[ModelConfig],
        read: Callable[[], list[ModelConfig]],
    ) -> None:
        self._catalog = catalog
        self._models = models
        self._read = read
        self._told = ""
        self._watching = RepeatedCall(self.look, "configuration")

    def look(self) -> None:
        """Reads the configuration once and applies it if it has changed."""
        try:
            models = self._read()
            if models == self._models:
                return
            self._catalog.configure(models)
        except (InputError, StatusError) as error:
            if str(error) != self._told:
                LOG.warning("the configuration is not applied: %s", error)
            self._told = str(error)
            return
        self._models, self._told = models, ""
        LOG.info("the configuration is applied")

    def watch(self, seconds: float) -> None:
        """Looks every so many seconds from now on."""
        self._watching.start(seconds)

    def stop(self) -> None:
        """Ends the watching, after the loading that may be under way."""
        self._watching.stop()
