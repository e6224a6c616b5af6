"""Downloads without a network: each goes to a server on this machine, or fails."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib import error, request


class Rerouted(request.BaseHandler):
    """Sends requests for other machines to the local server, host and path kept."""

    handler_order = 100  # before those that would open a connection

    def __init__(self, port, files):
        self.port = port
        self.files = files
        self.requested = []

    def https_open(self, wanted):
        path = f"{wanted.host}{wanted.selector}"
        self.requested.append(path)
        if path not in self.files:
            raise error.URLError("Name or service not known")
        return self.parent.open(f"http://127.0.0.1:{self.port}/{path}")

    def http_open(self, wanted):
        if wanted.host == f"127.0.0.1:{self.port}":
            return None  # the usual handler's business
        return self.https_open(wanted)


@contextmanager
def local_web(files):
    """Serve files, a dict of "host/path" to bytes, in place of the world.

    Yields
    ------
    requested : list of str
        The addresses that were requested so far.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = files[self.path[1:]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    rerouted = Rerouted(server.server_port, files)
    # An opener of urllib is public, and what scikit-learn's downloads go through.
    request.install_opener(request.build_opener(request.ProxyHandler({}), rerouted))
    try:
        yield rerouted.requested
    finally:
        request.install_opener(None)  # urllib makes its own again
        server.shutdown()
        server.server_close()
        thread.join()
