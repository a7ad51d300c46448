"""The executor at work on the lab's zones in real time, with the project's own eyes, ways in and kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lab import ROOT, Lab
from lab_zones import WaysIn

from dnsplan.apply import Ports, Run, RunResult, run
from dnsplan.cli.clock import SystemClock
from dnsplan.forecast.delay import parent_delay
from dnsplan.forecast.zone import forecast, situations
from dnsplan.model.action import SetDs
from dnsplan.model.audit import Record
from dnsplan.model.forecast import Forecast
from dnsplan.model.plan import NeedsHuman
from dnsplan.model.portfolio import ObserveSettings, Policy, Portfolio, Resolution, WayIn, ZoneIntent
from dnsplan.observe import Observer
from dnsplan.parents import Surroundings, connect_parent
from dnsplan.ports import Signer
from dnsplan.world.simulated import MemoryLedger

Clerk = Callable[[str, SetDs], None]


@dataclass
class Managed:
    """The lab's zones under the executor's care."""

    lab: Lab
    policies: Mapping[str, Policy]
    intents: dict[str, ZoneIntent]
    clerk: Clerk
    log: list[str] = field(default_factory=list)
    done: dict[str, float] = field(default_factory=dict)
    """When a zone's last step was taken."""
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    records: list[Record] = field(default_factory=list)
    """What the ledger was told of the runs that changed something."""
    looked: list[float] = field(default_factory=list)
    """When each run began."""
    _asked: set[SetDs] = field(default_factory=set)
    _runs: int = 0

    def __post_init__(self) -> None:
        ways_in = WaysIn(self.lab)
        surroundings = Surroundings(resolve=ways_in.resolve, root=self.lab.folder)
        own = ways_in.parent_entry()
        single = replace(own, name="single", settings={**own.settings, "accepts": {"max_ds": 1}})
        desk = WayIn(name="desk", type="manual", settings={"contact": "registry desk"})
        entries: Mapping[str, WayIn] = {"own": own, "single": single, "desk": desk}
        parents = {name: connect_parent(entry, surroundings) for name, entry in entries.items()}
        signers: dict[str, Signer] = {"pdns": ways_in.signer(), "files": self.lab.files}
        if self.lab.second is not None:
            signers["pdns-new"] = ways_in.second()
        clock = SystemClock()
        self.resolution = Resolution(root_hints=(ROOT.address,), port=53, trust_anchors=(str(self.lab.anchor),))
        self.ports = Ports(
            clock=clock,
            dns=Observer(self.resolution, ObserveSettings(timeout_ms=1000, rate_per_server=2000), clock),
            ledger=self.ledger,
            parent=parents.__getitem__,
            signer=signers.__getitem__,
            digest=lambda _: "",
        )

    @property
    def portfolio(self) -> Portfolio:
        """Return what the files say now."""
        return Portfolio(
            name="lab", zones=self.intents, policies=self.policies, signers={}, parents={}, accepts={},
            resolution=self.resolution,
        )  # fmt: skip

    def forecasts(self) -> dict[str, Forecast]:
        """Return the forecast of every zone, made as the command makes it."""
        portfolio, histories = self.portfolio, self.ledger.histories.values()
        return {
            one.intent.zone: forecast(one, parent_delay(portfolio, one.intent.zone, histories))
            for one in situations(portfolio, tuple(self.intents), self.ports)
        }

    def run(self) -> RunResult:
        """Observe every zone once and do everything that is ready."""
        self._runs += 1
        if self.lab.rolling and self._runs % 4 == 0:
            self.lab.rolling.hurry()
        self.looked.append(time.time())  # noqa: TID251  # the ledger's time
        request = Run(id=f"run-{self._runs}")
        result = run(self.portfolio, tuple(self.intents), self.ports, request)
        if self.ledger.record is not None and self.ledger.record.id == request.id:
            self.records.append(self.ledger.record)
        for zone in result.zones:
            self.log += [
                f"{time.monotonic():.1f} {zone.zone} {step.id} {step.outcome} {step.reason}" for step in zone.steps
            ]
            if zone.steps:
                self.done[zone.zone] = time.monotonic()
            for move in zone.plan.moves:
                if isinstance(move, NeedsHuman):
                    self._hand_over(zone.zone, move)
        return result

    def _hand_over(self, zone: str, move: NeedsHuman) -> None:
        action = move.step.action
        if isinstance(action, SetDs) and action not in self._asked:
            self._asked.add(action)
            self.log.append(f"{time.monotonic():.1f} {zone} by the clerk: {move.step.summary}")
            self.clerk(zone, action)

    def until_done(self, seconds: float, reached: Callable[[], bool] = lambda: True) -> float:
        """Run until every zone has reached its goal, and `reached`; return how long that took."""
        began = time.monotonic()
        while True:
            result = self.run()
            left = [
                (zone.zone, zone.plan.headline, zone.plan.moves) for zone in result.zones if zone.plan.headline != "OK"
            ]
            if not left and reached():
                return time.monotonic() - began
            if time.monotonic() - began > seconds:
                raise AssertionError("\n".join(["not done:", *map(str, left), *self.log]))
            time.sleep(0.3)
