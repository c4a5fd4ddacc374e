"""Peer services: whom a call went to."""

from __future__ import annotations

from ...settings import Settings
from .attributes import Meta

PEER_SERVICE = "peer.service"

_SOURCES = ("messaging.kafka.bootstrap.servers", "db.name", "mongodb.db", "rpc.service", "out.host")


class Peers:
    """Names peers as the settings ask for; what the user said of one goes before what its tags say."""

    def __init__(self, settings: Settings) -> None:
        self._mapping = settings.peer_service_mapping
        self.asking = frozenset({"client", "producer"}) if settings.peer_service_defaults else frozenset[str]()
        """The kinds of spans that get a peer service where they have none."""

    def name(self, meta: Meta) -> None:
        """Write `peer.service`, which tag it was taken from, and what it was called before it was renamed."""
        peer, source = meta.get(PEER_SERVICE), PEER_SERVICE
        if not peer:
            source = next((key for key in _SOURCES if meta.get(key)), "")
            if not source:
                return
            peer = meta[PEER_SERVICE] = meta[source]
        meta["_dd.peer.service.source"] = source
        renamed = self._mapping.get(peer)
        if renamed is not None:
            meta["_dd.peer.service.remapped_from"] = peer
            meta[PEER_SERVICE] = renamed
