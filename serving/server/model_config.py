"""Which models a server serves, from TF Serving's own configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import grpc
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from serving.server.status_error import StatusError, invalid_argument
from sesrec_tf.errors import InputError

PLATFORM = "tensorflow"


def one_model(name: str, base_path: str | Path) -> ModelConfig:
    """A model with the default policy and no labels."""
    return ModelConfig(name=name, base_path=str(base_path), model_platform=PLATFORM)


def read_models(file: str | Path, base_path: str | Path | None = None) -> list[ModelConfig]:
    """Models of the file that `--model_config_file` of TF Serving names.

    Args:
        file: text of a `ModelServerConfig`.
        base_path: where the versions of its one model are on this machine; the file's own paths,
            which are often those inside a container, when `None`.

    Raises:
        InputError: if the file cannot be read or describes what this server cannot serve.
    """
    message = ModelServerConfig()
    try:
        text_format.Parse(Path(file).read_text("utf-8"), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InputError(
            f"cannot read models from {file}: {error}. Expected "
            '`model_config_list { config { name: "sesrec" base_path: "/models/sesrec" '
            'model_platform: "tensorflow" } }`.'
        ) from error
    models = list(message.model_config_list.config)
    if not models:
        raise InputError(f"{file} lists no model. Expected a model_config_list with a config.")
    if base_path is not None:
        if len(models) > 1:
            raise InputError(
                f"--model-base-path stands for the path of one model, and {file} lists "
                f"{len(models)}. Leave it out."
            )
        models[0].base_path = str(Path(base_path).absolute())
    try:
        check_models(models)
    except StatusError as error:
        raise InputError(f"{file}: {error.message}") from error
    return models


def check_models(models: Iterable[ModelConfig]) -> None:
    """Refuses what `server_core.cc` of TF Serving refuses, and platforms but TensorFlow.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    names: set[str] = set()
    for model in models:
        if model.name in names:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
        if not Path(model.base_path).is_absolute():
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; got "
                f"base_path()={model.base_path}"
            )
        if not model.model_platform:
            raise invalid_argument(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
                f"ModelServerConfig::model_platform, model name is {model.name}"
            )
        if model.model_platform != PLATFORM:
            raise invalid_argument(
                f"Model {model.name} requests unsupported platform {model.model_platform}"
            )


def unavailable_label(model: str, version: int) -> StatusError:
    """The refusal of a label for a version that is not served."""
    return StatusError(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"Request to assign label to version {version} of model {model}, which is not currently "
        "available for inference",
    )
