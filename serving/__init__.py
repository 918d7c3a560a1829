"""Serving: a development server with TF Serving's gRPC API, and a client for any such server."""

from serving.ranking_client import RankingClient, ScoredCandidate
from serving.ranking_request import RankingRequest, Search
from serving.serving_error import ServingError

__all__ = ["RankingClient", "RankingRequest", "ScoredCandidate", "Search", "ServingError"]
