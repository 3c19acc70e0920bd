"""A node of py-libp2p that answers pings and takes in bulk transfers, over TCP and WebSocket.

Its first line tells its addresses. For each line `pour ADDRESS COUNT` of its standard input it sends so many bytes to another
node, and tells the seconds. It ends with its standard input.
"""

import logging
import os
import sys
import time

import multiaddr
import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.network.config import ConnectionConfig
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr

SINK = "/bench/sink/1.0.0"
LISTEN = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"]


async def sink(stream):
    """Takes in everything, and closes this half when the other side has closed its own."""
    try:
        while await stream.read(65_536):
            pass
    except StreamEOF:
        pass
    await stream.close()


async def pour(host, address, count):
    """Sends bytes to the sink of another node, until that has read them all."""
    info = info_from_p2p_addr(multiaddr.Multiaddr(address))
    await host.connect(info)
    stream = await host.new_stream(info.peer_id, [SINK])
    chunk = bytes(262_144)
    start = time.perf_counter()
    for _ in range(count // len(chunk)):
        await stream.write(chunk)
    await stream.close_write()
    try:
        while await stream.read(1):
            pass
    except StreamEOF:
        pass
    return time.perf_counter() - start


async def main():
    # The plain client resets py-libp2p's own requests, which it would complain of each time.
    logging.disable(logging.CRITICAL)
    listen = [multiaddr.Multiaddr(address) for address in LISTEN]
    # It only listens: a node that dials by itself would do so while it is measured.
    quiet = ConnectionConfig(min_connections=0, low_watermark=0)
    host = new_host(
        key_pair=create_new_key_pair(), listen_addrs=listen, enable_tcp=True, enable_websocket=True,
        connection_config=quiet)
    host.set_stream_handler(SINK, sink)
    async with host.run(listen):
        while len(host.get_addrs()) < len(listen):
            await trio.sleep(0.01)
        print(*host.get_addrs(), flush=True)
        async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as lines:
            async for line in lines:
                _, address, count = line.decode().split()
                print(await pour(host, address, int(count)), flush=True)
        # py-libp2p waits a while for each connection that it closes.
        os._exit(0)


trio.run(main)
