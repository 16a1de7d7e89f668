"""AWS CloudHSM: clusters of hardware security modules, played by tokens of SoftHSM2.

A cluster is a folder of tokens in the data directory, one for each of its crypto users: the first, `hsm1`, is there
once the cluster is initialised, with the password of the PRECO user as its security officer's PIN. Whoever gives it a
user makes the cluster active, and adds further users as further tokens. Clients load SoftHSM2's library with the
configuration that `/_pileus/at/cloudhsmv2/CLUSTER` names, and work by PKCS #11 as with CloudHSM's own library.

A way through the package:

    clusters, modules   clusters, and the HSMs in them
    claiming            the certificate request, and the certificates that its owner answers it with
    backups, sharing    copies of a cluster, kept for a while, restored, given to others

Left out: network interfaces and security groups; certificates of the hardware's makers; change of the HSM type.
"""

from pileus.kernel import Service

cloudhsmv2 = Service("cloudhsmv2", engine="SoftHSM2")
