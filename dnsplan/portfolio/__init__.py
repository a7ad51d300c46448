"""Files in Git to a checked portfolio, every fault at once, and edits that keep what people wrote."""

from dnsplan.portfolio.faults import Fault
from dnsplan.portfolio.load import Loaded, load, load_portfolio
from dnsplan.portfolio.schema import schema

__all__ = ["Fault", "Loaded", "load", "load_portfolio", "schema"]
