"""The DHT of py-libp2p."""

from libp2p.custom_types import TProtocol
from libp2p.kad_dht import common, kad_dht, peer_routing, provider_store, value_store
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.id import ID
from libp2p.records.ipns import IPNSValidator
from libp2p.records.pubkey import PublicKeyValidator
from libp2p.records.validator import NamespacedValidator, Validator
from libp2p.tools.anyio_service import background_trio_service

from waiting import until

running = background_trio_service


class Highest(Validator):
    """Any value but an empty one; the greater is the better."""

    def validate(self, key, value):
        if not value:
            raise ValueError("an empty value")

    def select(self, key, values):
        return values.index(max(values))


def speak(protocol):
    """Makes all nodes of the program speak a protocol.

    py-libp2p 0.8.1 takes a prefix as an argument and ignores it: each of its modules reads a constant of its own.
    """
    for module in (common, kad_dht, peer_routing, provider_store, value_store):
        module.PROTOCOL_ID = TProtocol(protocol)


def make(host, mode, protocol, namespaces=()):
    speak(protocol)
    validator = NamespacedValidator({
        "pk": PublicKeyValidator(), "ipns": IPNSValidator(), **{name: Highest() for name in namespaces}})
    return KadDHT(host, DHTMode[mode.upper()], validator=validator)


def providers(found):
    return {
        "peers": [str(provider.peer_id) for provider in found],
        "addresses": [str(address) for provider in found for address in provider.addrs],
    }


async def kad_knows(dht, peer):
    """Waits until a peer is in the routing table."""
    await until("a peer in the routing table", lambda: dht.routing_table.peer_in_table(ID.from_base58(peer)))


async def kad_table(dht):
    return {"peers": [str(peer) for peer in dht.routing_table.get_peer_ids()]}


async def kad_closest(dht, key):
    """Looks in the network for the peers closest to a key."""
    return {"peers": [str(peer) for peer in await dht.peer_routing.find_closest_peers_network(bytes.fromhex(key))]}


async def kad_ask_nodes(dht, peer, key):
    """Asks one peer, with one request, for the peers closest to a key."""
    found = await dht.peer_routing._query_peer_for_closest(ID.from_base58(peer), bytes.fromhex(key))
    return {"peers": [str(closer) for closer in found]}


async def kad_ask_providers(dht, peer, key):
    """Asks one peer, with one request, for the providers of a key."""
    found, closer = await dht.provider_store._get_providers_from_peer_with_closers(
        ID.from_base58(peer), bytes.fromhex(key))
    return {**providers(found), "closer": [str(one) for one in closer]}


async def kad_ask_value(dht, peer, key):
    """Asks one peer, with one request, for a value."""
    record, closer = await dht.value_store._get_from_peer(
        ID.from_base58(peer), key.encode(), return_record=True, return_closer_peers=True)
    return {"value": record.value.hex() if record else "none", "closer": [str(one) for one in closer]}


async def kad_find_peer(dht, peer):
    found = await dht.find_peer(ID.from_base58(peer))
    return {"addresses": [str(address) for address in found.addrs] if found else []}


async def kad_provide(dht, key):
    return {"taken": "yes" if await dht.provide(key) else "no"}


async def kad_providers(dht, key):
    return providers(await dht.find_providers(key))


async def kad_held_providers(dht, key):
    """Waits for providers in this node's own store, since who adds one is not answered by everybody."""
    return providers(await until("a provider", lambda: dht.provider_store.get_providers(bytes.fromhex(key))))


async def kad_put(dht, key, value):
    await dht.put_value(key, bytes.fromhex(value))


async def kad_get(dht, key):
    found = await dht.get_value(key)
    return {"value": found.hex() if found is not None else "none"}


async def kad_held(dht, key):
    """The value in this node's own store."""
    record = dht.value_store.get(key.encode())
    return {"value": record.value.hex() if record is not None else "none"}
