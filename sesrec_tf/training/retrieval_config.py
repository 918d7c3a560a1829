"""Settings of a retrieval head and its training."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class RetrievalConfig:
    """Settings, the defaults chosen on the validation split of Amazon Beauty.

    Attributes:
        width: `r`, length of the vectors.
        hidden_units: width of the hidden layer of either tower.
        temperature: `τ` of the softmax, constant.
        dropout: rate after the hidden layers.
        learning_rate: of Adam, constant.
        batch_size: positives a step, each the negative of the others' users.
        epochs: passes over the training instances, unless training stops early.
        patience: epochs in a row without a better validation recall before it stops.
        seed: of every random draw.
    """

    width: int = 64
    hidden_units: int = 256
    temperature: float = 0.07
    dropout: float = 0.2
    learning_rate: float = 2e-3
    batch_size: int = 1024
    epochs: int = 30
    patience: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        # A batch of one has no negatives.
        least = {"width": 1, "hidden_units": 1, "batch_size": 2, "epochs": 1, "patience": 1}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                self._refuse(name, f"at least {bound}")
        if not 0 <= self.dropout < 1:
            self._refuse("dropout", "in [0, 1)")
        for name in ("temperature", "learning_rate"):
            if not 0 < getattr(self, name) < float("inf"):
                self._refuse(name, "a positive number")
        if not 0 <= self.seed < 2**31:
            self._refuse("seed", "in [0, 2**31)")

    def _refuse(self, name: str, expected: str) -> None:
        flag = f"--{name.replace('_', '-')}"
        raise InputError(f"`{flag}` should be {expected}. Received: {getattr(self, name)}.")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of the settings."""
        return tuple(field.name for field in fields(cls))
