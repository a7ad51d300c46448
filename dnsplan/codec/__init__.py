"""The model to and from canonical, versioned JSON; what does not fit is a ConfigError with its path."""

from dnsplan.codec.canonical import canonical, parse, sha256_of
from dnsplan.codec.values import from_json, to_json

__all__ = ["canonical", "from_json", "parse", "sha256_of", "to_json"]
