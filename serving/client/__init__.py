"""Clients of any endpoint that serves a ranking model by TF Serving's gRPC API."""

from serving.client.async_ranking_client import AsyncRankingClient
from serving.client.explanation import ExplainedEvent, Explanation, InterestWeights
from serving.client.ranking_client import RankingClient
from serving.client.recommendation import Recommendation
from serving.client.scored_candidate import ScoredCandidate
from serving.client.serving_error import ServingError
from serving.client.tls_settings import TlsSettings
from serving.client.version_status import VersionStatus
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search

__all__ = [
    "AsyncRankingClient",
    "ExplainedEvent",
    "Explanation",
    "InterestWeights",
    "RankingClient",
    "RankingRequest",
    "Recommendation",
    "RecommendationRequest",
    "RequestError",
    "ScoredCandidate",
    "Search",
    "ServingError",
    "TlsSettings",
    "VersionStatus",
]
