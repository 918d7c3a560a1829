"""Serving: a development server with TF Serving's gRPC API, and clients for any such server."""

from serving.async_ranking_client import AsyncRankingClient
from serving.explanation import ExplainedEvent, Explanation, InterestWeights
from serving.ranking_client import RankingClient
from serving.ranking_request import RankingRequest
from serving.recommendation import Recommendation
from serving.recommendation_request import RecommendationRequest
from serving.request_error import RequestError
from serving.scored_candidate import ScoredCandidate
from serving.search import Search
from serving.serving_error import ServingError
from serving.tls_settings import TlsSettings
from serving.version_status import VersionStatus

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
