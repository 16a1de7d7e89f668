"""The instance metadata service, versions 1 and 2: what an instance learns about itself at 169.254.169.254.

    subject        of whom something is told
    tree           the categories, as a tree of folders and texts
    interfaces     those of the network
    identity       the identity document and its signatures
    credentials    the role's, renewed in time
    pushed_keys    keys that let in for a minute (EC2 Instance Connect)
    tokens         sessions of version 2
    answers        from a request to its answer: what is refused, what is found
    serving        sockets in the networks of instances

User Guide, "Use the Instance Metadata Service to access instance metadata". Left out: `vhostmd`, accelerators, and DSA:
`pkcs7` is signed with RSA, as `rsa2048` is.
"""
