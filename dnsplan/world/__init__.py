"""Worlds in which the engine can be tried: in memory, and as real DNS servers on loopback."""
