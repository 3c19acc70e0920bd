"""A py-libp2p peer that does what the test at the other end of its standard input says: one JSON object a line.

    {"call": 1, "do": "start", "node": "a", ...}        what to do; the number is the test's
    {"event": "done", "call": 1, ...}                   what came of it,
    {"event": "failed", "call": 1, "message": "..."}    or why nothing did
    {"event": "stream", "node": "a", "stream": 3, ...}  a stream that the other side opened

Each call runs in a task of its own, so that they overlap. The program holds any number of nodes, and ends with its
standard input.
"""

import json
import os
import sys
import traceback

import trio

from nodes import Nodes


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def carry_out(nodes, request):
    call = request.pop("call")
    try:
        result = await nodes.do(**request)
    except Exception as error:
        print(traceback.format_exc(), file=sys.stderr, flush=True)
        say({"event": "failed", "call": call, "message": "%s: %s" % (type(error).__name__, error)})
    else:
        say({"event": "done", "call": call, **(result or {})})


async def main():
    async with trio.open_nursery() as nursery:
        nodes = Nodes(nursery, say)
        say({"event": "ready"})
        pending = b""
        async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as lines:
            async for chunk in lines:
                *whole, pending = (pending + chunk).split(b"\n")
                for line in whole:
                    nursery.start_soon(carry_out, nodes, json.loads(line))
        nursery.cancel_scope.cancel()


trio.run(main)
