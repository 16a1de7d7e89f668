"""Launch templates and their versions."""

from __future__ import annotations

import base64


def make(ec2, name="web", **data):
    return ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]


def test_versions_are_numbered_never_change_and_take_from_their_source(ec2):
    one = make(ec2, InstanceType="t3.micro", KeyName="k")
    which = {"LaunchTemplateId": one["LaunchTemplateId"]}
    second = ec2.create_launch_template_version(
        **which, SourceVersion="1", VersionDescription="larger", LaunchTemplateData={"InstanceType": "t3.large"}
    )["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and not second["DefaultVersion"]
    assert second["LaunchTemplateData"] == {"InstanceType": "t3.large", "KeyName": "k"}
    third = ec2.create_launch_template_version(**which, LaunchTemplateData={"KeyName": "x"})["LaunchTemplateVersion"]
    assert third["LaunchTemplateData"] == {"KeyName": "x"}
    versions = ec2.describe_launch_template_versions(**which)["LaunchTemplateVersions"]
    assert [version["VersionNumber"] for version in versions] == [3, 2, 1]
    versions = ec2.describe_launch_template_versions(**which, Versions=["$Default", "$Latest"])
    assert [version["VersionNumber"] for version in versions["LaunchTemplateVersions"]] == [1, 3]
    ec2.modify_launch_template(**which, DefaultVersion="2")
    found = ec2.describe_launch_templates(LaunchTemplateNames=["web"])["LaunchTemplates"][0]
    assert (found["DefaultVersionNumber"], found["LatestVersionNumber"]) == (2, 3)


def test_the_default_version_cannot_be_deleted_and_numbers_do_not_come_again(ec2):
    which = {"LaunchTemplateName": make(ec2, InstanceType="t3.micro")["LaunchTemplateName"]}
    ec2.create_launch_template_version(**which, LaunchTemplateData={"KeyName": "x"})
    answer = ec2.delete_launch_template_versions(**which, Versions=["1", "2", "7"])
    assert [one["VersionNumber"] for one in answer["SuccessfullyDeletedLaunchTemplateVersions"]] == [2]
    codes = [one["ResponseError"]["Code"] for one in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]]
    assert codes == ["unexpectedError", "launchTemplateVersionDoesNotExist"]
    made = ec2.create_launch_template_version(**which, LaunchTemplateData={"KeyName": "y"})["LaunchTemplateVersion"]
    assert made["VersionNumber"] == 3


def test_templates_that_cannot_be_are_refused(ec2, refused):
    make(ec2, InstanceType="t3.micro")
    with refused("InvalidLaunchTemplateName.AlreadyExistsException"):
        make(ec2, InstanceType="t3.micro")
    with refused("InvalidLaunchTemplateId.NotFound"):
        ec2.describe_launch_templates(LaunchTemplateIds=["lt-0123456789abcdef0"])
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        ec2.delete_launch_template(LaunchTemplateName="other")
    with refused("InvalidLaunchTemplateId.VersionNotFound"):
        ec2.describe_launch_template_versions(LaunchTemplateName="web", Versions=["9"])
    with refused("InvalidUserData.Malformed"):
        make(ec2, "other", UserData="no base 64!")
    with refused("InvalidParameterValue", "User data is limited to 16384 bytes"):
        make(ec2, "other", UserData=base64.b64encode(b"x" * 16385).decode())
    assert [one["LaunchTemplateName"] for one in ec2.describe_launch_templates()["LaunchTemplates"]] == ["web"]
