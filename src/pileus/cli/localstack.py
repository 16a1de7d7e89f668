"""Variables that set-ups made for LocalStack have: those that mean something here, and a word on those that do not.

They are the ones of LocalStack's configuration reference (docs.localstack.cloud, Configuration).
"""

from __future__ import annotations

from collections.abc import Mapping

NEEDLESS = {
    "SERVICES": "every service is there, and loaded at its first call",
    "EAGER_SERVICE_LOADING": "services load in milliseconds, at their first call",
    "LOCALSTACK_HOST": "addresses handed out are the ones by which the caller reached the cloud",
    "HOSTNAME_EXTERNAL": "addresses handed out are the ones by which the caller reached the cloud",
    "SQS_ENDPOINT_STRATEGY": "queue URLs are of the address by which the caller reached the cloud",
    "DATA_DIR": "say --data DIR or PILEUS_DATA",
    "LOCALSTACK_VOLUME_DIR": "say --data DIR or PILEUS_DATA",
    "SNAPSHOT_SAVE_STRATEGY": "every acknowledged write is kept at once",
    "SNAPSHOT_LOAD_STRATEGY": "every acknowledged write is kept at once",
    "ENFORCE_IAM": "",
    "LOCALSTACK_AUTH_TOKEN": "nothing needs a licence",
    "LOCALSTACK_API_KEY": "nothing needs a licence",
    "ACTIVATE_PRO": "nothing needs a licence",
    "DISABLE_EVENTS": "nothing is ever reported to anyone",
    "SKIP_SSL_CERT_DOWNLOAD": "the cloud makes its own certificates",
    "ALLOW_NONSTANDARD_REGIONS": "",
    "DISABLE_CORS_CHECKS": "",
    "DISABLE_CORS_HEADERS": "",
    "EXTRA_CORS_ALLOWED_ORIGINS": "",
    "LAMBDA_EXECUTOR": "",
    "LAMBDA_DOCKER_NETWORK": "",
    "LAMBDA_REMOTE_DOCKER": "",
    "LAMBDA_KEEPALIVE_MS": "",
    "MAIN_DOCKER_NETWORK": "",
}
"""Variables without effect, and why, where there is more to say than that."""


def heeded(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Defaults for the options of `up`, by the option's name, and remarks on what has no effect."""
    defaults: dict[str, str] = {}
    notes: list[str] = []
    port = environment.get("EDGE_PORT", "")
    if port.isdigit():
        defaults["port"] = port
    if listen := environment.get("GATEWAY_LISTEN"):
        first, *others = listen.split(",")
        host, _, port = first.strip().rpartition(":") if ":" in first else (first.strip(), "", "")
        defaults |= {name: value for name, value in (("host", host.strip("[]")), ("port", port)) if value}
        if others:
            notes.append(f"GATEWAY_LISTEN: only its first address, {first.strip()}, is listened on.")
    if persistence := environment.get("PERSISTENCE"):
        defaults["ephemeral"] = "0" if persistence.lower() in ("1", "true") else "1"
    if environment.get("DEBUG") in ("1", "true") or environment.get("LS_LOG") in ("debug", "trace"):
        defaults["log-level"] = "debug"
    for name, reason in NEEDLESS.items():
        if environment.get(name):
            notes.append(f"{name} has no effect{': ' + reason if reason else ''}.")
    return defaults, notes
