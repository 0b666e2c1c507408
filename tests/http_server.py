"""A local HTTP server of one folder, with the faults that servers have."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


class Served:
    """A running server: /KIND/NAME gives the file NAME; `requests` lists (method, path, range) of each request.

    Kinds: "ranges"; "whole", which ignores ranges; "stalls" without an answer, "stalls-later" after the first bytes;
    "drips" sends ten bytes a second;
    "longer" says a thousand times the length; "garbage" sends other bytes after the first block; "cut" sends half of
    every answer; "403"; "private" wants the header `Authorization: Bearer secret`.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.requests: list[tuple[str, str, str | None]] = []
        self.sent = 0  # bytes
        self.stop = threading.Event()


@contextmanager
def serving(folder: Path):
    """Serve a folder; yields a `Served`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            asked = self.headers.get("Range")
            served.requests.append((self.command, self.path, asked))
            kind, _, name = self.path.partition("?")[0].lstrip("/").partition("/")
            file = folder / unquote(name)
            if kind == "stalls":
                served.stop.wait(60)
                self.close_connection = True
                return
            wrong = kind == "private" and self.headers.get("Authorization") != "Bearer secret"
            status = 403 if kind == "403" or wrong else 200 if file.is_file() else 404
            if status != 200:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = file.read_bytes()
            self.send(kind, content, asked if kind != "whole" else None, body)

        def send(self, kind, content, asked, body):
            total, part = len(content) * (1000 if kind == "longer" else 1), content
            if asked:
                first, last = re.match(r"bytes=(\d+)-(\d*)", asked).groups()
                first, last = int(first), min(int(last or total - 1), total - 1)
                part = content[first : last + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{total}")
                if kind == "garbage" and first:
                    part = bytes(byte ^ 0x5A for byte in part)
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(part) if asked else total))
            if kind != "whole":
                self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            if kind == "cut":
                part = part[: len(part) // 2]
                self.close_connection = True
            if not body:
                return
            try:
                if kind == "stalls-later":
                    self.wfile.write(part[:50])
                    served.stop.wait(60)
                    self.close_connection = True
                    return
                while kind == "drips" and part and not served.stop.wait(0.1):
                    self.wfile.write(part[:1])
                    part = part[1:]
                self.wfile.write(part)
                served.sent += len(part)
            except OSError:  # the client has read enough
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None
    served = Served(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
