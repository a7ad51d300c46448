"""A real DNS world in one process on loopback: the stage of `dsplan demo`, and of tests without servers."""

from dnsplan.world.loopback.world import Tsig, World

__all__ = ["Tsig", "World"]
