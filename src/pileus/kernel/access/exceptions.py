"""Where AWS's authorization data and the names of operations do not agree, or are silent. One line for each.

Amazon S3 User Guide, "Required permissions for Amazon S3 API operations"; the other services' developer guides.
"""

from __future__ import annotations

ACTIONS: dict[str, dict[str, str]] = {
    "batch": {
        "CancelJobs": "CancelJob",
        "TerminateJobs": "TerminateJob",
        "TerminateServiceJobs": "TerminateServiceJob",
    },
    "dynamodb": {
        "BatchExecuteStatement": "PartiQLSelect",
        "ExecuteStatement": "PartiQLSelect",
        "ExecuteTransaction": "PartiQLSelect",
        "TransactGetItems": "GetItem",
        "TransactWriteItems": "PutItem",
    },
    "kms": {"ReEncrypt": "ReEncryptFrom"},
    "lambda": {
        "GetLayerVersionByArn": "GetLayerVersion",
        "Invoke": "InvokeFunction",
        "InvokeAsync": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
    },
    "s3": {
        "CompleteMultipartUpload": "PutObject",
        "CopyObject": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
        "DeleteBucketCors": "PutBucketCORS",
        "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
        "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
        "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
        "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
        "DeleteBucketReplication": "PutReplicationConfiguration",
        "DeleteBucketTagging": "PutBucketTagging",
        "DeleteObjects": "DeleteObject",
        "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
        "GetBucketCors": "GetBucketCORS",
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
        "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
        "GetBucketLifecycle": "GetLifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "GetBucketReplication": "GetReplicationConfiguration",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "HeadBucket": "ListBucket",
        "HeadObject": "GetObject",
        "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
        "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
        "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
        "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
        "ListBuckets": "ListAllMyBuckets",
        "CreateSession": "s3express:CreateSession",
        "ListDirectoryBuckets": "s3express:ListAllMyDirectoryBuckets",
        "ListMultipartUploads": "ListBucketMultipartUploads",
        "ListObjectVersions": "ListBucketVersions",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListParts": "ListMultipartUploadParts",
        "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
        "PutBucketCors": "PutBucketCORS",
        "PutBucketEncryption": "PutEncryptionConfiguration",
        "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
        "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
        "PutBucketLifecycle": "PutLifecycleConfiguration",
        "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutBucketReplication": "PutReplicationConfiguration",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
        "SelectObjectContent": "GetObject",
        "UploadPart": "PutObject",
        "UploadPartCopy": "PutObject",
    },
    "s3control": {
        "DeletePublicAccessBlock": "PutAccountPublicAccessBlock",
        "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
        "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    },
    "sns": {"PublishBatch": "Publish"},
    "sqs": {
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
    },
}
"""The action of an operation that is not called like it; with its prefix, where that is another one too."""

UNAUTHORISED = {
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
}
"""Operations that need no permission, and that none can take away (STS API reference)."""

INSTEAD: dict[tuple[str, str], tuple[str, str]] = {
    ("s3", "DeleteObject"): ("VersionId", "DeleteObjectVersion"),
    ("s3", "DeleteObjectTagging"): ("VersionId", "DeleteObjectVersionTagging"),
    ("s3", "GetObject"): ("VersionId", "GetObjectVersion"),
    ("s3", "GetObjectAcl"): ("VersionId", "GetObjectVersionAcl"),
    ("s3", "GetObjectAttributes"): ("VersionId", "GetObjectVersionAttributes"),
    ("s3", "GetObjectTagging"): ("VersionId", "GetObjectVersionTagging"),
    ("s3", "HeadObject"): ("VersionId", "GetObjectVersion"),
    ("s3", "PutObjectAcl"): ("VersionId", "PutObjectVersionAcl"),
    ("s3", "PutObjectTagging"): ("VersionId", "PutObjectVersionTagging"),
}
"""Where a member makes another action of the operation."""

_SAID_OF_OBJECTS = {
    "Tagging": "PutObjectTagging",
    "ACL": "PutObjectAcl",
    "GrantFullControl": "PutObjectAcl",
    "GrantRead": "PutObjectAcl",
    "GrantReadACP": "PutObjectAcl",
    "GrantWriteACP": "PutObjectAcl",
    "ObjectLockMode": "PutObjectRetention",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
}

BESIDE: dict[tuple[str, str], dict[str, str]] = {
    ("s3", "CopyObject"): _SAID_OF_OBJECTS,
    ("s3", "CreateBucket"): {
        "ACL": "PutBucketAcl",
        "ObjectLockEnabledForBucket": "PutBucketObjectLockConfiguration",
        "ObjectOwnership": "PutBucketOwnershipControls",
    },
    ("s3", "CreateMultipartUpload"): _SAID_OF_OBJECTS,
    ("s3", "PutObject"): _SAID_OF_OBJECTS,
    ("s3tables", "CreateTableBucket"): {
        "encryptionConfiguration": "PutTableBucketEncryption",
        "storageClassConfiguration": "PutTableBucketStorageClass",
        "tags": "TagResource",
    },
    ("sts", "AssumeRole"): {"Tags": "TagSession", "SourceIdentity": "SetSourceIdentity"},
    ("sts", "GetFederationToken"): {"Tags": "TagSession"},
}
"""Where a member wants a further action on the same resource."""

HARMLESS = {
    ("s3", "CopyObject"): "bucket-owner-full-control",
    ("s3", "CreateBucket"): "private",
    ("s3", "CreateMultipartUpload"): "bucket-owner-full-control",
    ("s3", "PutObject"): "bucket-owner-full-control",
}
"""The one canned ACL that whoever may create a bucket may give it ("CreateBucket", API Reference), or who may put an
object ("Granting s3:PutObject with a condition requiring the bucket owner to get full control", S3 User Guide)."""

MEMBERS: dict[str, dict[str, str]] = {
    "ec2": {
        "SecurityGroupId": "GroupId",
        "NaclId": "NetworkAclId",
        "VpcBlockPublicAccessExclusionId": "ExclusionId",
        "Ipv4PoolEc2Id": "PoolId",
    },
    "logs": {"LogGroupName": "logGroupIdentifier"},
    "s3": {"ObjectName": "Key"},
}
"""Members that fill a place of an ARN under a name of their own."""

PASSED_TO = {
    "autoscaling": "ec2.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "elasticmapreduce": "elasticmapreduce.amazonaws.com",
    "states": "states.amazonaws.com",
}
"""iam:PassedToService, where it is not the service's own name."""

CONTROLLED = frozenset({"s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "cognito-idp", "dynamodb", "logs"})
"""Prefixes of the services whose resources resource control policies protect (Organizations User Guide)."""

STREAMS = ":log-stream:"
BARE_GROUPS = frozenset({"logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"})
"""Actions whose log groups policies name without `:*`."""
