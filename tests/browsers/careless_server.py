"""A server that answers whoever asks, and lets every page read it: what many local tools still do."""

import http.server
import sys


class Careless(http.server.BaseHTTPRequestHandler):
    """Answer everything with 200 and a wildcard."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        for name in ("origin", "headers", "methods"):
            self.send_header(f"access-control-allow-{name}", "*")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_OPTIONS = answer


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.2", int(sys.argv[1])), Careless)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()
