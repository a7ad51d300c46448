"""One lagging, lying, lame or silent server holds every later step back, until it is well again.

That a server counts after it left the NS set stands in the engine's tests: the NS of a described world are fixed.
"""

from __future__ import annotations

import pytest
from oracle import violations
from worlds import world

from dnsplan.forecast import simulate

ADDRESS = {"parent": "192.0.2.2", "child": "198.51.100.2"}
SAID = {
    "silent": ("wait", "no usable answer from {} (timeout)"),
    "lame": ("wait", "no usable answer from {} (lame)"),
    "lies": ("blocked", "{}"),
    "frozen": ("wait", ""),
}


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("side", ["parent", "child"])
def test_no_step_is_taken_on_the_word_of_the_other_servers(side: str, kind: str) -> None:
    """From the first publication on, one server of that side is unfit for 1,000 seconds."""
    described = world("swap", 3, gates_exact=True)
    described["truth"][f"{side}_propagation"] = [0, 2]
    calm = simulate(described)
    asked = next(e["call"] for e in calm["events"] if e["rrset"] == ("DS" if side == "parent" else "DNSKEY"))
    end = asked + 1000
    described["truth"]["faults"] = [{"kind": kind, "server": f"{side}:1", "from": asked + 1, "until": end}]

    result = simulate(described)

    later = [e for e in result["events"] if e["call"] is not None and e["call"] > asked and e["rrset"] != "ZONE"]
    assert later
    assert all(event["call"] >= end for event in later)
    assert violations(described, result) == []
    assert result["reached"]
    move, words = SAID[kind]
    told = [m for m in result["moves"] if asked < m["at"] < end and m["move"] == move]
    assert any(words.format(ADDRESS[side]) in m["reason"] for m in told), told
