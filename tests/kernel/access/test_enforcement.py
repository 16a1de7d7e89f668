"""What is asked around an operation: further actions, roles that are passed, context keys, the words of a denial."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import Call, Fault, Record, Service, identity
from pileus.kernel.access import admission, attached, enforcement
from pileus.kernel.access.attached import Grants, ManagedDocument
from pileus.kernel.access.context import STEADY, Context
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target
from pileus.kernel.call import Passage
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import Principal, root
from pileus.kernel.operation import Bound
from pileus.kernel.sealed import Sealed
from pileus.kernel.store import open_store

from .asking import FEDERATED, HERE, ROLE_ARN, ROOT, SESSION, THERE, USER
from .people import allow, deny, document
from .test_actions import bound

QUEUE = f"arn:aws:sqs:us-east-1:{HERE}:q"


def granted(kernel: Cloud, *statements: dict[str, Any], **others: Any) -> Principal:
    """The user with these policies."""
    call = kernel.call("iam", account=HERE)
    Grants(id=USER.user_id, owner=USER.arn, inline={"p": document(*statements)}, **others).put(call)
    return Principal("IAMUser", HERE, USER.arn, USER.user_id, "AKIAALICE")


def by(kernel: Cloud, principal: Principal, at: Bound, **changes: Any) -> Call:
    call = kernel.call(at.service.name, at.name, account=principal.account or HERE, principal=principal)
    return call.at(**changes)


def ask(kernel: Cloud, principal: Principal, service: str, operation: str, **request: Any) -> str:
    """The message of the denial, or an empty text."""
    at = bound(service, operation)
    try:
        admission.admitted(by(kernel, principal, at), at, request)
    except Fault as fault:
        return fault.message if fault.code == "AccessDenied" else str(fault)
    return ""


def test_to_pass_a_role_is_to_be_allowed_to(kernel: Cloud) -> None:
    request = {"FunctionName": "f", "Role": ROLE_ARN, "Code": {}}
    user = granted(kernel, allow("lambda:*"))
    assert ask(kernel, user, "lambda", "CreateFunction", **request) == (
        f"User: {USER.arn} is not authorized to perform: iam:PassRole on resource: {ROLE_ARN} "
        "because no identity-based policy allows the iam:PassRole action"
    )
    to_ecs = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    user = granted(kernel, allow("lambda:*"), allow("iam:PassRole", ROLE_ARN, Condition=to_ecs))
    assert ask(kernel, user, "lambda", "CreateFunction", **request)
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    user = granted(kernel, allow("lambda:*"), allow("iam:PassRole", ROLE_ARN, Condition=to_lambda))
    assert not ask(kernel, user, "lambda", "CreateFunction", **request)


def test_a_role_of_another_account_cannot_be_passed(kernel: Cloud) -> None:
    user = granted(kernel, allow("*"))
    theirs = ROLE_ARN.replace(HERE, THERE)
    assert "iam:PassRole" in ask(kernel, user, "lambda", "CreateFunction", FunctionName="f", Role=theirs, Code={})


def test_a_version_makes_it_another_action(kernel: Cloud) -> None:
    user = granted(kernel, allow("s3:GetObject"))
    assert not ask(kernel, user, "s3", "GetObject", Bucket="b", Key="k")
    assert "s3:GetObjectVersion " in ask(kernel, user, "s3", "GetObject", Bucket="b", Key="k", VersionId="1")


def test_s3_quotes_the_resource(kernel: Cloud) -> None:
    message = ask(kernel, granted(kernel, deny("*")), "s3", "GetObject", Bucket="b", Key="k")
    assert 's3:GetObject on resource: "arn:aws:s3:::b/k" with an explicit deny in an identity-based policy' in message


@pytest.mark.parametrize(
    ("condition", "request_", "allowed"),
    [
        ({"StringLike": {"s3:prefix": "home/*"}}, {"Prefix": "home/alice"}, True),
        ({"StringLike": {"s3:prefix": "home/*"}}, {"Prefix": "away"}, False),
        ({"StringLike": {"s3:prefix": "home/*"}}, {}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"MaxKeys": 10}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"MaxKeys": 11}, False),
    ],
)
def test_members_are_keys_of_the_service(
    kernel: Cloud, condition: dict[str, Any], request_: dict[str, Any], allowed: bool
) -> None:
    user = granted(kernel, allow("s3:ListBucket", Condition=condition))
    assert (not ask(kernel, user, "s3", "ListObjectsV2", Bucket="b", **request_)) == allowed


def test_members_with_names_below_them_are_keys(kernel: Cloud) -> None:
    condition = {"StringEquals": {"kms:EncryptionContext:App": "orders"}}
    user = granted(kernel, allow("kms:Encrypt", Condition=condition))
    request = {"KeyId": f"arn:aws:kms:us-east-1:{HERE}:key/k", "Plaintext": b"x"}
    assert ask(kernel, user, "kms", "Encrypt", **request)
    assert not ask(kernel, user, "kms", "Encrypt", **request, EncryptionContext={"app": "orders"})


def test_the_boundary_of_a_new_user_is_a_key(kernel: Cloud) -> None:
    boundary = f"arn:aws:iam::{HERE}:policy/boundary"
    user = granted(kernel, allow("iam:CreateUser", Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}}))
    assert ask(kernel, user, "iam", "CreateUser", UserName="u")
    assert not ask(kernel, user, "iam", "CreateUser", UserName="u", PermissionsBoundary=boundary)


def test_tags_of_a_request_are_keys_in_every_spelling(kernel: Cloud) -> None:
    condition = {"StringEquals": {"aws:RequestTag/Team": "red"}}
    user = granted(kernel, allow("*", Condition=condition))
    tags = [{"Key": "Team", "Value": "red"}]
    assert not ask(kernel, user, "iam", "CreateUser", UserName="u", Tags=tags)
    assert not ask(kernel, user, "sqs", "CreateQueue", QueueName="q", tags={"team": "red"})
    specified = [{"ResourceType": "instance", "Tags": tags}]
    assert not ask(kernel, user, "ec2", "RunInstances", ImageId="ami-1", TagSpecifications=specified)
    assert ask(kernel, user, "iam", "CreateUser", UserName="u")


def test_mfa_is_a_key_of_temporary_credentials_alone(kernel: Cloud) -> None:
    granted(kernel, allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    issued = kernel.clock.now() - 100

    def with_mfa(**session: Any) -> Principal:
        return Principal("IAMUser", HERE, USER.arn, USER.user_id, session=session)

    assert ask(kernel, with_mfa(), "sqs", "ListQueues")
    assert ask(kernel, with_mfa(temporary=True), "sqs", "ListQueues")
    assert not ask(kernel, with_mfa(temporary=True, mfa=True, issued=issued), "sqs", "ListQueues")
    granted(kernel, allow("*", Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "99"}}))
    assert ask(kernel, with_mfa(temporary=True, mfa=True, issued=issued), "sqs", "ListQueues")
    granted(kernel, allow("*", Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "101"}}))
    assert not ask(kernel, with_mfa(temporary=True, mfa=True, issued=issued), "sqs", "ListQueues")


def test_ec2_seals_the_details(kernel: Cloud) -> None:
    user = granted(kernel, allow("ec2:*"), deny("ec2:TerminateInstances", Sid="No"))
    message = ask(kernel, user, "ec2", "TerminateInstances", InstanceIds=["i-1"])
    said, _, sealed = message.partition(". Encoded authorization failure message: ")
    assert said.startswith("You are not authorized to perform this operation. User: ")
    told = json.loads(Sealed.open(kernel.call("sts", account=HERE), sealed) or "")
    assert (told["allowed"], told["explicitDeny"]) == (False, True)
    assert told["matchedStatements"]["items"][0]["statementId"] == "No"
    assert told["context"]["action"] == "ec2:TerminateInstances"
    assert told["context"]["resource"] == f"arn:aws:ec2:us-east-1:{HERE}:instance/i-1"


class Key(Record, arn="key/{name}"):
    """A key as KMS would have it."""

    name: str
    policy: str
    tags: dict[str, str] = {}
    policy_decides = True

    def resource_policy(self, call: Call) -> str:
        return self.policy


def test_the_policy_of_a_key_decides(kernel: Cloud) -> None:
    kms = Service("kms")

    def named(call: Call, key_id: str) -> Key:
        if found := Key.get(call, key_id):
            return found
        raise Fault("NotFoundException", "no key")

    kms.operation(name="DescribeKey", on=named)(lambda call, key: {})
    at = kms.bound("DescribeKey")
    user = granted(kernel, allow("kms:*", f"arn:aws:kms:us-east-1:{HERE}:key/*"))

    def may(principal: Principal, *statements: dict[str, Any]) -> bool:
        Key("k", document(*statements)).put(kernel.call("kms", account=HERE))
        try:
            admission.admitted(by(kernel, principal, at), at, {"KeyId": "k"})
        except Fault as fault:
            told = "because no resource-based policy allows the kms:DescribeKey action"
            return told not in fault.message
        return True

    account = {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{HERE}:root"}}
    assert not may(user, {**allow("kms:*"), "Principal": {"AWS": THERE}})
    assert may(user, account)
    assert may(user, {**allow("kms:DescribeKey"), "Principal": {"AWS": USER.arn}})
    assert may(granted(kernel), {**allow("kms:DescribeKey"), "Principal": {"AWS": USER.arn}})
    through = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": HERE}}
    by_s3 = {**allow("kms:DescribeKey", Condition=through), "Principal": "*"}
    assert not may(user, by_s3)
    call = by(kernel, user, at, called_via=("s3.amazonaws.com",))
    admission.admitted(call, at, {"KeyId": "k"})


def test_an_operation_without_an_action_is_never_refused(kernel: Cloud) -> None:
    declared = Service("sqs")
    declared.operation(action="", name="ListQueues")(lambda call, request: {})
    at = declared.bound("ListQueues")
    admission.admitted(by(kernel, granted(kernel, deny("*")), at), at, {})


def test_nobody_needs_credentials_where_no_policy_could_let_them_in(kernel: Cloud) -> None:
    at = bound("iam", "ListUsers")
    with pytest.raises(Fault) as raised:
        admission.admitted(by(kernel, identity.ANONYMOUS, at), at, {})
    assert raised.value.code == "MissingAuthenticationToken"


def test_a_service_acts_freely_on_its_own(kernel: Cloud) -> None:
    assert not ask(kernel, identity.service("sqs.amazonaws.com"), "sqs", "ListQueues")
    assert not ask(kernel, identity.service("states.amazonaws.com"), "stepfunctions", "ListStateMachines")
    assert ask(kernel, identity.service("sns.amazonaws.com"), "sqs", "ListQueues")


def test_authorize_asks_for_more_than_the_operation(kernel: Cloud) -> None:
    at = bound("sqs", "StartMessageMoveTask")
    call = by(kernel, granted(kernel, allow("sqs:ReceiveMessage")), at)
    enforcement.authorize(call, "sqs:ReceiveMessage", Target(QUEUE, HERE))
    with pytest.raises(Fault):
        enforcement.authorize(call, "sqs:SendMessage", Target(QUEUE, HERE))
    enforcement.authorize(by(kernel, root(HERE), at), "sqs:SendMessage", Target(QUEUE, HERE))
    with pytest.raises(Fault):
        enforcement.authorize(by(kernel, root(HERE), at), "sqs:SendMessage", Target(QUEUE.replace(HERE, THERE), THERE))


def test_a_session_carries_managed_policies_and_tags(kernel: Cloud) -> None:
    call = kernel.call("iam", account=HERE)
    policy = f"arn:aws:iam::{HERE}:policy/p"
    ManagedDocument(policy, document(allow("sqs:ListQueues"))).put(call)
    red = {"StringEquals": {"aws:PrincipalTag/Team": "red"}}
    Grants(id="AROAX", owner=ROLE_ARN, inline={"p": document(allow("*", Condition=red))}, tags={"team": "blue"}).put(
        call
    )

    def acting(**session: Any) -> Principal:
        return Principal("AssumedRole", HERE, "arn:aws:sts::1:assumed-role/w/s", "AROAX:s", session=session)

    assert ask(kernel, acting(issuer=ROLE_ARN), "sqs", "ListQueues")
    tagged = acting(issuer=ROLE_ARN, tags={"team": "red"}, policy_arns=[policy])
    assert not ask(kernel, tagged, "sqs", "ListQueues"), "the session's tags stand over the role's"
    assert "no session policy allows" in ask(kernel, tagged, "sqs", "CreateQueue", QueueName="q")


def test_a_boundary_that_is_gone_allows_nothing(kernel: Cloud) -> None:
    user = granted(kernel, allow("*"), boundary=f"arn:aws:iam::{HERE}:policy/gone")
    assert "no permissions boundary allows" in ask(kernel, user, "sqs", "ListQueues")


def test_what_the_records_say_of_a_principal(kernel: Cloud) -> None:
    user = granted(kernel, allow("*"), tags={"team": "red"}, boundary="arn:aws:iam::aws:policy/None")
    call = kernel.call("iam", account=HERE)
    assert [one.source for one in attached.policies_of(call, user)] == ["p"]
    assert attached.tags_of(call, user) == {"team": "red"}
    assert attached.boundary_of(call, user) == ("arn:aws:iam::aws:policy/None", "")
    assert attached.trust_of(call, ROLE_ARN) == ""
    grants = Grants.by_arn(kernel.system, USER.arn)
    assert grants
    grants.delete(call)
    assert attached.policies_of(call, user) == []
    assert "no identity-based policy" in ask(kernel, user, "sqs", "ListQueues")


# What is remembered of decisions


class Thing(Record, arn="{path}"):
    path: str


def about(service: str, operation: str, member: str, path: str) -> Bound:
    """An operation that finds its resource by a member of its requests."""
    declared = Service(service)

    def found(call: Call, **members: str) -> Thing:
        return Thing(path)

    def act(call: Call, thing: Thing) -> dict[str, Any]:
        return {}

    declared.operation(name=operation)(act)
    model = declared.model.operation(operation)
    names = {member: member}
    return Bound(
        declared,
        model,
        act,
        members={},
        on=found,
        on_members=names,
        action=f"{service}:{operation}",
        whole=False,
        heeded=names,
        unsigned=False,
        ahead=None,
    )


def test_a_role_is_asked_for_though_the_same_without_one_was_allowed(kernel: Cloud) -> None:
    at = about("stepfunctions", "UpdateStateMachine", "stateMachineArn", "stateMachine:m")
    user = granted(kernel, allow("states:*"))
    request = {"stateMachineArn": f"arn:aws:states:us-east-1:{HERE}:stateMachine:m"}
    for _ in range(2):
        admission.admitted(by(kernel, user, at), at, request)
    with pytest.raises(Fault, match="iam:PassRole"):
        admission.admitted(by(kernel, user, at), at, request | {"roleArn": ROLE_ARN})


def test_what_else_a_request_names_is_asked_for(kernel: Cloud) -> None:
    at = about("dynamodb", "Query", "TableName", "table/t")
    user = granted(kernel, allow("dynamodb:Query", f"arn:aws:dynamodb:us-east-1:{HERE}:table/t"))
    for _ in range(2):
        admission.admitted(by(kernel, user, at), at, {"TableName": "t"})
    with pytest.raises(Fault, match="index/i"):
        admission.admitted(by(kernel, user, at), at, {"TableName": "t", "IndexName": "i"})


@pytest.mark.parametrize(
    ("condition", "wrong"),
    [
        ({"StringEquals": {"aws:UserAgent": "good"}}, {"user_agent": "bad"}),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"source_ip": "11.0.0.1"}),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, {"region": "eu-west-1"}),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"secure": False}),
        ({"Bool": {"aws:ViaAWSService": "false"}}, {"called_via": ("sns.amazonaws.com",)}),
    ],
)
def test_how_it_is_asked_is_looked_at_every_time(
    kernel: Cloud, condition: dict[str, Any], wrong: dict[str, Any]
) -> None:
    at = about("sqs", "SendMessage", "QueueUrl", "q")
    user = granted(kernel, allow("sqs:SendMessage", Condition=condition))
    right = {"user_agent": "good", "source_ip": "10.0.0.1", "secure": True}
    for _ in range(2):
        admission.admitted(by(kernel, user, at, **right), at, {"QueueUrl": "q"})
    with pytest.raises(Fault, match="sqs:SendMessage"):
        admission.admitted(by(kernel, user, at, **right | wrong), at, {"QueueUrl": "q"})
    other = Principal("IAMUser", HERE, USER.arn.replace("alice", "bob"), "AIDABOB", "AKIABOB")
    with pytest.raises(Fault, match="sqs:SendMessage"):
        admission.admitted(by(kernel, other, at, **right), at, {"QueueUrl": "q"})


def test_an_endpoints_policy_is_asked_of_those_who_come_by_it(kernel: Cloud) -> None:
    at = about("sqs", "SendMessage", "QueueUrl", "q")
    user = granted(kernel, allow("sqs:*"))
    sealed = Passage("vpce-1", "vpc-1", document({**allow("s3:*"), "Principal": "*"}))
    wide = Passage("vpce-2", "vpc-1", document({**allow("*"), "Principal": "*"}))
    for passage in (None, wide, None, wide):
        admission.admitted(by(kernel, user, at, passage=passage), at, {"QueueUrl": "q"})
    with pytest.raises(Fault, match="VPC endpoint policy"):
        admission.admitted(by(kernel, user, at, passage=sealed), at, {"QueueUrl": "q"})
    from_there = {"StringEquals": {"aws:SourceVpce": "vpce-2"}}
    user = granted(kernel, allow("sqs:*", Condition=from_there))
    for _ in range(2):
        admission.admitted(by(kernel, user, at, passage=wide), at, {"QueueUrl": "q"})
    with pytest.raises(Fault, match="identity-based policy"):
        admission.admitted(by(kernel, user, at), at, {"QueueUrl": "q"})


class Twin(Record, key=("name",), arn="{name}-{suffix}"):
    """A thing that is found by its name, and whose ARN says more."""

    name: str
    suffix: str


def test_what_is_remembered_of_a_thing_is_remembered_by_its_arn(kernel: Cloud) -> None:
    at = about("sqs", "SendMessage", "QueueUrl", "q")
    user = granted(kernel, allow("sqs:*", f"{QUEUE}-first"))
    things = iter([Twin("q", suffix) for suffix in ("first", "first", "second", "first")])
    at.on = lambda call, **members: next(things)
    for refused in (False, False, True, False):
        with pytest.raises(Fault) if refused else nullcontext():
            admission.admitted(by(kernel, user, at), at, {"QueueUrl": "q"})


def test_what_was_undone_within_a_call_is_forgotten_before_it_goes_on(kernel: Cloud) -> None:
    """An attempt within a call is undone, and what the call then asks is decided by what was there before."""
    at = about("sqs", "SendMessage", "QueueUrl", "q")
    user = granted(kernel)

    def allowed() -> bool:
        try:
            admission.admitted(by(kernel, user, at), at, {"QueueUrl": "q"})
        except Fault:
            return False
        return True

    with kernel.store.attempt():
        with pytest.raises(ZeroDivisionError), kernel.store.attempt():
            granted(kernel, allow("sqs:*"))
            assert allowed()
            raise ZeroDivisionError
        assert not allowed()
        granted(kernel, allow("sqs:*"))
        assert allowed()
        with pytest.raises(ZeroDivisionError), kernel.store.attempt():
            granted(kernel, deny("sqs:*"))
            assert not allowed()
            raise ZeroDivisionError
        assert allowed()
    assert allowed()


SERVICE = identity.service("sns.amazonaws.com", f"arn:aws:sns:us-east-1:{HERE}:t", HERE)


@pytest.mark.parametrize("who", [USER, SESSION, FEDERATED, ROOT, SERVICE], ids=lambda who: who.type)
@given(
    changes=st.fixed_dictionaries(
        {
            "source_ip": st.sampled_from(["", "10.0.0.1", "127.0.0.1"]),
            "user_agent": st.sampled_from(["", "aws-cli"]),
            "secure": st.booleans(),
            "called_via": st.sampled_from([(), ("sqs.amazonaws.com",)]),
            "passage": st.sampled_from([None, Passage("vpce-1", "vpc-1")]),
            "operation": st.sampled_from(["SendMessage", "ReceiveMessage"]),
        }
    ),
    later=st.sampled_from([0, 3600]),
    tags=st.sampled_from([{}, {"team": "red"}]),
)
def test_what_is_steady_is_so_whatever_else_is_different(
    who: Principal, changes: dict[str, Any], later: float, tags: dict[str, str]
) -> None:
    """By these keys decisions are remembered for one access key, or one service on behalf of one resource."""
    cloud = Cloud(open_store(None), Clock())
    at = bound("sqs", "SendMessage")
    grants = Grants(id=USER.user_id, owner=USER.arn, tags=tags)
    grants.put(cloud.call("iam", account=HERE))

    def values(call: Call, **request: Any) -> dict[str, Any]:
        context = Context(call, standing(call), at, "sqs:SendMessage", request, Target(QUEUE, HERE, tags=tags))
        return {key: context(key) for key in STEADY}

    first = by(cloud, who, at)
    second = by(cloud, who, at, **changes)
    second.now = first.now + later
    assert values(first) == values(second, MessageBody="x")
    cloud.store.close()
