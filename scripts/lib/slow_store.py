#!/usr/bin/env python3
"""An S3 server that keeps its objects in memory and answers each request after a latency, for scripts/bench-apply.

    slow_store.py MILLISECONDS

It prints its port. It knows what the state needs: GET, PUT with If-None-Match and If-Match, DELETE, and lists.
"""
import datetime
import hashlib
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

LATENCY = int(sys.argv[1]) / 1000
OBJECTS = {}
LOCK = threading.Lock()


def etag(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet: otherwise the kernel holds the second one back.
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", tag=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", formatdate(usegmt=True))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def key(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(LATENCY)
        return unquote(urlsplit(self.path).path), data

    def do_PUT(self):
        key, data = self.key()
        with LOCK:
            there = OBJECTS.get(key)
            must_not_be = self.headers.get("If-None-Match") == "*"
            must_match = self.headers.get("If-Match")
            if (must_not_be and there is not None) or (must_match and (there is None or etag(there) != must_match)):
                return self.answer(412)
            OBJECTS[key] = data
        self.answer(200, tag=etag(data))

    def do_GET(self):
        key, _ = self.key()
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self.answer(200, self.list(key.rstrip("/"), query.get("prefix", [""])[0]))
        data = OBJECTS.get(key)
        self.answer(404) if data is None else self.answer(200, data, etag(data))

    def do_DELETE(self):
        key, _ = self.key()
        OBJECTS.pop(key, None)
        self.answer(204)

    def list(self, bucket, prefix):
        start = f"{bucket}/{prefix}"
        found = sorted((key[len(bucket) + 1:], data) for key, data in OBJECTS.items() if key.startswith(start))
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{now}</LastModified>"
            f"<ETag>{escape(etag(data))}</ETag><Size>{len(data)}</Size></Contents>" for key, data in found)
        return (f'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>'
                f"<KeyCount>{len(found)}</KeyCount>{contents}</ListBucketResult>").encode()


ThreadingHTTPServer.request_queue_size = 128
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
