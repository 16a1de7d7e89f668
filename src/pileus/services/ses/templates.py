"""Templates: kept, and filled in on trial."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import ses
from .faults import missing, second, there, wrong
from .rendering import Absent, Unrendered, rendered

PARTS = ("SubjectPart", "TextPart", "HtmlPart")


class Template(Record, arn="arn:{partition}:ses:{region}:{account}:template/{name}", cfn="AWS::SES::Template"):
    name: str
    subject: str
    text: str
    html: str
    created: float
    tags: dict[str, str] = {}

    def parts(self) -> tuple[str, str, str]:
        return self.subject, self.text, self.html


def existing(call: Call, name: str) -> Template:
    found = Template.get(call, name)
    if found is None:
        raise missing(call, "TemplateDoesNotExistException", f"Template {name} does not exist.", TemplateName=name)
    return found


def keep(call: Call, name: str, subject: str, text: str, html: str, *, new: bool) -> None:
    old = Template.get(call, name)
    if new and old:
        raise there(call, "AlreadyExistsException", f"Template {name} already exists.", Name=name)
    if not new:
        old = existing(call, name)
    if not subject:
        raise invalid(call, name, "The subject must be specified.")
    for part in (subject, text, html):
        try:
            rendered(part, {})
        except Absent:
            continue
        except Unrendered as why:
            raise invalid(call, name, str(why)) from None
    made = Template(name, subject, text, html, old.created if old else call.now, old.tags if old else {})
    made.put(call)


def invalid(call: Call, name: str, why: str) -> Fault:
    return wrong(call, why) if second(call) else Fault("InvalidTemplateException", why, TemplateName=name)


def filled(call: Call, name: str, parts: tuple[str, str, str], data: str) -> tuple[str, str, str]:
    """Subject, text and HTML with the data in their places."""
    try:
        values = json.loads(data or "{}")
    except ValueError:
        raise rendering(call, name, "InvalidRenderingParameterException", "Template data is not valid JSON.") from None
    if not isinstance(values, dict):
        raise rendering(call, name, "InvalidRenderingParameterException", "Template data must be a JSON object.")
    try:
        subject, text, html = (rendered(part, values) for part in parts)
    except Absent as why:
        raise rendering(call, name, "MissingRenderingAttributeException", str(why)) from None
    except Unrendered as why:
        raise rendering(call, name, "InvalidRenderingParameterException", str(why)) from None
    return subject, text, html


def rendering(call: Call, name: str, code: str, text: str) -> Fault:
    return wrong(call, text) if second(call) else Fault(code, text, TemplateName=name)


def trial(call: Call, name: str, data: str) -> str:
    """A letter as it would be sent."""
    from .letters import built

    subject, text, html = filled(call, name, existing(call, name).parts(), data)
    return bytes(built(call, sender="", to=[], subject=subject, text=text, html=html)).decode(errors="replace")


# Operations


@ses.operation
def create_template(call: Call, template: dict[str, str]) -> None:
    keep(call, template["TemplateName"], *[template.get(part, "") for part in PARTS], new=True)


@ses.operation
def update_template(call: Call, template: dict[str, str]) -> None:
    keep(call, template["TemplateName"], *[template.get(part, "") for part in PARTS], new=False)


@ses.operation
def get_template(call: Call, template_name: str) -> dict[str, Any]:
    found = existing(call, template_name)
    told = {"TemplateName": found.name, **dict(zip(PARTS, found.parts(), strict=True))}
    return {"Template": {name: value for name, value in told.items() if value}}


@ses.operation
def list_templates(call: Call, next_token: str = "", max_items: int = 10) -> dict[str, Any]:
    page = Template.page(call, limit=max_items, token=next_token, invalid=wrong(call, "Invalid NextToken"))
    told = [{"Name": one.name, "CreatedTimestamp": one.created} for one in page.items]
    return {"TemplatesMetadata": told, "NextToken": page.token}


@ses.operation
def delete_template(call: Call, template_name: str) -> None:
    """Delete a template; one that is not there is as good as deleted."""
    if found := Template.get(call, template_name):
        found.delete(call)


@ses.operation
def test_render_template(call: Call, template_name: str, template_data: str) -> dict[str, Any]:
    return {"RenderedTemplate": trial(call, template_name, template_data)}
