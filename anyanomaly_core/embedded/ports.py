"""Ports of this machine for the servers of an installation."""

import socket

_claims: dict[int, socket.socket] = {}  # of this process


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def claim_port(port: int) -> bool:
    """Whether the port is free and unclaimed; if so, it is claimed for this process until the process ends.

    A server binds its port seconds after it was chosen. Two installations that start in the same moment must not both
    choose it. An abstract socket says so to the whole machine, and leaves nothing behind.
    """
    if not is_free(port):
        return False
    if port not in _claims:
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0anyanomaly-port-{port}")
        except OSError:
            held.close()
            return False
        _claims[port] = held
    return True
