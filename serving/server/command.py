"""Serves models as TF Serving does, on a machine without TF Serving or Docker."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import threading
from collections.abc import Sequence
from functools import partial

import tensorflow as tf
from rich.console import Console
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.config_watcher import ConfigWatcher
from serving.server.development_server import WORKERS, DevelopmentServer
from serving.server.model_catalog import ModelCatalog
from serving.server.model_config import one_model, read_models
from serving.server.model_manager import ModelManager
from serving.server.servable import Servable
from serving.server.server_flags import server_parser
from serving.server.status_error import StatusError
from sesrec_tf.errors import InputError

_MOST_WORKERS = 256


def main(argv: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or Ctrl-C.

    Raises:
        InputError: if a port cannot be used, or there is no version that can be served.
    """
    arguments = server_parser(__doc__).parse_args(argv)
    models = _models(arguments)
    parameters = _batching_parameters(arguments)
    with DevelopmentServer(
        arguments.host,
        arguments.port,
        _workers(arguments, parameters),
        arguments.max_message_mb << 20,
        max_pending=arguments.max_pending,
        rest_port=arguments.rest_api_port or None,
        grace_seconds=arguments.grace_seconds,
    ) as server:
        _let_gpu_memory_grow()
        _log_events()
        _keep_imports_out_of_collections()
        scheduler = BatchScheduler(parameters) if parameters else None
        catalog = _catalog(arguments, scheduler)
        with Console(stderr=True).status(f"loading {', '.join(m.base_path for m in models)}"):
            _load(catalog, models)
        stopped = _stop_on_signals()
        server.start(catalog)
        if arguments.file_system_poll_wait_seconds > 0:
            catalog.watch(arguments.file_system_poll_wait_seconds)
        watcher = ConfigWatcher(catalog, models, partial(_models, arguments))
        if arguments.model_config_file_poll_wait_seconds > 0:
            watcher.watch(arguments.model_config_file_poll_wait_seconds)
        for manager in catalog.managers:
            print(_ready(server, manager), flush=True)
        stopped.wait()
    watcher.stop()
    catalog.stop()
    if scheduler is not None:
        scheduler.close()
    print("stopped", flush=True)


def _models(arguments: argparse.Namespace) -> list[ModelConfig]:
    if arguments.model_config_file:
        return read_models(arguments.model_config_file, arguments.model_base_path)
    if not arguments.model_base_path:
        raise InputError("expected --model-base-path BASE or --model-config-file FILE.")
    return [one_model(arguments.model_name, arguments.model_base_path)]


def _batching_parameters(arguments: argparse.Namespace) -> BatchingParameters | None:
    if arguments.enable_batching:
        file = arguments.batching_parameters_file
        return BatchingParameters.read(file) if file else BatchingParameters()
    if arguments.batching_parameters_file:
        raise InputError("--batching-parameters-file has a meaning only with --enable-batching.")
    return None


def _workers(arguments: argparse.Namespace, parameters: BatchingParameters | None) -> int:
    """A request in a batch occupies a worker: two batches full of them, as TF Serving advises."""
    if arguments.workers is not None:
        return int(arguments.workers)
    if parameters is None:
        return WORKERS
    return min(max(WORKERS, 2 * parameters.max_batch_size), _MOST_WORKERS)


def _catalog(arguments: argparse.Namespace, scheduler: BatchScheduler | None) -> ModelCatalog:
    def manage(model: ModelConfig) -> ModelManager:
        return ModelManager(
            model.name,
            model.base_path,
            model.model_version_policy,
            load=partial(Servable, scheduler=scheduler),
            warmup=not arguments.no_warmup,
            retry_seconds=arguments.load_retry_interval_seconds,
            maximum_retries=arguments.max_num_load_retries,
        )

    return ModelCatalog(
        manage, labels_in_advance=arguments.allow_version_labels_for_unavailable_models
    )


def _load(catalog: ModelCatalog, models: Sequence[ModelConfig]) -> None:
    try:
        catalog.configure(models)
    except StatusError as error:
        advice = ""
        if "assign label" in error.message:
            advice = (
                ". TF Serving does not start with such labels either, unless it is told to: pass "
                "--allow-version-labels-for-unavailable-models"
            )
        raise InputError(error.message + advice) from error


def _ready(server: DevelopmentServer, manager: ModelManager) -> str:
    with manager.lease() as servable:
        rest = f" http://{server.rest_address}" if server.rest_address else ""
        return (
            f"ready: grpc://{server.address}{rest} model {manager.name} version "
            f"{servable.version} (signatures {', '.join(servable.predict_signatures)})"
        )


def _let_gpu_memory_grow() -> None:
    """Leaves GPU memory to whatever else runs on a development machine."""
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


def _log_events() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # A request that is no message is answered INTERNAL; it deserves no traceback here.
    logging.getLogger("grpc._common").setLevel(logging.CRITICAL)


def _keep_imports_out_of_collections() -> None:
    """A collection after a swap stops every request; without TensorFlow's modules it is short."""
    gc.collect()
    gc.freeze()


def _stop_on_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
