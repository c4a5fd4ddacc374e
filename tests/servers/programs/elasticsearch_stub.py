"""A stand-in for Elasticsearch 1 and 2, whose clients no server understands that can still be had.

Documents in memory by index, type and id; a search finds all of an index. `python elasticsearch_stub.py PORT` runs it.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, Any]


class Documents:
    """What is stored, and the answers about it."""

    def __init__(self) -> None:
        self.indices: dict[str, dict[tuple[str, str], Any]] = {}

    def info(self) -> Answer:
        return 200, {"status": 200, "name": "stub", "cluster_name": "test", "version": {"number": "2.4.6"}}

    def nodes(self, port: int) -> Answer:
        # With the name before the address, as clients of both want it.
        node = {"name": "stub", "http_address": f"127.0.0.1/127.0.0.1:{port}"}
        return 200, {"cluster_name": "test", "nodes": {"stub": node}}

    def index(self, name: str, method: str) -> Answer:
        if method in ("PUT", "POST"):
            self.indices.setdefault(name, {})
        elif name not in self.indices:
            return missing(name)
        elif method == "DELETE":
            del self.indices[name]
        return 200, {"acknowledged": True}

    def document(self, index: str, kind: str, key: str, method: str, body: Any) -> Answer:
        told = {"_index": index, "_type": kind, "_id": key}
        stored = self.indices.get(index, {})
        if method in ("PUT", "POST"):
            new = (kind, key) not in stored
            self.indices.setdefault(index, {})[kind, key] = body
            return 201 if new else 200, {**told, "_version": 1, "created": new}
        if index not in self.indices:
            return missing(index)
        found = (kind, key) in stored
        if method == "DELETE":
            stored.pop((kind, key), None)
            return 200 if found else 404, {**told, "found": found}
        source = {"_source": stored[kind, key]} if found else {}
        return 200 if found else 404, {**told, "found": found, **source}

    def search(self, index: str, body: Any) -> Answer:
        if index and index not in self.indices:
            return missing(index)
        hits = [
            {"_index": name, "_type": kind, "_id": key, "_score": 1.0, "_source": source}
            for name, stored in self.indices.items()
            for (kind, key), source in stored.items()
            if name == (index or name)
        ]
        size = body.get("size", 10) if isinstance(body, dict) else 10
        return 200, {"took": 1, "timed_out": False, "hits": {"total": len(hits), "max_score": 1.0, "hits": hits[:size]}}

    def bulk(self, lines: list[Any], index: str, kind: str) -> Answer:
        items, rest = [], iter(lines)
        for line in rest:
            ((action, about),) = line.items()
            place = about.get("_index", index), about.get("_type", kind), str(about.get("_id", len(items)))
            body = None if action == "delete" else next(rest)
            status, told = self.document(*place, "DELETE" if action == "delete" else "PUT", body)
            items.append({action: {**told, "status": status}})
        return 200, {"took": 1, "errors": False, "items": items}


def missing(index: str) -> Answer:
    return failed(404, "index_not_found_exception", "no such index", index=index)


def failed(status: int, kind: str, reason: str, **more: str) -> Answer:
    cause = {"type": kind, "reason": reason, **more}
    return status, {"error": {"root_cause": [cause], **cause}, "status": status}


DOCUMENTS = Documents()


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet, which is not waited for.
    wbufsize = -1

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(size).decode()
        status, told = self.told(urlsplit(self.path).path.strip("/"), text)
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = answer

    def told(self, path: str, text: str) -> Answer:
        parts = path.split("/") if path else []
        try:
            lines = [json.loads(line) for line in text.splitlines() if line] if path.endswith("_bulk") else []
            body = json.loads(text) if text and not lines else {}
        except ValueError:
            return failed(400, "json_parse_exception", f"Failed to parse [{text}]")
        if not parts:
            return DOCUMENTS.info()
        if re.fullmatch(r"_nodes.*|_cluster/nodes", path):
            return DOCUMENTS.nodes(int(self.server.server_address[1]))
        if parts[-1] == "_bulk":
            index, kind = [*parts[:-1], "", ""][:2]
            return DOCUMENTS.bulk(lines, index, kind)
        if parts[-1] in ("_search", "_count"):
            status, found = DOCUMENTS.search(parts[0] if len(parts) > 1 else "", body)
            count = {"count": found["hits"]["total"]} if parts[-1] == "_count" and status == 200 else found
            return status, count
        if parts[0].startswith("_") or parts[-1].startswith("_"):
            return 200, {"acknowledged": True, "status": "green"}
        if len(parts) == 1:
            return DOCUMENTS.index(parts[0], self.command)
        kind, key = [*parts[1:], f"{len(DOCUMENTS.indices.get(parts[0], {})) + 1}"][:2]
        return DOCUMENTS.document(parts[0], kind, key, self.command, body)

    def log_message(self, format: str, *arguments: Any) -> None:
        return


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Request) as server:
        server.serve_forever()
