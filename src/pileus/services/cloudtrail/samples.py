"""Sample queries: what one asks event data stores most often, found by words.

The samples are this project's own. Their stores are `$EDS_ID`. A phrase is compared with the words of a sample's name
and description, rare ones counting more.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, paging

from . import cloudtrail

MOST = 10
_IDLE = """a all an and are at by did do for from has have how i in is it me my of on or show that the to was were what
    when where which who with"""
IDLE = set(_IDLE.split())


class Sample(NamedTuple):
    name: str
    description: str
    sql: str


SAMPLES = (
    Sample(
        "Most frequent API calls",
        "Counts how often each API operation was called, by service, the most frequent first.",
        "SELECT eventSource, eventName, COUNT(*) AS calls FROM $EDS_ID GROUP BY eventSource, eventName "
        "ORDER BY calls DESC LIMIT 20",
    ),
    Sample(
        "Denied access",
        "Finds API calls that failed because access was denied, with the user or role and the reason: errors of "
        "authorization and missing permissions.",
        "SELECT eventTime, eventSource, eventName, userIdentity.arn, errorCode, errorMessage FROM $EDS_ID "
        "WHERE errorCode IN ('AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', "
        "'Client.UnauthorizedOperation') ORDER BY eventTime DESC",
    ),
    Sample(
        "Errors by operation",
        "Counts the errors and failures of each API operation.",
        "SELECT eventSource, eventName, errorCode, COUNT(*) AS errors FROM $EDS_ID WHERE errorCode IS NOT NULL "
        "GROUP BY eventSource, eventName, errorCode ORDER BY errors DESC",
    ),
    Sample(
        "Activity of the root user",
        "Lists what was done with the credentials of an account's root user.",
        "SELECT eventTime, eventSource, eventName, sourceIPAddress FROM $EDS_ID WHERE userIdentity.type = 'Root' "
        "AND userIdentity.invokedBy IS NULL ORDER BY eventTime DESC",
    ),
    Sample(
        "Activity of a user or role",
        "Lists the API calls of one IAM user, role or other principal, by its ARN.",
        "SELECT eventTime, eventSource, eventName, awsRegion, sourceIPAddress FROM $EDS_ID "
        "WHERE userIdentity.arn = 'arn:aws:iam::123456789012:user/name' ORDER BY eventTime DESC",
    ),
    Sample(
        "Activity of an access key",
        "Lists what an access key was used for: helpful when credentials were leaked or compromised.",
        "SELECT eventTime, eventSource, eventName, userIdentity.arn, sourceIPAddress FROM $EDS_ID "
        "WHERE userIdentity.accessKeyId = 'AKIAIOSFODNN7EXAMPLE' ORDER BY eventTime",
    ),
    Sample(
        "Most active users",
        "Counts the API calls of each user, role or other principal, the most active first.",
        "SELECT userIdentity.arn, COUNT(*) AS calls FROM $EDS_ID WHERE userIdentity.arn IS NOT NULL "
        "GROUP BY userIdentity.arn ORDER BY calls DESC LIMIT 20",
    ),
    Sample(
        "Calls by source IP address",
        "Counts API calls by the IP address and user agent that they came from.",
        "SELECT sourceIPAddress, userAgent, COUNT(*) AS calls FROM $EDS_ID GROUP BY sourceIPAddress, userAgent "
        "ORDER BY calls DESC",
    ),
    Sample(
        "Changes to security groups",
        "Lists who created, changed or deleted security groups of EC2 and their rules in the firewall of a VPC.",
        "SELECT eventTime, eventName, userIdentity.arn, element_at(requestParameters, 'groupId') AS groupId "
        "FROM $EDS_ID WHERE eventSource = 'ec2.amazonaws.com' AND eventName LIKE '%SecurityGroup%' "
        "AND readOnly = false ORDER BY eventTime DESC",
    ),
    Sample(
        "Changes to IAM",
        "Lists changes to users, roles, groups, policies and other permissions in IAM.",
        "SELECT eventTime, eventName, userIdentity.arn, requestParameters FROM $EDS_ID "
        "WHERE eventSource = 'iam.amazonaws.com' AND readOnly = false ORDER BY eventTime DESC",
    ),
    Sample(
        "Instances started and ended",
        "Lists who launched, started, stopped or terminated EC2 instances.",
        "SELECT eventTime, eventName, userIdentity.arn, responseElements FROM $EDS_ID "
        "WHERE eventName IN ('RunInstances', 'StartInstances', 'StopInstances', 'TerminateInstances') "
        "ORDER BY eventTime DESC",
    ),
    Sample(
        "Deleted S3 objects",
        "Lists who deleted which objects of S3 buckets, from data events.",
        "SELECT eventTime, userIdentity.arn, element_at(requestParameters, 'bucketName') AS bucket, "
        "element_at(requestParameters, 'key') AS object FROM $EDS_ID "
        "WHERE eventName IN ('DeleteObject', 'DeleteObjects') ORDER BY eventTime DESC",
    ),
    Sample(
        "Uses of KMS keys",
        "Counts how often each KMS key was used to encrypt and decrypt, and by whom.",
        "SELECT eventName, userIdentity.arn, r.arn AS key, COUNT(*) AS uses FROM $EDS_ID "
        "CROSS JOIN UNNEST(resources) AS t(r) WHERE eventSource = 'kms.amazonaws.com' "
        "GROUP BY eventName, userIdentity.arn, r.arn ORDER BY uses DESC",
    ),
    Sample(
        "Sessions without multi-factor authentication",
        "Lists changes that were made in sessions without MFA.",
        "SELECT eventTime, eventName, userIdentity.arn FROM $EDS_ID "
        "WHERE userIdentity.sessionContext.attributes.mfaAuthenticated = 'false' AND readOnly = false "
        "ORDER BY eventTime DESC",
    ),
    Sample(
        "Calls per hour",
        "Counts API calls hour by hour, to see trends and spikes over time.",
        "SELECT date_trunc('hour', eventTime) AS hour, COUNT(*) AS calls FROM $EDS_ID GROUP BY 1 ORDER BY 1",
    ),
)


def words(text: str) -> Counter[str]:
    """The stems of a text's words, without those that say nothing."""
    found = (word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in IDLE)
    return Counter(re.sub(r"(ies|ing|ions?|ed|es|s)$", "", word) or word for word in found)


def weights() -> dict[str, float]:
    """How much each word tells one sample from the others."""
    several = [words(f"{sample.name} {sample.description}") for sample in SAMPLES]
    held = Counter(word for one in several for word in one)
    return {word: math.log(1 + len(SAMPLES) / number) for word, number in held.items()}


def relevance(phrase: Counter[str], sample: Sample, weight: dict[str, float]) -> float:
    """The cosine of a phrase and a sample."""
    own = words(f"{sample.name} {sample.name} {sample.description}")

    def length(one: Counter[str]) -> float:
        return math.sqrt(sum((count * weight.get(word, 1.0)) ** 2 for word, count in one.items()))

    shared = sum(phrase[word] * own[word] * weight.get(word, 0.0) ** 2 for word in phrase)
    return shared / (length(phrase) * length(own)) if shared else 0.0


@cloudtrail.operation
def search_sample_queries(
    call: Call, search_phrase: str, max_results: int = MOST, next_token: str = ""
) -> dict[str, Any]:
    """The sample queries that a phrase is about, the most relevant first."""
    phrase, weight = words(search_phrase), weights()
    scored = sorted(((relevance(phrase, one, weight), one) for one in SAMPLES), key=lambda pair: (-pair[0], pair[1]))
    found = [(score, one) for score, one in scored if score]
    invalid = Fault("InvalidParameterException", "The pagination token is not valid.", status=400)
    start = int(paging.opened(call, next_token, invalid)) if next_token else 0
    end = start + max_results
    return {
        "SearchResults": [
            {"Name": one.name, "Description": one.description, "SQL": one.sql, "Relevance": round(score, 4)}
            for score, one in found[start:end]
        ],
        "NextToken": paging.sealed(call, end) if end < len(found) else None,
    }
