"""A described world in memory: every port of the executor, and the truth of what each server serves when."""

from dnsplan.world.simulated.ledger import MemoryLedger
from dnsplan.world.simulated.ports import Crash, SetClock, SimulatedDns, SimulatedParent, SimulatedSigner
from dnsplan.world.simulated.truth import Truth

__all__ = ["Crash", "MemoryLedger", "SetClock", "SimulatedDns", "SimulatedParent", "SimulatedSigner", "Truth"]
