"""Amazon EBS direct APIs: snapshots read and written block by block.

    faults      its errors
    tokens      what names a block, for a week
    reading     which blocks a snapshot has, which have changed, what is in them
    writing     a snapshot that is begun, written and completed

This is a further API of EC2's snapshots and shares their records: it imports `services/ec2`, as DynamoDB Streams does
DynamoDB.
"""

from pileus.kernel import Service

from .faults import in_ebs_words

ebs = Service("ebs", engine="blocks of 512 KiB, each kept once", invalid=in_ebs_words)
