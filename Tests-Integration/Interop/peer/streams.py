"""Streams under numbers, so that a test can move them step by step."""

import hashlib
import os

import trio
from libp2p.network.stream.exceptions import StreamEOF, StreamReset

from waiting import until

CHUNK = 65_536


async def read_some(stream, count=CHUNK):
    """Some bytes; none at the end of the stream."""
    try:
        return await stream.read(count)
    except StreamEOF:
        return b""


async def echo(stream):
    """Sends back what comes, until the other side has closed its half."""
    try:
        while data := await read_some(stream):
            await stream.write(data)
        await stream.close()
    except Exception:
        await stream.reset()


class Streams:
    """The streams that a test holds."""

    def __init__(self, say):
        self.say = say
        self.streams = {}
        self.ended = {}

    def add(self, stream):
        number = len(self.streams) + 1
        self.streams[number] = stream
        self.ended[number] = trio.Event()
        return number

    def handler(self, node, protocol):
        """Tells the test of a stream, and holds it until the test has finished with it."""

        async def handle(stream):
            number = self.add(stream)
            peer = str(stream.muxed_conn.peer_id)
            self.say({"event": "stream", "node": node, "stream": number, "protocol": protocol, "peer": peer})
            await self.ended[number].wait()

        return handle

    async def write(self, stream, count):
        """Writes random bytes."""
        data = os.urandom(count)
        await self.streams[stream].write(data)
        return {"count": count, "sha256": hashlib.sha256(data).hexdigest()}

    async def read(self, stream, count):
        """Reads this many bytes, or fewer if the stream ends before."""
        digest, found, end = hashlib.sha256(), 0, "open"
        try:
            while found < count:
                data = await read_some(self.streams[stream], count - found)
                if not data:
                    end = "closed"
                    break
                digest.update(data)
                found += len(data)
        except StreamReset:
            end = "reset"
        # A reset that comes while nobody reads looks like an end afterwards, but for this.
        if end == "closed" and self.streams[stream].muxed_stream.reset_received:
            end = "reset"
        return {"count": found, "sha256": digest.hexdigest(), "end": end}

    async def close_write(self, stream):
        await self.streams[stream].close_write()

    async def reset(self, stream):
        await self.streams[stream].reset()

    async def finish(self, stream):
        """The test needs the stream no more."""
        self.ended[stream].set()

    async def exhausted(self, stream, direction):
        """Waits until the window of one direction is used up, so that nothing more may be sent."""
        muxed = self.streams[stream].muxed_stream
        await until("the window is used up", lambda: (muxed.send_window if direction == "out" else muxed.recv_window) <= 0)
        return {"buffered": len(muxed.conn.stream_buffers[muxed.stream_id])}
