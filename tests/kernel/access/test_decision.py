"""The published evaluation logic, rule by rule.

IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic", "Permissions boundaries for IAM
entities", "AWS JSON policy elements: Principal" and "NotPrincipal".
"""

from __future__ import annotations

from typing import Any

import pytest

from pileus.kernel.access.decision import Applying, decide
from pileus.kernel.access.policy import NONE
from pileus.kernel.identity import Principal

from .asking import (
    ACTION,
    FEDERATED,
    HERE,
    NOBODY,
    RESOURCE,
    ROLE_ARN,
    ROOT,
    SESSION,
    SNS,
    THERE,
    USER,
    ask,
    policies,
    query,
    several,
)
from .people import allow, deny, document

YES, NO = policies(allow("*")), policies(deny("*"))
OTHERS = policies(allow("s3:*"))


def granting(principal: Any, **others: Any) -> Any:
    return policies({**allow(ACTION), "Principal": principal, **others})


def aws(*names: str) -> dict[str, list[str]]:
    return {"AWS": list(names)}


# Within one account


def test_by_default_everything_is_denied() -> None:
    decision = ask()
    assert (decision.allowed, decision.explicit, decision.source) == (False, False, "identity")


def test_the_root_is_allowed_everything() -> None:
    assert ask(ROOT, identity=None).allowed


def test_an_identity_policy_allows() -> None:
    decision = ask(identity=YES)
    assert decision.allowed
    assert decision.source == "identity"
    assert decision.statement


def test_an_explicit_deny_overrides_every_allow() -> None:
    everything = {"identity": YES, "boundary": YES, "session": YES, "scps": (YES,), "rcps": (YES,)}
    everything["resource"] = granting("*")
    assert ask(SESSION, **everything).allowed
    for source, denying in (
        ("identity", NO),
        ("boundary", NO),
        ("session", NO),
        ("scp", (YES, NO)),
        ("rcp", (NO, YES)),
        ("resource", policies({**deny("*"), "Principal": "*"})),
    ):
        name = {"scp": "scps", "rcp": "rcps"}.get(source, source)
        decision = ask(SESSION, **everything | {name: denying})
        assert (decision.allowed, decision.explicit, decision.source) == (False, True, source)


def test_an_explicit_deny_overrides_an_allow_of_the_same_policy() -> None:
    assert not ask(identity=policies(allow("*"), deny(ACTION))).allowed
    assert ask(identity=policies(allow("*"), deny("sqs:PurgeQueue"))).allowed


def test_a_boundary_must_allow_too_and_allows_nothing_by_itself() -> None:
    assert ask(identity=YES, boundary=YES).allowed
    assert ask(identity=YES, boundary=OTHERS).source == "boundary"
    assert ask(boundary=YES).source == "identity"


def test_a_session_policy_must_allow_too_and_allows_nothing_by_itself() -> None:
    assert ask(SESSION, identity=YES, session=YES).allowed
    assert ask(SESSION, identity=YES, session=OTHERS).source == "session"
    assert ask(SESSION, session=YES).source == "identity"


def test_service_control_policies_must_allow_at_every_level() -> None:
    assert ask(identity=YES, scps=(YES, YES)).allowed
    decision = ask(identity=YES, scps=(YES, OTHERS))
    assert (decision.allowed, decision.explicit, decision.source) == (False, False, "scp")
    assert not ask(identity=YES, scps=(NONE, YES)).allowed


def test_service_control_policies_limit_the_root() -> None:
    assert ask(ROOT, identity=None, scps=(OTHERS,)).source == "scp"


def test_service_control_policies_limit_what_a_resource_policy_allows() -> None:
    assert ask(resource=granting(aws(USER.arn)), scps=(OTHERS,)).source == "scp"


def test_resource_control_policies_must_allow_at_every_level() -> None:
    assert ask(identity=YES, rcps=(YES, YES)).allowed
    assert ask(identity=YES, rcps=(YES, OTHERS)).source == "rcp"


def test_the_policy_of_an_endpoint_must_allow_what_comes_through_it() -> None:
    anybody = policies({**allow("*"), "Principal": "*"})
    assert ask(identity=YES, endpoint=anybody).allowed
    assert not ask(endpoint=anybody).allowed, "it allows nothing by itself"
    decision = ask(ROOT, identity=None, endpoint=policies({**allow("s3:*"), "Principal": "*"}))
    assert (decision.allowed, decision.source) == (False, "endpoint"), "and binds an account's root"
    denying = policies({**deny(ACTION), "Principal": "*"}, {**allow("*"), "Principal": "*"})
    assert ask(identity=YES, endpoint=denying).explicit


# Resource policies within one account


def test_a_resource_policy_for_a_user_allows_without_an_identity_policy() -> None:
    decision = ask(resource=granting(aws(USER.arn)))
    assert decision.allowed
    assert decision.source == "resource"


def test_a_resource_policy_for_a_user_is_not_limited_by_an_implicit_deny_of_its_boundary() -> None:
    assert ask(resource=granting(aws(USER.arn)), boundary=OTHERS).allowed


def test_a_resource_policy_for_everybody_allows_a_user() -> None:
    assert ask(resource=granting("*")).allowed
    assert ask(resource=granting(aws("*"))).allowed


def test_a_resource_policy_for_the_account_leaves_it_to_identity_policies() -> None:
    for name in (HERE, f"arn:aws:iam::{HERE}:root"):
        assert not ask(resource=granting(aws(name))).allowed
        assert ask(resource=granting(aws(name)), identity=YES).allowed


def test_a_resource_policy_for_a_role_allows_its_sessions_within_boundary_and_session_policy() -> None:
    by_role = granting(aws(ROLE_ARN))
    assert ask(SESSION, resource=by_role).allowed
    assert ask(SESSION, resource=by_role, boundary=OTHERS).source == "boundary"
    assert ask(SESSION, resource=by_role, session=OTHERS).source == "session"


def test_a_resource_policy_for_a_session_allows_it_whatever_boundary_and_session_policy_leave_out() -> None:
    by_session = granting(aws(SESSION.arn))
    assert ask(SESSION, resource=by_session, boundary=OTHERS, session=OTHERS).allowed
    assert not ask(SESSION, resource=by_session, session=NO).allowed
    other = Principal("AssumedRole", HERE, f"{SESSION.arn}2", "AROAWORKER:job2", session=SESSION.session)
    assert not ask(other, resource=by_session).allowed


def test_a_resource_policy_for_a_federated_user_allows_it_whatever_its_session_policy_leaves_out() -> None:
    assert ask(FEDERATED, resource=granting(aws(FEDERATED.arn)), session=NONE).allowed
    assert ask(FEDERATED, resource=granting(aws(USER.arn)), session=NONE).source == "session"
    assert ask(FEDERATED, resource=granting(aws(USER.arn)), session=YES).allowed


def test_a_principal_may_be_named_by_its_unique_id() -> None:
    assert ask(resource=granting(aws(USER.user_id))).allowed
    assert ask(SESSION, resource=granting(aws("AROAWORKER"))).allowed


def test_a_resource_policy_for_somebody_else_is_nothing_to_me() -> None:
    assert not ask(resource=granting(aws(f"{USER.arn}2"))).allowed
    assert not ask(resource=granting({"Service": "sns.amazonaws.com"})).allowed
    assert ask(identity=YES, resource=granting(aws(f"{USER.arn}2"))).allowed


def test_where_the_resource_policy_must_allow_identity_policies_do_not_suffice() -> None:
    decision = ask(identity=YES, resource=NONE, explicit=True)
    assert (decision.allowed, decision.source) == (False, "resource")
    assert not ask(identity=YES, explicit=True).allowed
    assert not ask(ROOT, identity=None, explicit=True).allowed
    assert ask(resource=granting(aws(USER.arn)), explicit=True).allowed
    assert ask(identity=YES, resource=granting(aws(HERE)), explicit=True).allowed
    assert not ask(resource=granting(aws(HERE)), explicit=True).allowed


def test_a_trust_policy_is_told_as_such() -> None:
    decision = ask(identity=YES, resource=granting(aws(THERE)), explicit=True, trust=True)
    assert (decision.allowed, decision.source) == (False, "trust")


# Across accounts


def test_across_accounts_both_sides_must_allow() -> None:
    for principal in (aws(USER.arn), aws(HERE), aws(f"arn:aws:iam::{HERE}:root"), "*"):
        assert ask(account=THERE, identity=YES, resource=granting(principal)).allowed
        assert ask(account=THERE, resource=granting(principal)).source == "identity"
    decision = ask(account=THERE, identity=YES)
    assert (decision.allowed, decision.source) == (False, "resource")


def test_across_accounts_a_session_needs_its_own_sides_allow_even_if_named() -> None:
    assert not ask(SESSION, account=THERE, resource=granting(aws(SESSION.arn))).allowed
    assert ask(SESSION, account=THERE, identity=YES, resource=granting(aws(SESSION.arn))).allowed


def test_across_accounts_boundary_and_session_policies_limit() -> None:
    by_session = granting(aws(SESSION.arn))
    assert ask(SESSION, account=THERE, identity=YES, boundary=OTHERS, resource=by_session).source == "boundary"
    assert ask(SESSION, account=THERE, identity=YES, session=OTHERS, resource=by_session).source == "session"


def test_across_accounts_even_the_root_needs_the_resources_policy() -> None:
    assert not ask(ROOT, account=THERE, identity=None).allowed
    assert ask(ROOT, account=THERE, identity=None, resource=granting(aws(HERE))).allowed


# Services and nobody


def test_a_service_is_allowed_by_resource_policies_alone() -> None:
    assert not ask(SNS).allowed
    assert ask(SNS, resource=granting({"Service": "sns.amazonaws.com"})).allowed
    assert ask(SNS, resource=granting({"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]})).allowed
    assert not ask(SNS, resource=granting({"Service": "s3.amazonaws.com"})).allowed
    assert ask(SNS, resource=granting("*")).allowed
    assert not ask(SNS, resource=granting(aws(HERE))).allowed


def test_nobody_is_allowed_what_everybody_is() -> None:
    assert not ask(NOBODY).allowed
    assert ask(NOBODY, resource=granting("*")).allowed
    assert ask(NOBODY, resource=granting(aws("*"))).allowed
    assert not ask(NOBODY, resource=granting(aws(HERE))).allowed


def test_an_identity_providers_user_is_allowed_by_the_trust_policy_alone() -> None:
    provider = f"arn:aws:iam::{HERE}:oidc-provider/id.example.com"
    user = Principal("WebIdentityUser", HERE, "arn:x", "x", session={"provider": provider})
    trusting = granting({"Federated": provider})
    assert ask(user, resource=trusting, explicit=True, trust=True).allowed
    assert not ask(user, resource=granting({"Federated": f"{provider}2"}), explicit=True, trust=True).allowed


# NotPrincipal


def denying_all_but(*names: str) -> Any:
    return policies({**deny(ACTION), "NotPrincipal": aws(*names)})


def test_not_principal_spares_those_whom_it_names_with_their_account() -> None:
    assert ask(identity=YES, resource=denying_all_but(USER.arn, HERE)).allowed
    assert not ask(identity=YES, resource=denying_all_but(f"{USER.arn}2", HERE)).allowed
    assert not ask(identity=YES, resource=denying_all_but(USER.arn)).allowed, "the account is denied, and so its users"


def test_not_principal_spares_a_session_only_with_its_role_and_account() -> None:
    assert ask(SESSION, identity=YES, resource=denying_all_but(SESSION.arn, ROLE_ARN, HERE)).allowed
    assert not ask(SESSION, identity=YES, resource=denying_all_but(ROLE_ARN, HERE)).allowed


def test_not_principal_denies_nobody_and_other_services() -> None:
    sparing = policies({**deny(ACTION), "NotPrincipal": {"Service": "sns.amazonaws.com"}})
    everybody = {**allow(ACTION), "Principal": "*"}
    both = policies({**deny(ACTION), "NotPrincipal": {"Service": "sns.amazonaws.com"}}, everybody)
    assert ask(SNS, resource=both).allowed
    assert not ask(NOBODY, resource=both).allowed
    assert not ask(identity=YES, resource=sparing).allowed


def test_an_allow_with_not_principal_is_for_all_others() -> None:
    allowing = policies({**allow(ACTION), "NotPrincipal": aws(f"{USER.arn}2")})
    assert ask(resource=allowing).allowed
    assert not ask(resource=policies({**allow(ACTION), "NotPrincipal": aws(USER.arn)})).allowed


# Actions and resources


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        ("sqs:*", True),
        ("SQS:sendmessage", True),
        ("sqs:Send*", True),
        ("sqs:SendMessag?", True),
        ("s*:SendMessage", True),
        ("sqs:Receive*", False),
        ("sns:SendMessage", False),
        ("sqs:SendMessageBatch", False),
        ("sqs:sendmessage?", False),
    ],
)
def test_actions_have_wildcards_and_no_case(pattern: str, matches: bool) -> None:
    assert ask(identity=policies(allow(pattern))).allowed == matches
    others = {"Effect": "Allow", "NotAction": pattern, "Resource": "*"}
    assert ask(identity=policies(others)).allowed != matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (RESOURCE, True),
        (RESOURCE.upper(), False),
        (f"arn:aws:sqs:*:{HERE}:orders", True),
        (f"arn:aws:sqs:us-east-1:{HERE}:ord*", True),
        (f"arn:aws:sqs:us-east-?:{HERE}:order?", True),
        ("arn:aws:sqs:*", True),
        ("arn:aws:sqs", True),
        ("arn:*:sqs:*:*:*", True),
        ("arn:aws:sqs:*:orders", False),
        (f"arn:aws:sqs:us-east-1:{THERE}:orders", False),
        ("arn:aws:sns:*:*:*", False),
    ],
)
def test_resources_have_wildcards_within_segments(pattern: str, matches: bool) -> None:
    assert ask(identity=policies(allow(ACTION, pattern))).allowed == matches
    others = {"Effect": "Allow", "Action": "*", "NotResource": pattern}
    assert ask(identity=policies(others)).allowed != matches


def test_the_last_segment_may_have_colons() -> None:
    function = "arn:aws:lambda:us-east-1:1:function:f:live"
    applying = Applying(identity=policies(allow("lambda:*", "arn:aws:lambda:us-east-1:1:function:*")))
    assert decide(query(action="lambda:InvokeFunction", resource=function), applying).allowed


def test_an_action_without_resources_is_allowed_on_all_of_them_only() -> None:
    asked = query(action="sqs:ListQueues", resource="*")
    assert decide(asked, Applying(identity=policies(allow("sqs:ListQueues")))).allowed
    assert not decide(asked, Applying(identity=policies(allow("sqs:ListQueues", "arn:aws:sqs:*:*:*")))).allowed


def test_resources_have_variables() -> None:
    own = policies(allow("s3:*", "arn:aws:s3:::home/${aws:username}/*"))
    for name, allowed in (("alice", True), ("bob", False), ("*", False)):
        asked = query(action="s3:GetObject", resource="arn:aws:s3:::home/alice/x", aws__username=name)
        assert decide(asked, Applying(identity=own)).allowed == allowed
    assert not decide(query(resource="arn:aws:s3:::home//x"), Applying(identity=own)).allowed


def test_all_operators_and_all_keys_of_a_condition_must_hold() -> None:
    condition = {"StringEquals": {"a:k": "1", "a:l": "2"}, "Bool": {"a:m": "true"}}
    identity = policies(allow("*", Condition=condition))
    good = {"a__k": "1", "a__l": "2", "a__m": "true"}
    assert decide(query(**good), Applying(identity=identity)).allowed  # type: ignore[arg-type]
    for name in good:
        changed = good | {name: "x"}
        assert not decide(query(**changed), Applying(identity=identity)).allowed  # type: ignore[arg-type]


def test_a_statement_whose_condition_does_not_hold_is_as_if_it_were_not_there() -> None:
    condition = {"StringEquals": {"aws:Key": "x"}}
    assert not ask(identity=policies(allow("*", Condition=condition))).allowed
    assert ask(identity=policies(allow("*"), deny("*", Condition=condition))).allowed


def test_all_policies_of_an_identity_are_asked() -> None:
    identity = several(document(allow("s3:*")), document(allow("sqs:*")), "no policy at all")
    decision = ask(identity=identity)
    assert decision.allowed
    assert decision.statement
    assert decision.statement.source == "policy 1"


def test_a_document_that_is_no_policy_allows_nothing() -> None:
    for text in ("", "{", "[]", '{"Statement": 1}', '{"Statement": [{"Effect": "Allow"}]}'):
        assert not ask(identity=several(text)).allowed
