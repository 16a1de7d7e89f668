"""AWS Key Management Service: keys that never leave it, and what they encrypt, sign and agree on.

A way through the package, from the ground up:

    specs, material             what kinds of keys there are, and the secret that makes one
    keys, policies, lives       what a key is, who may do what with it, from its creation to its deletion
    naming, grants, access      aliases, tags and policies; permissions that come and go; how all that is decided
    rotation, imports, regional new material, brought material, the same key in several Regions
    key_stores                  custom key stores
    cluster_stores, backing     keys whose material is in a CloudHSM cluster
    external_stores, external   keys under which somebody else's key manager encrypts once more
    ciphertexts, encryption     what a ciphertext is; encrypt, decrypt, re-encrypt
    data_keys, signing, agreement, recipients

Left out: ways to external key stores through VPCs; SM2 keys; ML_KEM_512 keys; signatures by Ed25519ph; throttling and
the number of keys an account may have.
"""

from pileus.kernel import Service

kms = Service("kms", engine="cryptography")
