"""The handshake: an endpoint is sent a token, and whoever has it may confirm the subscription.

Tokens are good for two days (API reference, Subscribe); a subscription that nobody confirms is gone with its token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record, names

from . import sns
from .faults import invalid
from .messages import Notice
from .topics import Tally, Topic, parsed

if TYPE_CHECKING:
    from .subscriptions import Subscription

GOOD_FOR = 2 * 86400.0
ASKING, PARTING = "SubscriptionConfirmation", "UnsubscribeConfirmation"


class Token(Record):
    """A token that was sent out, in the account of the topic."""

    token: str
    topic: str
    subscription: dict[str, Any]
    """By `id` alone one that is pending; as a whole one that was ended, and may be taken up again."""
    expires: float


def begin(call: Call, topic: Topic, subscription: Subscription) -> None:
    """Give a new subscription its token, and send it."""
    subscription.token = names.token(64, names.HEX)
    expires = call.now + GOOD_FOR
    Token(subscription.token, topic.id, {"id": subscription.id}, expires).put(call)
    expire.later(call, token=subscription.token, due=expires)
    ask(call, topic, subscription)


def ask(call: Call, topic: Topic, subscription: Subscription) -> None:
    """Send the token, also once more."""
    arn = topic.arn(call)
    message = (
        f"You have chosen to subscribe to the topic {arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    send(call, topic, subscription, ASKING, message, subscription.token)


def say_goodbye(call: Call, topic: Topic, subscription: Subscription) -> None:
    """Tell an endpoint that it is no longer subscribed, and how to be again."""
    import msgspec

    token = names.token(64, names.HEX)
    Token(token, topic.id, msgspec.to_builtins(subscription), call.now + GOOD_FOR).put(call)
    expire.later(call, token=token, delay=GOOD_FOR)
    message = (
        f"You have chosen to deactivate subscription {subscription.arn(call)}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    )
    send(call, topic, subscription, PARTING, message, token)


def send(call: Call, topic: Topic, subscription: Subscription, kind: str, message: str, token: str) -> None:
    from . import fanout

    notice = Notice(names.uuid4(), topic.arn(call), message, call.now, kind=kind, token=token)
    fanout.send(call, topic, subscription, notice)


@sns.task
def expire(call: Call, token: str) -> None:
    """Forget a token that was not used, and the subscription that waits for it."""
    from .subscriptions import Subscription

    held = Token.get(call, token)
    if held is None:
        return
    held.delete(call)
    subscription = Subscription.get(call, held.topic, held.subscription["id"])
    topic = Topic.get(call, subscription.topic_name) if subscription else None
    if subscription and topic and not subscription.confirmed:
        subscription.end(call, Tally.of(call, topic))


@sns.operation(unsigned=True)
def confirm_subscription(
    call: Call, topic_arn: str, token: str, authenticate_on_unsubscribe: str = ""
) -> dict[str, Any]:
    """Confirm a subscription by its token; whoever has the token need not sign."""
    import msgspec

    from .subscriptions import Subscription

    found = parsed(topic_arn)
    here = call.at(account=found.account, region=found.region)
    topic = Topic.by_arn(here, topic_arn)
    held = Token.get(here, token)
    if held is None or held.topic != topic.id or held.expires <= call.now:
        raise invalid("Token")
    signed = call.principal.type != "Anonymous"
    subscription = Subscription.get(here, topic.id, held.subscription["id"])
    tally = Tally.of(here, topic)
    if subscription is None:
        if "topic" not in held.subscription:
            raise invalid("Token")
        subscription = msgspec.convert(held.subscription, Subscription)
    elif not subscription.confirmed:
        tally.pending -= 1
    else:
        return {"SubscriptionArn": subscription.arn(here)}
    subscription.confirmed = True
    subscription.authenticated = signed
    subscription.locked = signed and authenticate_on_unsubscribe.lower() == "true"
    subscription.keep(here, tally)
    return {"SubscriptionArn": subscription.arn(here)}
