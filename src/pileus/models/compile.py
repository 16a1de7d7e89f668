"""Compile botocore's API models into the data that ships in the wheel.

Runs when the package is built, never while the cloud runs. Each service becomes one zlib-compressed JSON file without
documentation; `index.json` and `routes.json` hold what is needed to recognise a request of any of them without loading
a model. Three models come from `retired/`: services and wire traits that the pinned botocore no longer carries.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

RETIRED = Path(__file__).parent / "retired"
PROSE = {"documentation", "documentationUrl"}

# Members that are younger than SQS's last model in the query protocol, as SQS answers them there.
QUERY_NAMES = {"sqs": {"MessageSystemAttributeList": {"member": {"locationName": "MessageSystemAttributeName"}}}}

# S3 counts it among its sub-resources ("Signing and authenticating REST requests", CanonicalizedResource), as `?acl` is
# one, though the model has it as a member: without it there is no such operation.
SUBRESOURCES = {"s3": {"?uploadId"}}


# Where operations were before AWS moved them. SDKs that are older than the pinned botocore still ask there, and have in
# the query what stands in the body now.
FORMER = {
    "sesv2": {
        "ListConfigurationSets": ("GET", "/v2/email/configuration-sets"),
        "ListContacts": ("GET", "/v2/email/contact-lists/{ContactListName}/contacts"),
        "ListEmailIdentities": ("GET", "/v2/email/identities"),
        "ListImportJobs": ("GET", "/v2/email/import-jobs"),
        "PutEmailIdentityDkimSigningAttributes": ("PUT", "/v1/email/identities/{EmailIdentity}/dkim/signing"),
    }
}


def compile_models(botocore_data: Path, snake_exceptions: dict[str, str], target: Path) -> None:
    """Write every service's model, the index, the routes, the partitions and the irregular snake-case names."""
    target.mkdir(parents=True, exist_ok=True)
    models = {folder.name: newest(folder) for folder in sorted(botocore_data.iterdir()) if folder.is_dir()}
    models |= {path.name.split(".")[0]: read(path) for path in RETIRED.glob("*.json.gz") if path.name.count(".") == 2}
    index = {}
    routes = {}
    for name, model in sorted(models.items()):
        if model is None:
            continue
        write(target / f"{name}.z", model)
        index[name] = model["metadata"] | clues(name, model, botocore_data)
        if model["metadata"]["protocol"].startswith("rest-"):
            routes[name] = [route(name, model, operation) for operation in model["operations"]]
            routes[name] += [
                [row[0], *FORMER[name][row[0]], *row[3:]] for row in routes[name] if row[0] in FORMER.get(name, ())
            ]
        if (retired := RETIRED / f"{name}.query.json.gz").exists():
            write(target / f"{name}.query.z", in_query_form(model, read(retired), QUERY_NAMES[name]))
    for name, document in (
        ("index", index),
        ("routes", routes),
        ("snake", snake_exceptions),
        ("partitions", partitions(botocore_data, index)),
    ):
        (target / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")))


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest API version of a service, or None for a folder that holds no model."""
    versions = [version for version in folder.iterdir() if (version / "service-2.json.gz").exists()]
    if not versions:
        return None
    version = max(versions, key=lambda path: path.name)
    model: dict[str, Any] = without_prose(read(version / "service-2.json.gz"))
    paginators = version / "paginators-1.json"
    model["pagination"] = json.loads(paginators.read_text())["pagination"] if paginators.exists() else {}
    return model


def clues(name: str, model: Any, botocore_data: Path) -> dict[str, Any]:
    """What the metadata does not say: further signing names, and whether operations at paths go unsigned."""
    metadata = model["metadata"]
    found: dict[str, Any] = {}
    names = {signing_name for rules in rule_sets(botocore_data / name) for signing_name in signing_names(rules)}
    if further := sorted(names - {metadata.get("signingName", metadata["endpointPrefix"])}):
        found["signingNames"] = further
    if metadata["protocol"].startswith("rest-") and any(map(unsigned, model["operations"].values())):
        found["unsigned"] = True
    return found


def rule_sets(folder: Path) -> list[Any]:
    return [read(path) for path in folder.glob("*/endpoint-rule-set-1.json.gz")]


def signing_names(node: Any) -> set[str]:
    """Every signing name that an endpoint rule set hands out, such as `s3express` for S3."""
    if isinstance(node, list):
        return {name for item in node for name in signing_names(item)}
    if not isinstance(node, dict):
        return set()
    names = {scheme["signingName"] for scheme in node.get("authSchemes", ()) if "signingName" in scheme}
    return names | signing_names(list(node.values()))


def unsigned(operation: Any) -> bool:
    return bool(operation.get("authtype") == "none")


def route(service: str, model: Any, name: str) -> list[Any]:
    """How a request names an operation of a REST service: a row of `pileus.gateway.paths.Row`."""
    operation = model["operations"][name]
    shape = model["shapes"][operation["input"]["shape"]] if "input" in operation else {}
    needs = [need for member in shape.get("required", ()) if (need := outside_body(shape["members"][member], member))]
    uri = operation["http"]["requestUri"]
    for constant in SUBRESOURCES.get(service, set()).intersection(needs):
        uri += constant
    parameters = operation.get("staticContextParams", {})
    marks = {
        "deprecated": operation.get("deprecated"),
        "unsigned": unsigned(operation),
        "s3express": parameters.get("UseS3ExpressControlEndpoint", {}).get("value"),
    }
    prefix = operation.get("endpoint", {}).get("hostPrefix", "")
    host_label = prefix[1 : prefix.index("}")] if prefix.startswith("{") else ""
    marked = [mark for mark, holds in marks.items() if holds]
    return [name, operation["http"]["method"], uri, needs, marked, host_label]


def outside_body(member: Any, name: str) -> str:
    """A member's query parameter (`?id`) or header (`x-amz-copy-source`); empty for one that is elsewhere."""
    sigil = {"querystring": "?", "header": ""}.get(member.get("location"))
    return "" if sigil is None else sigil + member.get("locationName", name)


def partitions(botocore_data: Path, index: Any) -> Any:
    """botocore's partitions, each with the Regions in which it runs the services that it runs but once."""
    known = json.loads((botocore_data / "partitions.json").read_text())
    homes = {
        row["partition"]: row["services"]
        for row in json.loads((botocore_data / "endpoints.json").read_text())["partitions"]
    }
    for partition in known["partitions"]:
        partition["homes"] = {
            name: home
            for name, metadata in index.items()
            if (home := home_region(homes.get(partition["id"], {}).get(metadata["endpointPrefix"], {})))
        }
    return known


def home_region(service: Any) -> str:
    """The Region that a partition-wide endpoint signs for. Amazon S3 has one too, but it is a Region's own."""
    if service.get("isRegionalized"):
        return ""
    endpoint = service.get("endpoints", {}).get(service.get("partitionEndpoint"), {})
    region: str = endpoint.get("credentialScope", {}).get("region", "")
    return region


def in_query_form(model: Any, retired: Any, names: Any) -> Any:
    """Today's operations and shapes with the wire names, wrappers and error codes of the retired query model."""
    model = json.loads(json.dumps(model))
    model["metadata"] |= {"protocol": "query", "xmlNamespace": retired["metadata"]["xmlNamespace"]}
    for name, operation in retired["operations"].items():
        if "resultWrapper" in operation.get("output", {}):
            model["operations"][name]["output"]["resultWrapper"] = operation["output"]["resultWrapper"]
    for name, shape in retired["shapes"].items():
        if name in model["shapes"]:
            lay_over(model["shapes"][name], shape)
    for name, shape in names.items():
        lay_over(model["shapes"][name], shape)
    return model


def lay_over(shape: dict[str, Any], traits: dict[str, Any]) -> None:
    for trait in ("error", "flattened", "locationName", "wrapper"):
        if trait in traits:
            shape[trait] = traits[trait]
    for part in ("member", "key", "value"):
        if part in traits:
            lay_over(shape[part], traits[part])
    for name, member in traits.get("members", {}).items():
        if name in shape.get("members", {}):
            lay_over(shape["members"][name], member)


def read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def write(path: Path, model: Any) -> None:
    path.write_bytes(zlib.compress(json.dumps(model, separators=(",", ":")).encode(), 9))


def without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: without_prose(v) for k, v in node.items() if not (k in PROSE and isinstance(v, str))}
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    return node
