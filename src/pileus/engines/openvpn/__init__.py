"""OpenVPN servers: Debian's `openvpn`, one process for each server, each in the namespace of a host.

    servers = cloud.engine(OpenVpn)
    await servers.run(Server("blue", host="blue", pool="10.8.0.0/22", …), gate)

A server asks its gate about each visitor who has proved to have a certificate, and tells it of those who leave.

    servers       what a server is, and which ones run
    management    OpenVPN's management interface: what a server asks and tells, and what it is told
    passing       which packets of visitors go where

Nothing is written to disk: a process gets its configuration, keys and all, by its standard input, and ends by itself
when the cloud does.
"""

from .management import Visitor
from .passing import Passing, Verdict, Way
from .servers import Gate, OpenVpn, Refused, Server, program, unable

__all__ = [
    "Gate",
    "OpenVpn",
    "Passing",
    "Refused",
    "Server",
    "Verdict",
    "Visitor",
    "Way",
    "program",
    "unable",
]
