"""Contact lists: who wants which letters, and the links by which they say that they want them no longer.

A letter that belongs to a list carries such a link in its header (RFC 8058), and wherever its body has
`{{amazonSESUnsubscribeUrl}}`; who does not want it does not get it, which is told as a bounce. A recipient whom the
list does not know becomes a contact. Left out: subscription events, imports and exports.
"""

from __future__ import annotations

import html
import json
from typing import Any
from urllib.parse import quote

from pileus.kernel import Call, Fault, Record, tags
from pileus.kernel.edge import Answer
from pileus.kernel.sealed import Sealed
from pileus.services.ses import addresses
from pileus.services.ses.faults import wrong
from pileus.services.ses.letters import address_of
from pileus.services.ses.sending import Management

from . import sesv2
from .tagging import with_tags

MOST_LISTS, MOST_TOPICS = 1, 20
IN, OUT = "OPT_IN", "OPT_OUT"
PLACE = "{{amazonSESUnsubscribeUrl}}"


class ContactList(
    Record, arn="arn:{partition}:ses:{region}:{account}:contact-list/{name}", cfn="AWS::SES::ContactList"
):
    name: str
    topics: list[dict[str, str]]
    description: str
    created: float
    updated: float
    tags: dict[str, str] = {}

    def defaults(self) -> dict[str, str]:
        return {topic["TopicName"]: topic["DefaultSubscriptionStatus"] for topic in self.topics}


class Contact(Record, key=("list", "address")):
    list: str
    address: str
    preferences: dict[str, str]
    """What the contact has said about topics."""
    out: bool
    """Whether it wants nothing of the list at all."""
    data: str
    created: float
    updated: float

    def wants(self, known: ContactList, topic: str) -> bool:
        held = self.preferences.get(topic) or known.defaults().get(topic, IN)
        return not self.out and held == IN


def existing(call: Call, contact_list_name: str) -> ContactList:
    found = ContactList.get(call, contact_list_name)
    if found is None:
        raise Fault("NotFoundException", f"List with name: {contact_list_name} doesn't exist.")
    return found


def contact(call: Call, contact_list_name: str, email_address: str) -> Contact:
    existing(call, contact_list_name)
    found = Contact.get(call, contact_list_name, email_address)
    if found is None:
        raise Fault("NotFoundException", f"Contact with email address: {email_address} doesn't exist in List.")
    return found


def checked(call: Call, topics: list[dict[str, str]]) -> list[dict[str, str]]:
    if len(topics) > MOST_TOPICS:
        raise wrong(call, f"A contact list can have {MOST_TOPICS} topics.")
    if len({topic["TopicName"] for topic in topics}) != len(topics):
        raise wrong(call, "Topic names must be unique within a contact list.")
    return topics


# Lists


@sesv2.operation
def create_contact_list(
    call: Call,
    contact_list_name: str,
    topics: list[dict[str, str]] = [],
    description: str = "",
    tags: list[dict[str, str]] = [],
) -> None:
    if ContactList.get(call, contact_list_name):
        raise Fault("AlreadyExistsException", f"List with name: {contact_list_name} already exists.")
    if ContactList.first(call):
        raise Fault("LimitExceededException", f"Max number of contact lists ({MOST_LISTS}) reached.")
    held = with_tags({}, tags)
    ContactList(contact_list_name, checked(call, topics), description, call.now, call.now, held).put(call)


@sesv2.operation(on=existing)
def get_contact_list(call: Call, found: ContactList) -> dict[str, Any]:
    return {
        "ContactListName": found.name,
        "Topics": found.topics,
        "Description": found.description or None,
        "CreatedTimestamp": found.created,
        "LastUpdatedTimestamp": found.updated,
        "Tags": tags.as_list(found.tags),
    }


@sesv2.operation
def list_contact_lists(call: Call, page_size: int = 100, next_token: str = "") -> dict[str, Any]:
    page = ContactList.page(call, limit=page_size, token=next_token, invalid=wrong(call, "Invalid NextToken"))
    told = [{"ContactListName": one.name, "LastUpdatedTimestamp": one.updated} for one in page.items]
    return {"ContactLists": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def update_contact_list(
    call: Call, found: ContactList, topics: list[dict[str, str]] = [], description: str = ""
) -> None:
    """Replace the topics and the description. What contacts have said of topics that remain stays."""
    found.topics, found.description, found.updated = checked(call, topics), description, call.now
    found.put(call)


@sesv2.operation(on=existing)
def delete_contact_list(call: Call, found: ContactList) -> None:
    """Delete a list with its contacts."""
    Contact.delete_all(call, found.name)
    found.delete(call)


# Contacts


def preferences(call: Call, found: ContactList, given: list[dict[str, str]]) -> dict[str, str]:
    known = found.defaults()
    for one in given:
        if one["TopicName"] not in known:
            raise wrong(call, f"{one['TopicName']} is not a topic of the contact list {found.name}.")
    return {one["TopicName"]: one["SubscriptionStatus"] for one in given}


@sesv2.operation(on=existing)
def create_contact(
    call: Call,
    found: ContactList,
    email_address: str,
    topic_preferences: list[dict[str, str]] = [],
    unsubscribe_all: bool = False,
    attributes_data: str = "",
) -> None:
    if Contact.get(call, found.name, email_address):
        raise Fault("AlreadyExistsException", f"Contact with email address: {email_address} already exists in List.")
    held = preferences(call, found, topic_preferences)
    Contact(found.name, email_address, held, unsubscribe_all, attributes_data, call.now, call.now).put(call)


def written(held: dict[str, str]) -> list[dict[str, str]]:
    return [{"TopicName": name, "SubscriptionStatus": status} for name, status in held.items()]


def summary(found: ContactList, one: Contact) -> dict[str, Any]:
    return {
        "EmailAddress": one.address,
        "TopicPreferences": written(one.preferences),
        "TopicDefaultPreferences": written(found.defaults()),
        "UnsubscribeAll": one.out,
        "LastUpdatedTimestamp": one.updated,
    }


@sesv2.operation(on=contact)
def get_contact(call: Call, one: Contact) -> dict[str, Any]:
    told = summary(existing(call, one.list), one)
    return told | {
        "ContactListName": one.list,
        "AttributesData": one.data or None,
        "CreatedTimestamp": one.created,
    }


@sesv2.operation(on=existing)
def list_contacts(
    call: Call,
    found: ContactList,
    filter: dict[str, Any] = {},  # noqa: A002
    page_size: int = 1000,
    next_token: str = "",
) -> dict[str, Any]:
    """Contacts, or those that want a topic, or want it not."""
    invalid = wrong(call, "Invalid NextToken")
    scope: dict[str, Any] = {"limit": page_size, "token": next_token, "invalid": invalid}
    page = Contact.page(call, found.name, where=lambda one: fits(found, one, filter), **scope)
    return {"Contacts": [summary(found, one) for one in page.items], "NextToken": page.token}


def fits(found: ContactList, one: Contact, wanted: dict[str, Any]) -> bool:
    topic = wanted.get("TopicFilter", {})
    name = topic.get("TopicName", "")
    if not name:
        held = OUT if one.out else IN
    elif one.out:
        held = OUT
    else:
        held = one.preferences.get(name, "")
        if not held and topic.get("UseDefaultIfPreferenceUnavailable"):
            held = found.defaults().get(name, "")
    return wanted.get("FilteredStatus", held) == held and (not name or bool(held))


@sesv2.operation(on=contact)
def update_contact(
    call: Call,
    one: Contact,
    topic_preferences: list[dict[str, str]] = [],
    unsubscribe_all: bool = False,
    attributes_data: str = "",
) -> None:
    """Replace what is known of a contact."""
    one.preferences = preferences(call, existing(call, one.list), topic_preferences)
    one.out, one.data, one.updated = unsubscribe_all, attributes_data, call.now
    one.put(call)


@sesv2.operation(on=contact)
def delete_contact(call: Call, one: Contact) -> None:
    one.delete(call)


# Letters that belong to a list


def managed(call: Call, options: dict[str, str], to: list[str]) -> Management | None:
    """What a list means for a letter to these recipients; None where it belongs to none."""
    if not options:
        return None
    found, topic = existing(call, options["ContactListName"]), options.get("TopicName", "")
    if topic and topic not in found.defaults():
        raise Fault("NotFoundException", f"{topic} is not a topic of the contact list {found.name}.")
    if len(to) != 1:
        raise wrong(call, "A letter with ListManagementOptions has exactly one recipient.")
    address = address_of(to[0])
    one = Contact.get(call, found.name, address)
    if one is None:
        one = Contact(found.name, address, {}, False, "", call.now, call.now).put(call)
    token = Sealed.seal(call, json.dumps([found.name, address, topic]))
    link = call.url(f"_pileus/at/ses/unsubscribe/{call.account}.{call.region}.{token}")
    return Management(link, not one.wants(found, topic))


def unsubscribe(call: Call, request: Any, token: str) -> Answer:
    """The page behind the link, and what its button does; mail programs press it without showing the page."""
    account, _, rest = token.partition(".")
    region, _, sealed = rest.partition(".")
    there = call.at(account, region) if account.isdigit() and region else call
    opened = Sealed.open(there, sealed)
    name, address, topic = json.loads(opened) if opened else ("", "", "")
    one = Contact.get(there, name, address)
    if one is None:
        return Answer(404, addresses.PLAIN, b"There is no such subscription.\n")
    if request.method == "POST":
        if topic:
            one.preferences[topic] = OUT
        else:
            one.out = True
        one.updated = there.now
        one.put(there)
        return Answer(200, addresses.PLAIN, f"{address} is unsubscribed.\n".encode())
    form = (
        f"<p>{html.escape(address)}: {html.escape(topic or name)}</p><form method='post' action='{quote(token)}'>"
        "<button name='List-Unsubscribe' value='One-Click'>Unsubscribe</button></form>"
    )
    return Answer(200, [("content-type", "text/html; charset=utf-8")], form.encode())


addresses.KNOWN["unsubscribe"] = unsubscribe
