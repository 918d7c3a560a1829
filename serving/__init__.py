"""Serving: clients of TF Serving's API, a development server that speaks it, and deployment."""
