"""Takes the address to serve at before anything is started, and says what to do where that cannot
be had.
"""

from __future__ import annotations

import errno
import socket

from stepzero_rnn.errors import CannotListen

BACKLOG = 2048

_ADVICE = {
    errno.EADDRINUSE: "something listens there already. Take another port, `--port {other}` or STEPZERO_PORT={other}, or end "
    "what listens: `ss -ltnp 'sport = :{port}'` names it",
    errno.EACCES: "ports below 1024 are the administrator's. Take one above, as `--port 8000`",
    errno.EADDRNOTAVAIL: "this machine has no such address. Take 127.0.0.1 for this machine alone, or 0.0.0.0 for all of its "
    "addresses",
}


def listen(host: str, port: int) -> socket.socket:
    """Listen at an address; who comes before the server is ready waits.

    Raises:
        CannotListen: it is taken, forbidden or not of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        reason = "there is no machine of this name. Take 127.0.0.1 for this machine alone"
        raise CannotListen(host=host, port=port, reason=reason) from error
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
        reason = advice.format(port=port, other=port + 1 if port < 65535 else 8000)
        raise CannotListen(host=host, port=port, reason=reason) from error
