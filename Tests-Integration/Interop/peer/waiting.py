"""Waiting for what py-libp2p has no event for."""

import trio

LIMIT = 15


async def until(what, condition):
    """Waits until a condition holds, and returns what it says."""
    with trio.move_on_after(LIMIT):
        while not (found := condition()):
            await trio.sleep(0.005)
        return found
    raise TimeoutError("%s: not within %d seconds" % (what, LIMIT))
