"""Templates, in the second API's words."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.services.ses import templates
from pileus.services.ses.faults import wrong
from pileus.services.ses.templates import Template

from . import sesv2
from .tagging import with_tags

PARTS = ("Subject", "Text", "Html")


def existing(call: Call, template_name: str) -> Template:
    return templates.existing(call, template_name)


@sesv2.operation
def create_email_template(
    call: Call, template_name: str, template_content: dict[str, str], tags: list[dict[str, str]] = []
) -> None:
    held = with_tags({}, tags)
    templates.keep(call, template_name, *[template_content.get(part, "") for part in PARTS], new=True)
    made = existing(call, template_name)
    made.tags = held
    made.put(call)


@sesv2.operation
def update_email_template(call: Call, template_name: str, template_content: dict[str, str]) -> None:
    templates.keep(call, template_name, *[template_content.get(part, "") for part in PARTS], new=False)


@sesv2.operation(on=existing)
def get_email_template(call: Call, found: Template) -> dict[str, Any]:
    content = {name: part for name, part in zip(PARTS, found.parts(), strict=True) if part}
    return {"TemplateName": found.name, "TemplateContent": content}


@sesv2.operation
def list_email_templates(call: Call, next_token: str = "", page_size: int = 10) -> dict[str, Any]:
    page = Template.page(call, limit=page_size, token=next_token, invalid=wrong(call, "Invalid NextToken"))
    told = [{"TemplateName": one.name, "CreatedTimestamp": one.created} for one in page.items]
    return {"TemplatesMetadata": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def delete_email_template(call: Call, found: Template) -> None:
    found.delete(call)


@sesv2.operation
def test_render_email_template(call: Call, template_name: str, template_data: str) -> dict[str, Any]:
    return {"RenderedTemplate": templates.trial(call, template_name, template_data)}
