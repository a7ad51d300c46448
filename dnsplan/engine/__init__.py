"""The pure core: what is known, what may be done now, and why it is safe."""

from dnsplan.engine.absorb import absorb
from dnsplan.engine.ages import overdue_since
from dnsplan.engine.journal import record_intent, record_outcome
from dnsplan.engine.planner import plan_zone
from dnsplan.engine.silence import acknowledge

__all__ = ["absorb", "acknowledge", "overdue_since", "plan_zone", "record_intent", "record_outcome"]
