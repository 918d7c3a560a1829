"""A development server with TF Serving's gRPC and REST API."""
