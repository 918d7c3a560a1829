"""Requests with the answers that a served run should give."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.client.ranking_signature import RankingSignature
from sesrec_tf.errors import InputError
from sesrec_tf.files import write_json
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.request_checks import parsed_list
from sesrec_tf.schema import HistoryShape

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class SmokeSample:
    """What to ask an endpoint, and what its run's model says in this process.

    Attributes:
        history: widths of the signatures.
        requests: at least one.
        scores: logits of every request's candidates.
        weights: by name (`rec_weights`, `search_weights`), co-attention of the events of every
            request; empty for a model that explains nothing.
    """

    history: HistoryShape
    requests: tuple[RankingRequest, ...]
    scores: Rows
    weights: dict[str, Rows]

    @property
    def signature(self) -> RankingSignature:
        """Widths that the endpoint should report."""
        history = self.history
        return RankingSignature(
            history.rec_length, history.search_length, history.clicks, candidates=None
        )

    def write(self, file: Path) -> None:
        """Stores it as JSON, by rename."""
        write_json(file, dataclasses.asdict(self))

    @classmethod
    def read(cls, file: Path) -> SmokeSample:
        """What `write` stored.

        Raises:
            InputError: for a file that cannot be read or is something else.
        """
        try:
            content: Any = json.loads(file.read_text("utf-8"))
            sample = cls(
                HistoryShape(**content["history"]),
                tuple(parsed_list("requests", content["requests"], RankingRequest.from_dict)),
                _rows(content["scores"]),
                {name: _rows(rows) for name, rows in content["weights"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"cannot read {file}: {type(error).__name__}: {error} Expected what "
                "`python -m serving.smoke --run DIR --record FILE` wrote."
            ) from error
        sample._check(file)
        return sample

    def _check(self, file: Path) -> None:
        widths = [len(request.candidates) for request in self.requests]
        rows = [len(row) for row in self.scores]
        if not widths or widths != rows or any(len(w) != len(rows) for w in self.weights.values()):
            raise InputError(
                f"{file} should hold requests with a score for each candidate. Received "
                f"{sum(widths)} candidates of {len(widths)} requests, {sum(rows)} scores of "
                f"{len(rows)}. Record it again."
            )


def _rows(values: Any) -> Rows:
    return tuple(tuple(float(value) for value in row) for row in values)
