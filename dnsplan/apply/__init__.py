"""The executor: observe, plan, commit the intent, act once, commit the outcome; and again until nothing is ready."""

from dnsplan.apply.assemble import assemble
from dnsplan.apply.executor import Run, run
from dnsplan.apply.guards import Tally
from dnsplan.apply.looking import Look, Ports, look
from dnsplan.apply.outcome import RunResult, ZoneOutcome, exit_code, plan_exit_code
from dnsplan.apply.waiting import apply_until

__all__ = [
    "Look", "Ports", "Run", "RunResult", "Tally", "ZoneOutcome", "apply_until", "assemble", "exit_code", "look",
    "plan_exit_code", "run",
]  # fmt: skip
