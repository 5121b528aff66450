"""Launches and shutdowns, one after the other and at once: nothing stays, and nothing grows.

`tests/run bench soak` does the same for longer.
"""

from bed.soak import KINDS, Soak, soak


def test_nothing_stays_and_nothing_grows(swarm, network, place, binaries):
    with Soak(swarm, network, place, binaries) as bed:
        result = soak(bed, 3 * len(KINDS))
    assert set(result["ends"].values()) == {3}
