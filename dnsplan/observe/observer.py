"""`ports.Dns` on real servers: one complete sweep of many zones, with everything above them resolved once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from dnsplan.model.observation import Observation
from dnsplan.model.portfolio import ObserveSettings, Resolution
from dnsplan.model.time import Instant
from dnsplan.observe.chain import Chain
from dnsplan.observe.look import Look
from dnsplan.observe.transport import Transport
from dnsplan.observe.walk import Walk
from dnsplan.ports import Clock, Sight

ZONES_AT_ONCE = 256


class Observer:
    """Sweeps from configured root hints and port."""

    def __init__(self, resolution: Resolution, settings: ObserveSettings, clock: Clock) -> None:
        self._resolution, self._settings, self._clock = resolution, settings, clock
        self.queries_sent = 0

    def observe(self, sights: Sequence[Sight]) -> list[Observation]:
        """Return an observation for every zone, in the order given; what cannot be reached is a value."""
        if not sights:
            return []
        seen = asyncio.run(self.sweep(sights, self._clock.now()))
        # A sweep holds from its end on (T_all is the end of the last one), rounded up: no wait may be too short.
        ended = self._clock.now() + 1
        return [replace(observation, at=ended) for observation in seen]

    async def sweep(self, sights: Sequence[Sight], now: Instant) -> list[Observation]:
        """Observe within a running loop; signatures are judged at `now`."""
        transport = Transport(self._settings, self._resolution.port)
        await transport.open()
        walk = Walk(transport, self._resolution, self._settings.families)
        chain = Chain(walk, self._resolution.trust_anchors, now)
        gate = asyncio.Semaphore(ZONES_AT_ONCE)

        async def one(sight: Sight) -> Observation:
            async with gate:
                return await Look(transport, walk, chain, sight, now).observe()

        try:
            return list(await asyncio.gather(*(one(sight) for sight in sights)))
        finally:
            self.queries_sent += transport.sent
            transport.close()
