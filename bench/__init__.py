"""Measurements against bare limits and named peers: ``python -m bench`` (see `bench.__main__`)."""
