"""Plan, stage and prove DNSSEC delegation changes."""

__version__ = "0.1.0"
