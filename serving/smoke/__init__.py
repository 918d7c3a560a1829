"""The check of a running endpoint against the scores of its run."""
