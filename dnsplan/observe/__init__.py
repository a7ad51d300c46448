"""The eyes: what every server of every zone answers now, as values; nothing is believed that does not match."""

from dnsplan.observe.observer import Observer

__all__ = ["Observer"]
