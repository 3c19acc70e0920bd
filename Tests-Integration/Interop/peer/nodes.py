"""Nodes of py-libp2p, and what a test may ask of them."""

import os

import multiaddr
import trio
from libp2p import new_host
from libp2p.crypto import ed25519, rsa, secp256k1
from libp2p.crypto.serialization import deserialize_public_key
from libp2p.host.ping import PingService
from libp2p.identity.identify.identify import ID as IDENTIFY, parse_identify_response
from libp2p.identity.identify_push.identify_push import push_identify_to_peers
from libp2p.network.config import ConnectionConfig
from libp2p.peer.envelope import consume_envelope
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr

import kad
from streams import Streams, echo, read_some
from waiting import until

ECHO = "/interop/echo/1.0.0"
MANUAL = "/interop/manual/1.0.0"
KEYS = {
    "ed25519": ed25519.create_new_key_pair,
    "secp256k1": secp256k1.create_new_key_pair,
    "rsa": rsa.create_new_key_pair,
}

class Node:
    """A host, with a DHT if one was asked for."""

    def __init__(self, name, key, listen, streams, dht=None):
        self.listen = [multiaddr.Multiaddr(address) for address in listen]
        # A node that dials by itself would decide the direction in the place of the test.
        quiet = ConnectionConfig(min_connections=0, low_watermark=0)
        self.host = new_host(
            key_pair=KEYS[key](), listen_addrs=self.listen, enable_tcp=True, enable_websocket=True,
            connection_config=quiet)
        self.host.set_stream_handler(ECHO, echo)
        self.host.set_stream_handler(MANUAL, streams.handler(name, MANUAL))
        self.dht = kad.make(self.host, **dht) if dht else None
        self.stopped = trio.Event()

    async def run(self, task_status):
        async with self.host.run(self.listen):
            if self.dht is None:
                task_status.started()
                await self.stopped.wait()
            else:
                async with kad.running(self.dht):
                    task_status.started()
                    await self.stopped.wait()
            await self.host.close()

    def connection(self, peer):
        connections = self.host.get_network().get_connections(peer)
        return connections[0] if connections else None


class Nodes:
    """All nodes of the program; each method without an underscore is a call."""

    def __init__(self, nursery, say):
        self.nursery = nursery
        self.nodes = {}
        self.streams = Streams(say)
        self.calls = {
            **{call.__name__: call for call in (
                self.start, self.stop, self.connect, self.disconnect, self.connected, self.disconnected,
                self.identify, self.learned, self.push, self.ping, self.echo, self.open)},
            **{call.__name__: call for call in (
                self.streams.write, self.streams.read, self.streams.close_write, self.streams.reset,
                self.streams.finish, self.streams.exhausted)},
        }

    async def do(self, do, **arguments):
        if do.startswith("kad_"):
            return await getattr(kad, do)(self.nodes[arguments.pop("node")].dht, **arguments)
        return await self.calls[do](**arguments)

    async def start(self, node, key, listen, dht=None):
        made = self.nodes[node] = Node(node, key, listen, self.streams, dht)
        await self.nursery.start(made.run)
        addresses = await until("an address", made.host.get_addrs) if listen else []
        return {"id": str(made.host.get_id()), "addresses": [str(address) for address in addresses]}

    async def stop(self, node):
        """Says so and goes on: py-libp2p sleeps a while for each connection that it closes."""
        self.nodes[node].stopped.set()

    async def connect(self, node, to):
        info = info_from_p2p_addr(multiaddr.Multiaddr(to))
        await self.nodes[node].host.connect(info)
        return {"id": str(info.peer_id)}

    async def disconnect(self, node, peer):
        await self.nodes[node].host.disconnect(ID.from_base58(peer))

    async def connected(self, node, peer):
        """Waits for a connection to a peer, and says how it came about."""
        connection = await until("a connection", lambda: self.nodes[node].connection(ID.from_base58(peer)))
        return {
            "direction": connection.direction.name.lower(),
            "security": connection.get_negotiated_security_protocol() or "",
            "muxer": connection.get_negotiated_muxer_protocol() or "",
        }

    async def disconnected(self, node, peer):
        await until("the end of a connection", lambda: self.nodes[node].connection(ID.from_base58(peer)) is None)

    async def identify(self, node, peer):
        """Asks a peer who it is, and takes the answer apart as py-libp2p does."""
        host, peer = self.nodes[node].host, ID.from_base58(peer)
        stream = await host.new_stream(peer, [IDENTIFY])
        answer = b""
        while data := await read_some(stream):
            answer += data
        await stream.close()
        message = parse_identify_response(answer)
        record = {}
        if message.HasField("signedPeerRecord"):
            _, found = consume_envelope(message.signedPeerRecord, "libp2p-peer-record")
            record = {
                "recordID": str(found.peer_id),
                "recordAddresses": [str(address) for address in found.addrs],
            }
        return {
            "id": str(ID.from_pubkey(deserialize_public_key(message.public_key))),
            "agent": message.agent_version,
            "version": message.protocol_version,
            "protocols": list(message.protocols),
            "listen": [str(multiaddr.Multiaddr(address)) for address in message.listen_addrs],
            "observed": str(multiaddr.Multiaddr(message.observed_addr)) if message.observed_addr else "",
            **record,
        }

    async def learned(self, node, peer, protocol):
        """Waits until the node knows by itself that a peer serves a protocol, and tells what else it knows."""
        store, peer = self.nodes[node].host.get_peerstore(), ID.from_base58(peer)
        await until(
            "a peer that serves " + protocol,
            lambda: peer in store.peer_ids() and store.supports_protocols(peer, [protocol]))
        return {
            "id": str(ID.from_pubkey(store.pubkey(peer))),
            "protocols": list(store.get_protocols(peer)),
            "addresses": [str(address) for address in store.addrs(peer)],
            "certified": "yes" if store.get_peer_record(peer) is not None else "no",
        }

    async def push(self, node, protocol):
        """Serves one more protocol, and pushes that to all peers."""
        host = self.nodes[node].host
        host.set_stream_handler(protocol, echo)
        await push_identify_to_peers(host)

    async def ping(self, node, peer, count):
        times = await PingService(self.nodes[node].host).ping(ID.from_base58(peer), count)
        return {"count": len(times)}

    async def echo(self, node, peer, count):
        """Sends bytes to a peer that sends them back, closes its half, and reads to the end."""
        stream = await self.nodes[node].host.new_stream(ID.from_base58(peer), [ECHO])
        data, found = os.urandom(count), bytearray()

        async def send():
            await stream.write(data)
            await stream.close_write()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while some := await read_some(stream):
                found += some
        if found != data:
            raise ValueError("sent %d bytes, and other %d came back" % (len(data), len(found)))
        return {"count": len(found)}

    async def open(self, node, peer, protocol):
        stream = await self.nodes[node].host.new_stream(ID.from_base58(peer), [protocol])
        return {"stream": self.streams.add(stream)}
