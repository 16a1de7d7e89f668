"""External key stores: a key manager of the customer's own, behind a proxy that this test runs."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import pileus

ACCESS_KEY = "ABCDEFGHIJKLMNOPQRST"
SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH+/="
PATH = "/acme/kms/xks/v1"
DAY = 86400


class Manager:
    """A key manager with its proxy, as the XKS proxy API describes it."""

    def __init__(self, cloud: pileus.LocalCloud) -> None:
        self.keys = {"one": AESGCM(os.urandom(32)), "two": AESGCM(os.urandom(32))}
        self.metadata = {"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"}
        self.health = "ACTIVE"
        self.fails: tuple[int, bytes] | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        manager = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = manager.answer(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.server.socket = cloud.server.certificates.context().wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.fails:
            return self.fails
        if not self.signed(path, headers, body):
            return refusal(401, "AuthenticationFailedException")
        if not path.startswith(PATH):
            return refusal(404, "InvalidUriPathException")
        members = json.loads(body)
        self.asked.append((path.removeprefix(PATH), members))
        match path.removeprefix(PATH).split("/")[1:]:
            case ["health"]:
                fleet = [{"id": "hsm-1", "model": "M", "healthStatus": self.health}]
                return told({"xksProxyFleetSize": 1, "ekmVendor": "V", "ekmFleetDetails": fleet})
            case ["keys", key, _] if key not in self.keys:
                return refusal(404, "KeyNotFoundException")
            case ["keys", _, "metadata"]:
                return told(self.metadata)
            case ["keys", key, "encrypt"]:
                nonce = os.urandom(12)
                about = base64.b64decode(members["additionalAuthenticatedData"])
                sealed = self.keys[key].encrypt(nonce, base64.b64decode(members["plaintext"]), b"meta" + about)
                parts = {"ciphertext": sealed[:-16], "authenticationTag": sealed[-16:], "ciphertextMetadata": b"meta"}
                return told(encoded(parts | {"initializationVector": nonce}))
            case ["keys", key, "decrypt"]:
                assert members.pop("encryptionAlgorithm") == "AES_GCM"
                part = {name: base64.b64decode(value) for name, value in members.items() if isinstance(value, str)}
                about = part["ciphertextMetadata"] + part["additionalAuthenticatedData"]
                sealed = part["ciphertext"] + part["authenticationTag"]
                try:
                    return told(
                        encoded({"plaintext": self.keys[key].decrypt(part["initializationVector"], sealed, about)})
                    )
                except InvalidTag:
                    return refusal(400, "InvalidCiphertextException")
        return refusal(404, "InvalidUriPathException")

    def signed(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        """Whether botocore would have signed the same."""
        given = {name.lower(): value for name, value in headers.items()}
        request = AWSRequest("POST", f"https://{given['host']}{path}", data=body)
        request.headers["content-type"] = given["content-type"]
        request.context["timestamp"] = given["x-amz-date"]
        request.headers["x-amz-date"] = given["x-amz-date"]
        signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET), "kms-xks-proxy", "us-east-1")
        expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return f"Credential={ACCESS_KEY}/" in given["authorization"] and given["authorization"].endswith(expected)

    def last(self) -> dict[str, Any]:
        metadata: dict[str, Any] = self.asked[-1][1]["requestMetadata"]
        return metadata


def encoded(parts: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


def told(members: dict[str, Any]) -> tuple[int, bytes]:
    return 200, json.dumps(members).encode()


def refusal(status: int, name: str) -> tuple[int, bytes]:
    return status, json.dumps({"errorName": name, "errorMessage": "no"}).encode()


class Store:
    def __init__(self, cloud: pileus.LocalCloud, account: Any, manager: Manager) -> None:
        self.cloud = cloud
        self.kms = account.client("kms")
        self.members = {
            "CustomKeyStoreName": "elsewhere",
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyUriEndpoint": f"https://port-{manager.port}.localhost",
            "XksProxyUriPath": PATH,
            "XksProxyAuthenticationCredential": {"AccessKeyId": ACCESS_KEY, "RawSecretAccessKey": SECRET},
        }

    def create(self, **more: Any) -> str:
        return str(self.kms.create_custom_key_store(**(self.members | more))["CustomKeyStoreId"])

    def connect(self, store: str) -> dict[str, Any]:
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        self.cloud.clock.advance(0)
        (found,) = self.kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
        return dict(found)

    def key(self, store: str, external: str = "one", **more: Any) -> str:
        members = {"CustomKeyStoreId": store, "Origin": "EXTERNAL_KEY_STORE", "XksKeyId": external} | more
        return str(self.kms.create_key(**members)["KeyMetadata"]["KeyId"])


@pytest.fixture
def manager(cloud: pileus.LocalCloud) -> Iterator[Manager]:
    found = Manager(cloud)
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def store(cloud: pileus.LocalCloud, aws: Any, manager: Manager, clock: Any) -> Store:
    return Store(cloud, aws, manager)


def test_a_key_of_a_manager_elsewhere_encrypts_twice(store: Store, manager: Manager, aws: Any, refused: Any) -> None:
    kms, place = store.kms, store.create()
    with refused("CustomKeyStoreInvalidStateException"):
        store.key(place)
    shown = store.connect(place)
    assert shown["ConnectionState"] == "CONNECTED" and shown["CustomKeyStoreType"] == "EXTERNAL_KEY_STORE"
    assert shown["XksProxyConfiguration"] == {
        "Connectivity": "PUBLIC_ENDPOINT",
        "AccessKeyId": ACCESS_KEY,
        "UriEndpoint": store.members["XksProxyUriEndpoint"],
        "UriPath": PATH,
    }
    key = store.key(place)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["CustomKeyStoreId"], metadata["Origin"]) == (place, "EXTERNAL_KEY_STORE")
    assert metadata["XksKeyConfiguration"] == {"Id": "one"} and "CloudHsmClusterId" not in metadata

    context = {"app": "orders"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=context)["CiphertextBlob"]
    path, members = manager.asked[-1]
    assert path == "/keys/one/encrypt" and b"hello" not in base64.b64decode(members["plaintext"])
    assert members["requestMetadata"]["kmsKeyArn"] == metadata["Arn"]
    assert members["requestMetadata"]["kmsOperation"] == "Encrypt"
    assert members["requestMetadata"]["awsPrincipalArn"] == f"arn:aws:iam::{aws.id}:root"
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"hello"
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"]

    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/secret", Type="SecureString", Value="hidden", KeyId=key)
    assert ssm.get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    assert manager.last()["kmsViaService"] == "ssm.us-east-1.amazonaws.com"
    with refused("UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=key)
    with refused("UnsupportedOperationException"):
        kms.generate_random(NumberOfBytes=8, CustomKeyStoreId=place)

    kms.disconnect_custom_key_store(CustomKeyStoreId=place)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"
    with refused("KMSInvalidStateException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    store.connect(place)
    del manager.keys["one"]
    with refused("KMSInvalidStateException", "cannot find the external key"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    for fails, words in (
        (refusal(400, "InvalidStateException"), "not enabled"),
        (refusal(403, "AccessDeniedException"), "denied access"),
        ((200, b"nothing"), "cannot interpret"),
        ((429, b"{}"), "very high request rate"),
    ):
        manager.fails = fails
        with refused("KMSInvalidStateException", words):
            kms.encrypt(KeyId=key, Plaintext=b"hello")


def test_which_external_keys_can_be_used(store: Store, manager: Manager, refused: Any) -> None:
    kms, place = store.kms, store.create()
    store.connect(place)
    with refused("XksKeyNotFoundException"):
        store.key(place, "three")
    for wrong in ({"keySpec": "RSA_2048"}, {"keyStatus": "DISABLED"}, {"keyUsage": ["ENCRYPT"]}):
        good, manager.metadata = manager.metadata, manager.metadata | wrong
        with refused("XksKeyInvalidConfigurationException"):
            store.key(place)
        manager.metadata = good
    for wrong in ({"KeySpec": "HMAC_256"}, {"MultiRegion": True}, {"Origin": "AWS_KMS"}):
        with refused("ValidationException"):
            store.key(place, **wrong)
    key = store.key(place)
    with refused("XksKeyAlreadyInUseException"):
        store.key(place)
    store.key(place, "two")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    store.cloud.clock.advance(8 * DAY)
    store.key(place)
    with refused("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(CustomKeyStoreId=place)


def test_a_proxy_must_answer_when_its_store_is_made(store: Store, manager: Manager, refused: Any) -> None:
    with refused("XksProxyIncorrectAuthenticationCredentialException"):
        store.create(XksProxyAuthenticationCredential={"AccessKeyId": ACCESS_KEY, "RawSecretAccessKey": SECRET[::-1]})
    with refused("XksProxyInvalidConfigurationException"):
        store.create(XksProxyUriPath="/kms/xks/v1")
    with refused("XksProxyUriUnreachableException"):
        store.create(XksProxyUriEndpoint="https://port-1.localhost")
    manager.health = "UNAVAILABLE"
    with refused("XksProxyUriUnreachableException"):
        store.create()
    manager.health, manager.fails = "DEGRADED", (200, b"[]")
    with refused("XksProxyInvalidResponseException"):
        store.create()
    manager.fails = None
    with refused("ValidationException"):
        store.create(CloudHsmClusterId="cluster-aaaaaaaaaaa")
    with refused("XksProxyVpcEndpointServiceNotFoundException"):
        store.create(
            XksProxyConnectivity="VPC_ENDPOINT_SERVICE",
            XksProxyVpcEndpointServiceName="com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0",
        )
    store.create()
    with refused("XksProxyUriInUseException"):
        store.create(CustomKeyStoreName="other")


def test_why_a_proxy_does_not_connect_and_how_that_is_mended(store: Store, manager: Manager, refused: Any) -> None:
    kms, place = store.kms, store.create()
    for fails, code in (
        (refusal(401, "AuthenticationFailedException"), "INVALID_CREDENTIALS"),
        (refusal(403, "AccessDeniedException"), "XKS_PROXY_ACCESS_DENIED"),
        (refusal(404, "InvalidUriPathException"), "XKS_PROXY_INVALID_CONFIGURATION"),
        ((200, b"?"), "XKS_PROXY_INVALID_RESPONSE"),
    ):
        manager.fails = fails
        told = store.connect(place)
        assert (told["ConnectionState"], told["ConnectionErrorCode"]) == ("FAILED", code)
        kms.disconnect_custom_key_store(CustomKeyStoreId=place)
    manager.fails = None
    assert store.connect(place)["ConnectionState"] == "CONNECTED"
    # "You can update the name, the credential and the path of an external key store when it is connected"
    credential = {"AccessKeyId": ACCESS_KEY, "RawSecretAccessKey": SECRET[::-1]}
    with refused("XksProxyIncorrectAuthenticationCredentialException"):
        kms.update_custom_key_store(CustomKeyStoreId=place, XksProxyAuthenticationCredential=credential)
    with refused("CustomKeyStoreInvalidStateException"):
        kms.update_custom_key_store(CustomKeyStoreId=place, XksProxyUriEndpoint="https://port-1.localhost")
    with refused("ValidationException"):
        kms.update_custom_key_store(CustomKeyStoreId=place, KeyStorePassword="password")
    kms.update_custom_key_store(CustomKeyStoreId=place, NewCustomKeyStoreName="renamed", XksProxyUriPath=PATH)
    assert kms.describe_custom_key_stores(CustomKeyStoreName="renamed")["CustomKeyStores"][0]["ConnectionState"]
    blob = kms.encrypt(KeyId=store.key(place), Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
