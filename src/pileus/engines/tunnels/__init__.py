"""Tunnels of IPsec between a namespace of the cloud's own and whoever is at the other end.

    tunnels = cloud.engine(Tunnels)
    await tunnels.keep("blue", {"one": End(namespace=…, tunnel=Tunnel(…))})

Each tunnel is a process of strongSwan's, which exchanges keys (IKEv1, IKEv2) and does ESP in userspace, in UDP, through
a TUN device: so no module of the kernel's is needed, and nothing is shared by two tunnels. Whatever else comes into its
namespace and is not for the namespace itself goes into the tunnel, and what comes out of the tunnel goes on by the
namespace's routes. Where the two ends tell each other of routes, a process of BIRD's speaks BGP inside.

    plans     what is asked for, and what is told of it
    charon    one process of strongSwan's, and what it is told
    vici      how one speaks to it
    bird      one process of BIRD's, and what it has learned
    running   one tunnel, from its processes to its state
    engine    the tunnels of a cloud
    survey    whether this machine has what it takes, and what is missing

Linux with root; elsewhere `Tunnels.available()` says what is missing.
"""

from .engine import Tunnels
from .plans import Bgp, Certificate, End, Negotiated, State, Suite, Tunnel

__all__ = ["Bgp", "Certificate", "End", "Negotiated", "State", "Suite", "Tunnel", "Tunnels"]
