"""What is asked of all whom `admission` does not let in at once: may this principal do this, to all that it is about?

A service says what only it can know in up to three ways, all optional:

    @sqs.owner            def owner(call, request) -> str: the account of what a request names, where that may be
                          another's; the operation then looks at that account
    Record.resource_policy    the policy of a record that an operation found with `on=`; `Record.policy_decides`
                          says that nothing goes without it
    @sts.targets          def targets(call, request) -> list[Target] | None: what a request is about, where neither
                          `on=` nor the authorization data can say
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pileus.kernel.errors import Fault
from pileus.kernel.record import Record

from . import exceptions, policy, resources
from .actions import action_of, lookup, prefix_of
from .admission import unlimited
from .context import Context
from .decision import Applying, Decision, Query, decide
from .denial import denial
from .policy import Policies
from .standing import Standing, rcps, shared, standing
from .target import Target

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.operation import Bound

Members = dict[str, Any]


def examined(call: Call, bound: Bound, request: Members, owner: str, given: list[Target] | None = None) -> Call:
    """The call, looking at the account that owns what it is about; raises where its principal may not make it.

    `given` is what the service says that the request is about, if it was asked already, for a root whom nothing limits.
    """
    if given is not None and owner == call.account:
        actions = actions_for(bound, request)
        if actions and call.cloud.access.passed(asked(call, call.principal.arn, given, actions)):
            return call
    if closed(call, call.principal.account):
        raise Fault("InvalidClientTokenId", "The security token included in the request is invalid.")
    if bound.model.authtype == "none" or acts_itself(call, bound.service.name):
        return call
    if bound.unsigned and call.principal.type == "Anonymous":
        return call.at(account=owner)
    actions = actions_for(bound, request)
    at_owner = call if owner == call.account else call.at(account=owner)
    found = Found(at_owner, bound, request, given) if actions else None
    if call.principal.type == "Anonymous" and not (found and found.may_be_open):
        if bound.service.edge is not None and bound.service.edge.decides:
            return call  # the service itself decides what comes unsigned
        raise Fault("MissingAuthenticationToken", "Missing Authentication Token")
    if found is None:
        return call
    key = found.key(actions)
    if key is None or not call.cloud.access.passed(key):
        decide_all(call, bound, request, actions, found, key)
    at_owner.found = found.record
    return at_owner


def decide_all(
    call: Call, bound: Bound, request: Members, actions: list[str], found: Found, key: Hashable | None
) -> None:
    """Ask for each action on each resource, and for the roles that are passed."""
    who = standing(call)
    contexts = [
        check(call, who, bound, target.action or action, target, request, found.missing)
        for action in actions
        for target in found.targets(action)
    ]
    for role in passed(actions[0], request):
        keys = {"iam:passedtoservice": (passed_to(bound),)}
        contexts.append(check(call, who, bound, "iam:PassRole", Target(role, role.split(":")[4], keys=keys), request))
    if key is not None and found.alone(actions) and all(context.steady() for context in contexts):
        call.cloud.access.get(key, lambda: True)


def closed(call: Call, account: str) -> bool:
    """Whether an account's organization has closed it."""
    if not account or not call.cloud.access.limited(call, account):
        return False
    member = Standing.membership(call, account)
    return member is not None and member.suspended


def acts_itself(call: Call, service: str) -> bool:
    """Whether a service calls itself, be it under the prefix of its actions: `states.amazonaws.com`."""
    return call.principal.type == "AWSService" and call.principal.arn == f"{prefix_of(service)}.amazonaws.com"


class Found:
    """What a request is about, found as the operation itself will find it."""

    def __init__(self, call: Call, bound: Bound, request: Members, given: list[Target] | None) -> None:
        self.call = call
        self.bound = bound
        self.request = request
        self.missing: Fault | None = None
        """The operation's own error for what is not there."""
        self.record: Any = None
        self._arn: str | None = None
        ask = bound.service.targets_of if given is None else None
        self.given: list[Target] | None = ask(call, request) if ask else given
        if self.given is None and bound.on is not None:
            try:
                self.record = bound.find(call, request)
            except Fault as missing:
                self.missing = missing
        self.policy = self.record.resource_policy(call) if isinstance(self.record, Record) else None

    @property
    def may_be_open(self) -> bool:
        """Whether there is a policy that could let in somebody unknown."""
        hidden = self.missing is not None and self.bound.service.owner_of is not None
        return self.policy is not None or hidden or any(one.policy for one in self.given or ())

    def key(self, actions: list[str]) -> Hashable | None:
        """By what a decision is remembered, for whoever asks for the same call after call; None if it cannot be."""
        call, principal = self.call, self.call.principal
        who: Hashable = principal.access_key_id and (principal.access_key_id, principal.arn)  # see `standing`
        if principal.type == "AWSService":
            told = principal.session
            who = principal.arn, told.get("source_arn"), told.get("source_account")
        elif principal.type == "Root" and self.given is not None and unlimited(call, call.account):
            who = principal.arn
        if not who or call.passage is not None or passes_roles(actions[0]):
            return None
        if self.given is not None:
            return asked(call, who, self.given, actions)
        # By its ARN, which may say more than its key in the store: which version of a function, or which of two secrets
        # that had the same name one after the other.
        if not self.arn:
            return None
        return "passed", who, self.bound, call.account, call.region, self.arn, self.policy, *actions

    def alone(self, actions: list[str]) -> bool:
        """Whether the request is about what the operation found, and nothing else that it may name."""
        return self.given is not None or all(resources.stands_alone(self.bound, one, self.arn) for one in actions)

    @property
    def arn(self) -> str:
        """Of what the operation found."""
        if self._arn is None:
            self._arn = resources.arn_of(self.call, self.bound, self.record) if self.record is not None else ""
        return self._arn

    def targets(self, action: str) -> list[Target]:
        if self.given is not None:
            return self.given
        arn = self.arn
        named = resources.named(self.call, self.bound, action, self.request, arn)
        return [self._target(one, arn) for one in named]

    def _target(self, named: str, found: str) -> Target:
        """One of the resources: the one that was found, something in it (an object of a bucket), or another one."""
        record = self.record if isinstance(self.record, Record) else None
        within = not found or named == found or named.startswith((f"{found}/", f"{found}:"))
        itself = named.removesuffix(exceptions.STREAMS) == found
        return Target(
            named,
            owner_in(named) or self.call.account,
            self.policy if within else None,
            explicit=within and record is not None and record.policy_decides,
            tags=record.condition_tags(self.call) if record is not None and itself else {},
            keys=record.condition_keys(self.call, self.request) if record is not None and within else {},
        )


def asked(call: Call, who: Hashable, given: list[Target], actions: list[str]) -> Hashable:
    """By what it is remembered that somebody may do this to all that it is about."""
    abouts = tuple(
        [
            (one.arn, one.account, one.policy and compiled(one.policy), one.explicit, one.trust, one.action)
            for one in given
        ]
    )
    return "passed", who, call.account, call.region, abouts, *actions


def compiled(text: str) -> Policies:
    """A resource's policy."""
    return policy.compiled("resource policy", text)


def owner_in(arn: str) -> str:
    """The account that an ARN names, if it names one."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and len(parts[4]) == 12 else ""


def check(
    call: Call,
    who: Standing,
    bound: Bound | None,
    action: str,
    target: Target,
    request: Members,
    missing: Fault | None = None,
) -> Context:
    """Raise the denial of one action on one resource, if it is denied; to strangers, that it is not there."""
    if closed(call, target.account or call.account):
        raise Fault("AccessDenied", f"The account {target.account or call.account} is closed.")
    decision, query, context = decided(call, who, bound, action, target, request)
    if not decision.allowed:
        if missing is not None and who.caller.account != query.account:
            raise missing
        raise denial(call, query, decision, context)
    return context


def decided(
    call: Call, who: Standing, bound: Bound | None, action: str, target: Target, request: Members
) -> tuple[Decision, Query, Context]:
    """Put together what applies, and decide."""
    account = target.account or call.account
    if target.account != account:
        target = target._replace(account=account)
    context = Context(call, who, bound, action, request, target)
    query = Query(who.caller, action, target.arn, account, context)
    controlled = action.partition(":")[0] in exceptions.CONTROLLED and not who.linked
    applying = Applying(
        who.identity,
        who.boundary,
        who.session,
        who.scps,
        rcps(call, account) if controlled else (),
        resource_policy(call, who, target),
        target.explicit,
        target.trust,
        policy.compiled("endpoint policy", call.passage.policy) if call.passage and call.passage.policy else None,
    )
    return decide(query, applying), query, context


def resource_policy(call: Call, who: Standing, target: Target) -> Policies | None:
    """The policy on the resource; for others than its owner together with what resource shares let them do."""
    own = compiled(target.policy) if target.policy else None
    if who.caller.account == target.account or target.trust or not (documents := shared(call, target.arn)):
        return own
    others = policy.of(documents)
    return Policies((*own.statements, *others.statements)) if own else others


def authorize(call: Call, action: str, target: Target) -> None:
    """Raise unless the call's principal may do this too: for operations that do more than their name says.

    `authorize(call, "s3:GetObject", Target(source_arn, owner, policy))`
    """
    if not unlimited(call, target.account):
        check(call, standing(call), None, action, target, {})


# Actions


def actions_for(bound: Bound, request: Members) -> list[str]:
    """The actions that a request is: its operation's, and those that some members stand for."""
    if not bound.action:
        return []
    place = (bound.service.name, bound.name)
    action = action_at(bound)
    if not action:
        return []
    if (instead := exceptions.INSTEAD.get(place)) and request.get(instead[0]):
        action = f"{action.partition(':')[0]}:{instead[1]}"
    beside = exceptions.BESIDE.get(place)
    if not beside:
        return [action]
    harmless = (None, "", False, exceptions.HARMLESS.get(place))
    asked = [name for member, name in beside.items() if request.get(member) not in harmless]
    return [action, *(f"{action.partition(':')[0]}:{name}" for name in dict.fromkeys(asked))]


@lru_cache(maxsize=4096)
def action_at(bound: Bound) -> str:
    """The action of an operation: as it is declared, or as the data have it."""
    if (bound.service.name, bound.name) in exceptions.UNAUTHORISED:
        return ""
    declared = bound.action
    return declared if declared != f"{bound.service.name}:{bound.name}" else action_of(bound.service.name, bound.model)


# Passing roles


def passed(action: str, request: Members) -> list[str]:
    """The roles that a request hands to a service, if its action wants the right to pass them."""
    return list(dict.fromkeys(roles_in(request))) if passes_roles(action) else []


@lru_cache(maxsize=4096)
def passes_roles(action: str) -> bool:
    listed = lookup(action)
    return listed is not None and "iam:PassRole" in listed.dependents


def roles_in(value: Any) -> list[str]:
    if isinstance(value, str):
        parts = value.split(":", 5)
        return [value] if len(parts) == 6 and parts[2] == "iam" and parts[5].startswith("role/") else []
    if isinstance(value, dict):
        return [role for inner in value.values() for role in roles_in(inner)]
    return [role for inner in value for role in roles_in(inner)] if isinstance(value, list) else []


def passed_to(bound: Bound) -> str:
    vendor = prefix_of(bound.service.name)
    return exceptions.PASSED_TO.get(vendor, f"{vendor}.amazonaws.com")
