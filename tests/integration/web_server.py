"""A web server outside of Sluice, on a free port of this machine, as a test has it answer."""
import http.server
import json
import ssl
import threading


class WebServer:
    """Each request goes to `answer(request, body)`, which gives (status, headers, content); content
    that is no bytes goes as JSON. With `pair` (certificates.py) it speaks HTTPS."""

    protocol = "HTTP/1.0"  # each connection for one request

    def __init__(self, answer, path, pair=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = self.protocol

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, content = answer(self, body)
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        scheme, host = ("https", "localhost") if pair else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self._server.server_address[1]}/{path}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
