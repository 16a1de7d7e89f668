"""Code bindings: real code, which Python, Java and Go really compile and run."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pileus.testing.local import CloudClock

ORDER = {
    "openapi": "3.0.0",
    "info": {"version": "1", "title": "Order"},
    "paths": {},
    "components": {
        "schemas": {
            "AWSEvent": {
                "type": "object",
                "required": ["detail-type", "detail"],
                "properties": {
                    "detail": {"$ref": "#/components/schemas/OrderPlaced"},
                    "detail-type": {"type": "string"},
                    "time": {"type": "string", "format": "date-time"},
                },
            },
            "OrderPlaced": {
                "type": "object",
                "properties": {
                    "class": {"type": "string"},
                    "total": {"type": "number"},
                    "paid": {"type": "boolean"},
                    "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
                    "notes": {"type": "object", "additionalProperties": {"type": "string"}},
                    "address": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
            },
            "Line": {"type": "object", "properties": {"itemId": {"type": "integer"}}},
        }
    },
}
EVENT = {
    "detail-type": "Order Placed",
    "time": "2027-01-01T00:00:00Z",
    "detail": {
        "class": "a",
        "total": 5.5,
        "paid": True,
        "lines": [{"itemId": 7}],
        "notes": {"a": "b"},
        "address": {"city": "x"},
    },
}
FOLDER = "schema/shop/orderplaced"


@pytest.fixture
def schemas(client: Any, clock: CloudClock) -> Any:
    made = client("schemas")
    made.create_registry(RegistryName="r")
    made.create_schema(RegistryName="r", SchemaName="shop@OrderPlaced", Type="OpenApi3", Content=json.dumps(ORDER))
    return made


def unpacked(schemas: Any, clock: CloudClock, language: str, to: Path) -> Path:
    named = {"RegistryName": "r", "SchemaName": "shop@OrderPlaced", "Language": language}
    assert schemas.put_code_binding(**named)["Status"] == "CREATE_IN_PROGRESS"
    clock.advance(1)
    assert schemas.describe_code_binding(**named)["Status"] == "CREATE_COMPLETE"
    with zipfile.ZipFile(io.BytesIO(schemas.get_code_binding_source(**named)["Body"].read())) as archive:
        archive.extractall(to)
    return to


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_reads_and_writes_an_event(schemas: Any, clock: CloudClock, tmp_path: Path) -> None:
    unpacked(schemas, clock, "Python36", tmp_path)
    program = """
import json, sys
from schema.shop.orderplaced import AWSEvent, Marshaller
event = Marshaller.unmarshall(json.loads(sys.argv[1]), AWSEvent)
assert event.detail.lines[0].item_id == 7 and event.time.year == 2027 and event.detail.address.city == "x"
assert event == Marshaller.unmarshall(json.loads(sys.argv[1]), AWSEvent)
print(json.dumps(Marshaller.marshall(event)))
"""
    assert json.loads(run(sys.executable, "-c", program, json.dumps(EVENT), cwd=tmp_path)) == EVENT


@pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go")
def test_go_reads_and_writes_an_event(schemas: Any, clock: CloudClock, tmp_path: Path) -> None:
    unpacked(schemas, clock, "Go1", tmp_path)
    (tmp_path / "go.mod").write_text("module bindings\n\ngo 1.18\n")
    (tmp_path / "main.go").write_text(
        """package main

import (
	"fmt"
	"os"

	"bindings/schema/shop/orderplaced"
)

func main() {
	event, err := orderplaced.UnmarshalAWSEvent([]byte(os.Args[1]))
	if err != nil || event.Detail.Lines[0].ItemId != 7 {
		panic(err)
	}
	data, _ := orderplaced.MarshalAWSEvent(event)
	fmt.Println(string(data))
}
"""
    )
    assert json.loads(run("go", "run", ".", json.dumps(EVENT), cwd=tmp_path)) == EVENT


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no Java")
def test_java_compiles(schemas: Any, clock: CloudClock, tmp_path: Path) -> None:
    unpacked(schemas, clock, "Java8", tmp_path)
    source = (tmp_path / FOLDER / "AWSEvent.java").read_text()
    assert '@JsonProperty("detail-type")\n    private String detailType = null;' in source
    jackson = tmp_path / "com/fasterxml/jackson/annotation"  # whose library is not at hand
    jackson.mkdir(parents=True)
    (jackson / "JsonProperty.java").write_text(
        "package com.fasterxml.jackson.annotation;\npublic @interface JsonProperty { String value(); }\n"
    )
    (tmp_path / "Main.java").write_text(
        """import schema.shop.orderplaced.*;
public class Main {
    public static void main(String[] args) {
        OrderPlaced one = new OrderPlaced()._class("a").total(5.5), other = new OrderPlaced()._class("a").total(5.5);
        System.out.println(one.equals(other) && one.hashCode() == other.hashCode() && one.getTotal() == 5.5);
    }
}
"""
    )
    classes = [str(path) for path in (tmp_path / FOLDER).glob("*.java")]
    run("javac", "-d", "out", "Main.java", *classes, *map(str, jackson.glob("*.java")), cwd=tmp_path)
    assert run("java", "-cp", "out", "Main", cwd=tmp_path) == "true\n"


def test_typescript_and_what_is_refused(schemas: Any, clock: CloudClock, tmp_path: Path, refused: Any) -> None:
    folder = unpacked(schemas, clock, "TypeScript3", tmp_path) / FOLDER
    source = (folder / "AWSEvent.ts").read_text()
    assert "import { OrderPlaced } from './OrderPlaced';" in source
    assert "'detailType': string;" in source and "'time'?: Date;" in source
    assert "Array<Line>" in (folder / "OrderPlaced.ts").read_text()
    named = {"RegistryName": "r", "SchemaName": "shop@OrderPlaced"}
    with refused("BadRequestException", "Cobol"):
        schemas.put_code_binding(**named, Language="Cobol")
    with refused("NotFoundException"):
        schemas.get_code_binding_source(**named, Language="Go1")
    schemas.delete_schema(**named)
    again = json.dumps({"$schema": "http://json-schema.org/draft-04/schema#", "title": "Thing", "type": "object"})
    schemas.create_schema(**named, Type="JSONSchemaDraft4", Content=again)
    with refused("NotFoundException"):
        schemas.get_code_binding_source(**named, Language="TypeScript3")
