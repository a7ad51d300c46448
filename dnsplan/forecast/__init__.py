"""The engine and the executor in a world of their own: what would happen, before anything is touched."""

from dnsplan.forecast.simulate import simulate

__all__ = ["simulate"]
