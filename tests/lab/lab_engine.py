"""The engine at work on the lab's zones in real time: sweep, absorb, plan, perform what is ready, and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lab_sweep import sweep

from dnsplan.engine import absorb, plan_zone, record_intent, record_outcome
from dnsplan.errors import AdapterError
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Action, Capabilities, NeedsHuman, Receipt, SetDs, Situation, Step, ZonePlan
from dnsplan.model.portfolio import Accepts, Policy, ZoneIntent
from dnsplan.ports import Parent, Signer

ANYTHING = Accepts()
Clerk = Callable[[str, SetDs], None]


@dataclass
class Managed:
    """A zone under the engine's care."""

    intent: ZoneIntent
    policy: Policy
    signer: Signer
    parent: Parent
    clerk: Clerk
    accepts: Accepts = ANYTHING
    history: ZoneHistory = field(init=False)
    log: list[str] = field(default_factory=list)
    headline: str = ""
    moves: str = ""
    _asked: SetDs | None = None
    _steps: int = 0

    def __post_init__(self) -> None:
        self.history = ZoneHistory(zone=self.intent.zone)

    @property
    def capabilities(self) -> Capabilities:
        """Return what both ways in can do together."""
        parent = self.parent.capabilities(self.intent.zone, self.accepts)
        signer = self.signer.capabilities(self.intent.zone)
        return replace(
            parent,
            signer_manual=signer.signer_manual,
            can_create_keys=signer.can_create_keys,
            resign=signer.resign,
        )

    def run(self) -> None:
        """Observe once and do everything that is ready."""
        seen = sweep(self.intent.zone)
        self.history = absorb(self.history, seen, policy=self.policy, capabilities=self.capabilities)
        while True:
            plan = self._plan(seen)
            self.history = plan.history
            steps = [move for move in plan.moves if isinstance(move, Step)]
            for step in steps:
                self._perform(step, seen.at)
            for move in plan.moves:
                if isinstance(move, NeedsHuman):
                    self._hand_over(move.step)
            if not steps:
                self.headline, self.moves = plan.headline, repr(plan.moves)
                return

    def _plan(self, seen: Observation) -> ZonePlan:
        return plan_zone(
            Situation(
                intent=self.intent,
                policy=self.policy,
                capabilities=self.capabilities,
                history=self.history,
                seen=seen,
                now=int(time.time()),  # noqa: TID251  # the lab lives in real time
                held=self.signer.read(self.intent.zone),
            )
        )

    def _perform(self, step: Step, now: int) -> None:
        self._steps += 1
        name = f"{self.intent.zone}/{self._steps}"
        self.log.append(f"{time.monotonic():.1f} {step.stage} {step.summary}")
        self.history = record_intent(self.history, step, intent_id=name, step_json="{}", now=now)
        try:
            receipt = self._ask(step.action)
        except AdapterError as error:
            self.log.append(f"  {error}")
            return
        self.history = record_outcome(self.history, name, receipt, now=now)

    def _ask(self, action: Action) -> Receipt:
        if isinstance(action, SetDs):
            return self.parent.perform(self.intent.zone, action)
        return self.signer.perform(self.intent.zone, action)

    def _hand_over(self, step: Step) -> None:
        if isinstance(step.action, SetDs) and step.action != self._asked:
            self._asked = step.action
            self.log.append(f"{time.monotonic():.1f} {step.stage} by the clerk: {step.summary}")
            self.clerk(self.intent.zone, step.action)


def run_until_done(zones: list[Managed], seconds: float) -> float:
    """Run all zones side by side until each has reached its goal; return how long that took."""
    began = time.monotonic()
    while True:
        for zone in zones:
            zone.run()
        if all(zone.headline == "OK" for zone in zones):
            return time.monotonic() - began
        left = {zone.intent.zone: (zone.headline, zone.moves, zone.log) for zone in zones if zone.headline != "OK"}
        assert time.monotonic() - began < seconds, left
        time.sleep(0.3)
