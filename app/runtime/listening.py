"""Binds the address before anything else is started, and explains what to do if that fails."""

from __future__ import annotations

import errno
import socket

from stepzero_rnn.errors import CannotListen

BACKLOG = 2048

_ADVICE = {
    errno.EADDRINUSE: "the port is in use. Choose another port (`--port {other}` or STEPZERO_PORT={other}), or stop the "
    "process that uses it; `ss -ltnp 'sport = :{port}'` shows which one",
    errno.EACCES: "ports below 1024 need root privileges. Choose a higher port, such as `--port 8000`",
    errno.EADDRNOTAVAIL: "not an address of this machine. Use 127.0.0.1 to accept local connections only, or 0.0.0.0 to "
    "listen on all interfaces",
}


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address; connections made before the server is ready wait.

    Raises:
        CannotListen: the address is in use, privileged or not one of this machine.
    """
    try:
        hosts = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(hosts, key=lambda one: one[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        reason = "unknown host name. Use 127.0.0.1 to accept local connections only"
        raise CannotListen(host=host, port=port, reason=reason) from error
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
        reason = advice.format(port=port, other=port + 1 if port < 65535 else 8000)
        raise CannotListen(host=host, port=port, reason=reason) from error
