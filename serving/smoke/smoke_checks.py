"""Checks of a running endpoint against the answers it should give."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from serving.client.answer_tensors import answer_array
from serving.client.answers import read_recommendations
from serving.client.example_message import serialized_example
from serving.client.ranking_client import RankingClient
from serving.client.ranking_signature import RankingSignature, output_names
from serving.client.recommendation import Recommendation
from serving.client.request_tensors import history_tensors, string_tensor
from serving.client.scored_candidate import ScoredCandidate
from serving.smoke.answer_checks import check_explained, check_recommended
from serving.smoke.check_result import ABSENT, FAILED, CheckError, CheckResult, run_check
from serving.smoke.refusal_checks import RefusalChecks
from serving.smoke.smoke_sample import SmokeSample
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.signatures import (
    EXAMPLES,
    EXPLAIN,
    RECOMMEND,
    SCORES,
    SERVING_DEFAULT,
    SIDES,
    WEIGHTS,
    explained,
)

CONCURRENT_CALLS = 8
BATCHING_TOLERANCE = 1e-5
"""Largest difference that the company of other requests may make."""


class SmokeChecks:
    """All checks of one endpoint; nothing is changed there.

    Args:
        client: connected to the endpoint.
        sample: requests and the answers they should get.
        tolerance: largest difference of a score, absolute and relative.
        latency_calls: how many single requests are timed.
    """

    def __init__(
        self,
        client: RankingClient,
        sample: SmokeSample,
        tolerance: float = 1e-5,
        latency_calls: int = 50,
    ) -> None:
        self._client = client
        self._sample = sample
        self._tolerance = tolerance
        self._latency_calls = latency_calls
        self._signatures: Sequence[str] = ()

    def __call__(self) -> Iterator[CheckResult]:
        """Runs the checks one after the other; stops after the first two if nothing is served."""
        for name, check in (("status", self._status), ("metadata", self._metadata)):
            result = run_check(name, check)
            yield result
            if result.outcome == FAILED:
                return
        for name, check in (
            (SERVING_DEFAULT, self._serving_default),
            (EXAMPLES, self._examples),
            (EXPLAIN, self._explain),
            (RECOMMEND, self._recommend),
        ):
            if name in self._signatures:
                yield run_check(name, check)
            else:
                yield CheckResult(name, ABSENT, "the model has no such signature")
        yield from RefusalChecks(self._client, self._sample)()
        yield run_check("concurrent requests", self._concurrent)
        yield run_check("latency", self._latency)

    def _status(self) -> str:
        versions = self._client.status()
        states = ", ".join(f"version {status.version} {status.state}" for status in versions)
        if not any(status.state == "AVAILABLE" for status in versions):
            raise CheckError(f"no version is AVAILABLE: {states or 'no version at all'}")
        return states

    def _metadata(self) -> str:
        metadata = self._client.metadata()
        self._signatures = list(metadata.signatures)
        for name in (SERVING_DEFAULT, EXAMPLES):
            if name not in metadata.signatures:
                raise CheckError(f"no signature {name}, only {', '.join(self._signatures)}")
        history, expected = self._sample.history, self._sample.signature
        for name in (SERVING_DEFAULT, EXPLAIN, RECOMMEND):
            if name in metadata.signatures:
                received = RankingSignature.of(metadata.signatures[name], name)
                if received != expected:
                    raise CheckError(f"{name}: expected {expected}, received {received}")
        return (
            f"version {metadata.version} answers {', '.join(self._signatures)}; widths "
            f"{history.rec_length} (feed), {history.search_length} (searches), {history.clicks} "
            "(clicks)"
        )

    def _serving_default(self) -> str:
        scored = self._client.score(self._sample.requests)
        return self._compared([[candidate.score for candidate in row] for row in scored])

    def _examples(self) -> str:
        requests = self._sample.requests
        inputs = {
            EXAMPLES: string_tensor([serialized_example(r) for r in requests], (len(requests),))
        }
        outputs = self._client.predict(EXAMPLES, inputs, [SCORES])
        width = max(len(request.candidates) for request in requests)
        try:
            scores = answer_array(outputs[SCORES], "float32", (len(requests), width))
        except (KeyError, ValueError) as error:
            raise CheckError(f"unusable answer: {error}") from error
        return self._compared(
            [row[: len(r.candidates)].tolist() for row, r in zip(scores, requests, strict=True)]
        )

    def _explain(self) -> str:
        scores, worst = [], 0.0
        for row, request in enumerate(self._sample.requests):
            answer = self._client.explain(
                request.user, request.rec_items, request.searches, request.candidates
            )
            scores.append([candidate.score for candidate in answer.candidates])
            for side, events in zip(SIDES, (answer.rec_events, answer.search_events), strict=True):
                check_explained(request, events, self._tolerance)
                name = explained(side, WEIGHTS)
                received = [event.weight for event in events]
                expected = self._sample.weights[name][row] if name in self._sample.weights else ()
                worst = max(worst, _difference([received], [expected or received]))
        if worst > self._tolerance:
            raise CheckError(f"weights of events differ by up to {worst:.1e}")
        return f"{self._compared(scores)}; weights of events differ by up to {worst:.1e}"

    def _recommend(self) -> str:
        """Items are new, distinct, by falling score, and score as when they are ranked."""
        worst, number = 0.0, 0
        for request in self._sample.requests:
            best = self._recommended(request)
            items, scores = [row.item for row in best], [row.score for row in best]
            check_recommended(request, self._sample.signature, items, scores)
            if items:
                ranked = RankingRequest(
                    request.user, tuple(items), request.rec_items, request.searches
                )
                (again,) = self._client.score([ranked])
                worst = max(worst, _difference([scores], [[row.score for row in again]]))
            number = max(number, len(items))
        if number == 0:
            raise CheckError(
                f"no item is recommended for any of {len(self._sample.requests)} requests"
            )
        if worst > self._tolerance:
            raise CheckError(f"scores differ from those of {SERVING_DEFAULT} by up to {worst:.1e}")
        return f"up to {number} new items; scores differ from {SERVING_DEFAULT} by {worst:.1e}"

    def _recommended(self, request: RankingRequest) -> list[Recommendation]:
        """All that the model answers: the client would drop what it should have left out."""
        inputs = history_tensors([request], self._sample.signature)
        outputs = self._client.predict(RECOMMEND, inputs, output_names(RECOMMEND))
        try:
            return read_recommendations(outputs)
        except ValueError as error:
            raise CheckError(f"unusable answer: {error}") from error

    def _compared(self, scores: Sequence[Sequence[float]]) -> str:
        worst = _difference(scores, self._sample.scores)
        number = sum(len(row) for row in scores)
        if not worst <= self._tolerance:
            raise CheckError(
                f"scores differ from the run's by up to {worst:.1e}, allowed {self._tolerance:.0e}."
                " Is it an export of this run?"
            )
        return f"{number} scores of {len(scores)} requests differ from the run's by {worst:.1e}"

    def _concurrent(self) -> str:
        """Requests of different widths at once, each compared with itself alone."""
        requests = [
            RankingRequest(
                r.user, r.candidates[: 1 + n % len(r.candidates)], r.rec_items, r.searches
            )
            for n, r in enumerate(self._sample.requests)
        ]
        alone = [self._client.score([request])[0] for request in requests]
        with ThreadPoolExecutor(CONCURRENT_CALLS) as threads:
            together = list(threads.map(lambda r: self._client.score([r])[0], requests * 3))
        worst = _difference([_scores(row) for row in together], [_scores(row) for row in alone * 3])
        widths = {len(request.candidates) for request in requests}
        if not worst <= BATCHING_TOLERANCE:
            raise CheckError(f"scores in company differ from those alone by up to {worst:.1e}")
        return (
            f"{len(together)} requests of {min(widths)} to {max(widths)} candidates, "
            f"{CONCURRENT_CALLS} at once, differ from single ones by {worst:.1e}"
        )

    def _latency(self) -> str:
        seconds = []
        for call in range(self._latency_calls):
            request = self._sample.requests[call % len(self._sample.requests)]
            start = time.perf_counter()
            self._client.score([request])
            seconds.append(time.perf_counter() - start)
        p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
        return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms over {len(seconds)} single requests"


def _scores(row: Sequence[ScoredCandidate]) -> list[float]:
    return [candidate.score for candidate in row]


def _difference(received: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> float:
    """The largest one, absolute below 1 and relative above; infinite for other lengths."""
    if [len(row) for row in received] != [len(row) for row in expected]:
        return math.inf
    return max(
        (
            abs(a - b) / max(1.0, abs(b))
            for row, other in zip(received, expected, strict=True)
            for a, b in zip(row, other, strict=True)
        ),
        default=0.0,
    )
