"""Screenshots, firmware, Macs, metric categories, certificates for enclaves, and what AWS has retired."""

from __future__ import annotations

import base64
import io
import json

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from pileus.services.ec2.instances.screens import screen


def registered(ec2, clock, **more):
    """An image of the account's own, of an empty disk."""
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=8)["VolumeId"]
    clock.advance(5)
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    clock.advance(30)
    return ec2.register_image(
        Name="own",
        RootDeviceName="/dev/xvda",
        VirtualizationType="hvm",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
        **{"Architecture": "x86_64"} | more,
    )["ImageId"]


def test_a_screen_shows_what_a_terminal_would():
    said = b"\x1b[1;31mred\x1b[0m\r\n" + b"x" * 85 + b"\r\n10%\r20%\n\tend"
    assert screen(said) == ["red", "x" * 80, "x" * 5, "20%", "        end"]
    assert len(screen(b"line\n" * 100)) == 25


def test_a_screenshot_is_a_picture_of_the_console(ec2, run, clock, refused):
    pictures = pytest.importorskip("PIL.Image")
    one = run(UserData="#!/bin/sh\necho hello from the console\n")["InstanceId"]
    with refused("IncorrectInstanceState"):
        ec2.get_console_screenshot(InstanceId=one)
    clock.advance(5)
    data = base64.b64decode(ec2.get_console_screenshot(InstanceId=one, WakeUp=True)["ImageData"])
    picture = pictures.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("JPEG", (960, 550))


def test_firmware_is_that_of_the_image_and_the_endorsement_key_the_instances_own(ec2, run, clock, refused):
    data = base64.b64encode(b"AMZNUEFI variables").decode()
    image = registered(ec2, clock, BootMode="uefi", TpmSupport="v2.0", UefiData=data)
    one, other = (run(ImageId=image)["InstanceId"] for _ in range(2))
    assert ec2.get_instance_uefi_data(InstanceId=one)["UefiData"] == data

    def key(instance, kind, form):
        told = ec2.get_instance_tpm_ek_pub(InstanceId=instance, KeyType=kind, KeyFormat=form)
        return base64.b64decode(told["KeyValue"])

    public = load_der_public_key(key(one, "rsa-2048", "der"))
    assert public.key_size == 2048 and key(one, "rsa-2048", "der") != key(other, "rsa-2048", "der")
    assert key(one, "rsa-2048", "tpmt").endswith(public.public_numbers().n.to_bytes(256, "big"))
    assert len(key(one, "ecc-sec-p384", "tpmt")) == 2 + 2 + 4 + 50 + 12 + 50 + 50
    plain = run()["InstanceId"]
    with refused("UnsupportedOperation", "NitroTPM"):
        key(plain, "rsa-2048", "der")


def test_a_macs_protection_is_changed_by_a_task(ec2, run, clock, refused):
    [host] = ec2.allocate_hosts(InstanceType="mac2.metal", AvailabilityZone="us-east-1a", Quantity=1)["HostIds"]
    ec2.allocate_hosts(InstanceFamily="m5", AvailabilityZone="us-east-1a", Quantity=1)
    [mac] = ec2.describe_mac_hosts()["MacHosts"]
    assert mac["HostId"] == host and mac["MacOSLatestSupportedVersions"]
    other = run()["InstanceId"]
    with refused("UnsupportedOperation", "not an Amazon EC2 Mac instance"):
        ec2.create_delegate_mac_volume_ownership_task(InstanceId=other, MacCredentials="{}")
    image = registered(ec2, clock, Architecture="arm64_mac")
    place = {"Tenancy": "host", "HostId": host, "AvailabilityZone": "us-east-1a"}
    one = run(ImageId=image, InstanceType="mac2.metal", Placement=place)["InstanceId"]
    clock.advance(3)
    asked = {"InstanceId": one, "MacSystemIntegrityProtectionStatus": "disabled"}
    with refused("MissingParameter"):
        ec2.create_mac_system_integrity_protection_modification_task(**asked)
    custom = {"NvramProtections": "enabled"}
    task = ec2.create_mac_system_integrity_protection_modification_task(
        **asked, MacCredentials="{}", MacSystemIntegrityProtectionConfiguration=custom
    )["MacModificationTask"]
    assert (task["TaskState"], task["TaskType"]) == ("pending", "sip-modification")
    clock.advance(2 * 3600)
    filters = [{"Name": "mac-system-integrity-protection-configuration.sip-status", "Values": ["disabled"]}]
    [found] = ec2.describe_mac_modification_tasks(Filters=filters)["MacModificationTasks"]
    settings = found["MacSystemIntegrityProtectionConfig"]
    assert (found["TaskState"], settings["NvramProtections"], settings["BaseSystem"]) == (
        "successful",
        "enabled",
        "disabled",
    )


def test_metric_categories_are_kept_by_instances_that_are_watched(ec2, run, described, refused):
    made = ec2.create_metric_category(Metrics=["mem_used", "disk_used"])["MetricCategory"]["MetricCategoryId"]
    one = run()
    watched = ec2.monitor_instances(InstanceIds=[one["InstanceId"]], MetricCategoryIds=[made])["InstanceMonitorings"]
    assert watched[0]["Monitoring"]["MetricCategoryIds"] == [made]
    with refused("DependencyViolation"):
        ec2.delete_metric_category(MetricCategoryId=made)
    ec2.modify_metric_category(MetricCategoryId=made, Metrics=["cpu_steal"])
    filters = [{"Name": "metric-name", "Values": ["cpu_*"]}]
    assert len(ec2.describe_metric_categories(Filters=filters)["MetricCategories"]) == 1
    ec2.unmonitor_instances(InstanceIds=[one["InstanceId"]], MetricCategoryIds=[made])
    assert described(one)["Monitoring"]["State"] in ("enabled", "pending")
    ec2.delete_metric_category(MetricCategoryId=made)
    with refused("InvalidMetricCategoryId.NotFound"):
        ec2.monitor_instances(InstanceIds=[one["InstanceId"]], MetricCategoryIds=[made])
    ec2.modify_managed_resource_visibility(DefaultVisibility="hidden")
    assert ec2.get_managed_resource_visibility()["Visibility"]["DefaultVisibility"] == "hidden"


def test_a_certificate_for_enclaves_is_read_by_its_role_alone(aws, ec2, cloud, refused):
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.id}:root"}, "Action": "sts:AssumeRole"}
    iam = aws.client("iam")
    sessions = []
    for name in ("enclave", "other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        allowed = {"Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": [allowed]}))
        role = f"arn:aws:iam::{aws.id}:role/{name}"
        keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        sessions.append(
            {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            }
        )
    certificate = aws.client("acm").request_certificate(DomainName="web.example.com", ValidationMethod="EMAIL")
    which = {"CertificateArn": certificate["CertificateArn"], "RoleArn": f"arn:aws:iam::{aws.id}:role/enclave"}
    with refused("InvalidParameterValue"):
        ec2.associate_enclave_certificate_iam_role(**which | {"RoleArn": f"arn:aws:iam::{aws.id}:role/none"})
    with refused("InvalidCertificateArn.NotFound"):
        ec2.associate_enclave_certificate_iam_role(**which)  # it is not issued yet
    from tests.services.ec2.connectivity.test_further import certificate as own

    which["CertificateArn"] = aws.client("acm").import_certificate(**own())["CertificateArn"]
    where = ec2.associate_enclave_certificate_iam_role(**which)
    place = {"Bucket": where["CertificateS3BucketName"], "Key": where["CertificateS3ObjectKey"]}
    with refused("AccessDenied"):
        aws.client("s3", **sessions[1]).get_object(**place)
    body = json.loads(aws.client("s3", **sessions[0]).get_object(**place)["Body"].read())
    assert body["certificate"].startswith("-----BEGIN CERTIFICATE")
    sealed = base64.b64decode(body["encryptedPrivateKey"])
    with refused("AccessDeniedException"):
        aws.client("kms", **sessions[1]).decrypt(CiphertextBlob=sealed)
    assert load_pem_private_key(aws.client("kms", **sessions[0]).decrypt(CiphertextBlob=sealed)["Plaintext"], None)
    [told] = ec2.get_associated_enclave_certificate_iam_roles(CertificateArn=which["CertificateArn"])["AssociatedRoles"]
    assert told["AssociatedRoleArn"] == which["RoleArn"]
    ec2.disassociate_enclave_certificate_iam_role(**which)
    cloud.clock.advance(0)
    with refused("AccessDenied"):
        aws.client("s3", **sessions[0]).get_object(**place)


def test_what_is_retired_is_not_there_any_more(ec2, run, clock, refused):
    one = run()["InstanceId"]
    assert ec2.describe_elastic_gpus()["ElasticGpuSet"] == []
    with refused("InvalidElasticGpuID.NotFound"):
        ec2.describe_elastic_gpus(ElasticGpuIds=["egp-0123456789abcdef0"])
    times = {"EarliestTime": clock.now(), "LatestTime": clock.now() + 86400}
    offers = ec2.describe_scheduled_instance_availability(
        FirstSlotStartTimeRange=times, Recurrence={"Frequency": "Weekly"}
    )
    assert offers["ScheduledInstanceAvailabilitySet"] == []
    with refused("UnsupportedOperation", "no longer available"):
        ec2.purchase_scheduled_instances(PurchaseRequests=[{"InstanceCount": 1, "PurchaseToken": "t"}])
    assert ec2.describe_bundle_tasks()["BundleTasks"] == []
    with refused("UnsupportedOperation", "no longer supported"):
        ec2.bundle_instance(InstanceId=one, Storage={"S3": {"Bucket": "b", "Prefix": "p"}})
    assert ec2.confirm_product_instance(InstanceId=one, ProductCode="abc")["Return"] is False
    assert ec2.describe_instance_sql_ha_states()["Instances"] == []
    with refused("UnsupportedOperation", "SQL Server"):
        ec2.enable_instance_sql_ha_standby_detections(InstanceIds=[one])
    [root] = ec2.describe_principal_id_format(Resources=["vpc"])["Principals"]
    assert [status["Resource"] for status in root["Statuses"]] == ["vpc"]


def test_enclaves_are_enabled_on_stopped_instances_of_types_that_have_them(ec2, run, described, clock, refused):
    one = run(InstanceType="m5.xlarge")
    small = run(InstanceType="t3.micro")
    clock.advance(3)
    ids = [one["InstanceId"], small["InstanceId"]]
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=ids[0], EnclaveOptions={"Enabled": True})
    ec2.stop_instances(InstanceIds=ids)
    clock.advance(5)
    with refused("InvalidParameterCombination"):
        ec2.modify_instance_attribute(InstanceId=ids[1], EnclaveOptions={"Enabled": True})
    ec2.modify_instance_attribute(InstanceId=ids[0], EnclaveOptions={"Enabled": True})
    assert described(one)["EnclaveOptions"]["Enabled"]
