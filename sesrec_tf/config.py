"""Frozen, typed settings of a run, their named presets, and their YAML file."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape


def _require(condition: bool, name: str, expected: str, received: object) -> None:
    if not condition:
        raise InputError(f"`{name}` should be {expected}. Received: {received!r}.")


@dataclass(frozen=True)
class ModelConfig:
    """Everything that shapes SESRec. Numbers in brackets are the paper's equations.

    Attributes:
        name: registered name of the model.
        item_width, item_attribute_width: widths of the item id and of each item attribute; their
            concatenation is `d`, the width of the model.
        user_width, user_attribute_width: likewise for users; the concatenation is `d_u`.
        query_width, word_width: widths of the query id and of a query word.
        heads, blocks: attention heads (must divide `d`) and blocks of each history encoder.
        dropout: rate after the sublayers of the encoders and the hidden layers of the MLP.
        hidden_units: hidden layers of the prediction MLP (21).
        threshold: `mean`, `median`, or a constant in (0, 1), the γ of (11)-(12).
        threshold_strict: `a > γ` as on the slides instead of `a >= γ` as in the official code.
        margin: `m` of the triplet loss (15).
        alpha, beta: weights of the alignment and contrast losses (23).
        multi_interest: whether (18)-(19) are used beside (17).
        alignment_negatives: negatives of each kind a step (6)-(7).
        temperature: initial value of the trainable τ.
        minimum_temperature: lower bound of τ after each update; `None` leaves τ free.
        alignment_shared_bilinear: one `s(q, i)` for both directions; `False` is the official
            code, whose item-to-query direction uses the untransposed matrix.
        alignment_positive_in_denominator: as in the official code; `False` is the slides.
        alignment_reduction: `mean` over pairs (code) or `sum` over the pairs of an instance,
            averaged over the batch (slides).
        project_candidates: whether candidates pass through the item projection (code); `False`
            is the slides' raw embedding in (17) and (21).
        mask_both_axes: whether padding of either history is kept out of the sums of (9)-(10);
            `False` is the official code, whose scores depend on the padding length.
        closed_tables: tables without unknown rows, users without padding, sources as they are
            (the official tables).
        initialization: `glorot_normal` everywhere, or `torch` for the official code's fans of
            packed attention and target-attention matrices.
        embedding_initialization: `glorot_normal` of the table's shape, or a standard deviation.
    """

    name: str = "sesrec"
    item_width: int = 32
    item_attribute_width: int = 8
    user_width: int = 32
    user_attribute_width: int = 8
    query_width: int = 16
    word_width: int = 16
    heads: int = 4
    blocks: int = 1
    dropout: float = 0.1
    hidden_units: tuple[int, ...] = (200, 80)
    threshold: str | float = "mean"
    threshold_strict: bool = False
    margin: float = 0.1
    alpha: float = 0.1
    beta: float = 0.001
    multi_interest: bool = True
    alignment_negatives: int = 1024
    temperature: float = 0.1
    minimum_temperature: float | None = 1e-3
    alignment_shared_bilinear: bool = True
    alignment_positive_in_denominator: bool = True
    alignment_reduction: str = "mean"
    project_candidates: bool = True
    mask_both_axes: bool = True
    closed_tables: bool = False
    initialization: str = "glorot_normal"
    embedding_initialization: str | float = "glorot_normal"

    def __post_init__(self) -> None:
        for name in (
            "item_width",
            "user_width",
            "item_attribute_width",
            "user_attribute_width",
            "query_width",
            "word_width",
            "heads",
            "blocks",
            "alignment_negatives",
        ):
            value = getattr(self, name)
            _require(isinstance(value, int) and value > 0, name, "a positive integer", value)
        _require(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        for name in ("alpha", "beta", "margin"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        _require(self.temperature > 0, "temperature", "above 0", self.temperature)
        _require(
            all(isinstance(units, int) and units > 0 for units in self.hidden_units),
            "hidden_units",
            "positive integers",
            self.hidden_units,
        )
        constant = isinstance(self.threshold, float) and 0 < self.threshold < 1
        _require(
            constant or self.threshold in ("mean", "median"),
            "threshold",
            "'mean', 'median' or a number in (0, 1)",
            self.threshold,
        )
        _require(
            self.alignment_reduction in ("mean", "sum"),
            "alignment_reduction",
            "'mean' or 'sum'",
            self.alignment_reduction,
        )
        _require(
            self.initialization in ("glorot_normal", "torch"),
            "initialization",
            "'glorot_normal' or 'torch'",
            self.initialization,
        )


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that shapes how a model is fitted.

    Attributes:
        epochs, batch_size, seed: as named; the batch is the global one, over all replicas.
        negatives: sampled candidates beside each positive.
        negative_distribution: `popularity` (training interactions) or `uniform`.
        unknown_rate: probability that an id, a query word or a source is replaced by the unknown
            index in training.
        official_sampling: no shuffling and the same negatives every epoch, as the official
            loader does by accident; for parity experiments only.
        optimizer: `adam` (dense, the parity mode) or `lazy_adam` (only the rows used).
        learning_rate, epsilon: of the optimiser; ε is added to the bias-corrected root.
        weight_decay: λ of the coupled L2 `½ λ Σ θ²`.
        weight_average: decay an epoch of the moving average of the weights, which is what is
            validated and kept as the best model; 0 for the weights themselves.
        plateau_factor, plateau_patience, minimum_learning_rate: the schedule on validation MRR.
        early_stopping_patience: non-improving epochs tolerated once the floor is reached.
        mixed_precision: Keras policy `mixed_float16` or `mixed_bfloat16`, or `float32`.
        checkpoint_steps: a checkpoint every so many steps beside the one after each epoch;
            0 for epochs only.
    """

    epochs: int = 30
    batch_size: int = 256
    seed: int = 20210823
    negatives: int = 4
    negative_distribution: str = "popularity"
    unknown_rate: float = 0.01
    official_sampling: bool = False
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    epsilon: float = 1e-8
    weight_decay: float = 1e-5
    weight_average: float = 0.0
    plateau_factor: float = 0.1
    plateau_patience: int = 5
    minimum_learning_rate: float = 1e-5
    early_stopping_patience: int = 5
    mixed_precision: str = "float32"
    checkpoint_steps: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "negatives"):
            value = getattr(self, name)
            _require(isinstance(value, int) and value > 0, name, "a positive integer", value)
        _require(-(2**63) <= self.seed < 2**63, "seed", "a signed 64-bit integer", self.seed)
        for name in ("unknown_rate", "weight_average"):
            _require(0 <= getattr(self, name) < 1, name, "in [0, 1)", getattr(self, name))
        for name in ("learning_rate", "minimum_learning_rate", "epsilon"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in (
            "weight_decay",
            "plateau_patience",
            "early_stopping_patience",
            "checkpoint_steps",
        ):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        _require(0 < self.plateau_factor < 1, "plateau_factor", "in (0, 1)", self.plateau_factor)
        _require(
            self.negative_distribution in ("popularity", "uniform"),
            "negative_distribution",
            "'popularity' or 'uniform'",
            self.negative_distribution,
        )
        _require(
            self.optimizer in ("adam", "lazy_adam"),
            "optimizer",
            "'adam' or 'lazy_adam'",
            self.optimizer,
        )
        _require(
            self.mixed_precision in ("float32", "mixed_float16", "mixed_bfloat16"),
            "mixed_precision",
            "'float32', 'mixed_float16' or 'mixed_bfloat16'",
            self.mixed_precision,
        )


@dataclass(frozen=True)
class Config:
    """One run: the widths of its batches, its model and its training."""

    history: HistoryShape = field(default_factory=HistoryShape)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain nested dictionaries, lists and scalars."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `to_dict`; absent keys take their defaults.

        Raises:
            InputError: for an unknown section or setting, or a value of another type.
        """
        return _from_plain(cls, values, "")

    def save(self, path: str | Path) -> None:
        """Writes the YAML file."""
        Path(path).write_text(yaml.safe_dump(self.to_dict(), sort_keys=False), "utf-8")

    @classmethod
    def load(cls, path: str | Path, history: HistoryShape | None = None) -> Config:
        """Reads a YAML file.

        Args:
            path: the file.
            history: the widths if the file names none.

        Raises:
            InputError: if the file is missing, no YAML mapping, or holds unknown settings.
        """
        try:
            values = yaml.safe_load(Path(path).read_text("utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise InputError(f"cannot read the configuration {path}: {error}") from error
        if not isinstance(values, dict):
            raise InputError(f"{path} should hold a YAML mapping. Received: {values!r}.")
        config = cls.from_dict(values)
        if history is not None and "history" not in values:
            config = dataclasses.replace(config, history=history)
        return config

    def replace(self, section: str, **values: Any) -> Config:
        """A copy with settings of one section changed."""
        changed = dataclasses.replace(getattr(self, section), **values)
        return dataclasses.replace(self, **{section: changed})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _from_plain(cls: type[Any], values: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(cls)
    arguments = {}
    for key, value in values.items():
        if key not in hints:
            raise InputError(f"unknown setting `{where}{key}`. Expected one of {', '.join(hints)}.")
        if dataclasses.is_dataclass(hints[key]):
            _require(isinstance(value, dict), f"{where}{key}", "a mapping", value)
            arguments[key] = _from_plain(hints[key], value, f"{where}{key}.")
        else:
            arguments[key] = _coerce(hints[key], value, f"{where}{key}")
    return cls(**arguments)


def _coerce(hint: Any, value: Any, name: str) -> Any:
    """Checks a scalar against its annotation, widening int to float and list to tuple."""
    options = typing.get_args(hint) if typing.get_origin(hint) is not tuple else (hint,)
    for option in options or (hint,):
        if typing.get_origin(option) is tuple and isinstance(value, (list, tuple)):
            element = typing.get_args(option)[0]
            return tuple(
                _coerce(element, item, f"{name}[{index}]") for index, item in enumerate(value)
            )
        if option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if isinstance(option, type) and type(value) is option:
            return value
    raise InputError(f"`{name}` should be of type {hint}. Received: {value!r}.")
