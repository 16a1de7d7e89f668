"""AWS Direct Connect: lines from one's own premises to AWS, and the virtual networks on them.

    states                          how resources change with time
    locations                       where lines begin
    connections, lags, lines        lines, several as one, and how they come and go
    letters                         the letter of authorization for a cross-connect, as a PDF
    interconnects                   lines of partners, of which others have parts
    keys                            MACsec's, as records
    resiliency, agreements          groups of lines, and what customers sign
    interfaces, allocations         virtual interfaces, for oneself and for other accounts
    checks                          what is given for their ends
    peers                           BGP sessions on them, and tests of what happens when they fail
    gateways, associations          Direct Connect gateways, and the VPCs' gateways behind them
    attachments                     the virtual interfaces that lead to them
    changes, wiring, keeping        what makes packets go through private and transit virtual interfaces
    routes                          what their ends tell each other

Nobody plugs a cable in: a line becomes available by itself, and its other end is a network namespace of this machine
(see `wiring`). A virtual interface is down until somebody speaks BGP there.
"""

from pileus.kernel import Fault, Service

directconnect = Service("directconnect", engine="network namespaces and BIRD; letters of authorization as PDF")


def refused(text: str) -> Fault:
    """What Direct Connect says of a request that cannot be."""
    return Fault("DirectConnectClientException", text)


def absent(kind: str, what: str) -> Fault:
    return refused(f"Could not find {kind} with ID {what}")
