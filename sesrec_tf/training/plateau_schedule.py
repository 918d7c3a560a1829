"""When the learning rate falls and when training stops, by validation MRR."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sesrec_tf.config import TrainingConfig

RELATIVE_THRESHOLD = 1e-4
# A rate multiplied down to the floor may land a rounding error above it.
ROUNDING = 1e-9


@dataclass(frozen=True)
class PlateauState:
    """What the schedule remembers between epochs.

    Attributes:
        learning_rate: of the next epoch.
        best: best value so far that counted as an improvement.
        bad_epochs: epochs since then or since the rate last fell.
        floor_epochs: non-improving epochs at the floor.
        stop: whether training is over.
    """

    learning_rate: float
    best: float = float("-inf")
    bad_epochs: int = 0
    floor_epochs: int = 0
    stop: bool = False


class PlateauSchedule:
    """Torch's ReduceLROnPlateau (mode max, relative threshold 1e-4) and the official early stop.

    The rate is multiplied by the factor once more than `plateau_patience` epochs in a row do not
    improve. Early stopping counts only epochs that began at the floor, and fires after more than
    `early_stopping_patience` of them in a row without improvement.

    Args:
        config: the run's training settings.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config

    def start(self) -> PlateauState:
        """The state before the first epoch."""
        return PlateauState(self._config.learning_rate)

    def update(self, state: PlateauState, value: float) -> PlateauState:
        """The state after an epoch that ended with this validation value."""
        config = self._config
        improved = value > state.best * (1 + RELATIVE_THRESHOLD) or state.best == float("-inf")
        if improved:
            return replace(state, best=value, bad_epochs=0, floor_epochs=0)
        at_floor = state.learning_rate <= config.minimum_learning_rate * (1 + ROUNDING)
        floor_epochs = state.floor_epochs + 1 if at_floor else 0
        bad_epochs, rate = state.bad_epochs + 1, state.learning_rate
        if bad_epochs > config.plateau_patience:
            rate = max(rate * config.plateau_factor, config.minimum_learning_rate)
            bad_epochs = 0
        return replace(
            state,
            learning_rate=rate,
            bad_epochs=bad_epochs,
            floor_epochs=floor_epochs,
            stop=floor_epochs > config.early_stopping_patience,
        )
