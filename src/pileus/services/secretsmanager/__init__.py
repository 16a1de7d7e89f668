"""AWS Secrets Manager: secrets with versions and stages, encrypted by KMS, rotated, replicated, recoverable.

A way through the package, from the ground up:

    secrets, versions       what a secret is, and what it holds
    deletion, replication   its end, and its likes in other Regions
    followers               its replica in another account
    schedules, rotation     new values by a function, now and then
    policies, listing, passwords

Left out: managed external secrets.
"""

from pileus.kernel import Service

secretsmanager = Service("secretsmanager")
