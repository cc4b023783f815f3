"""The signature of a version: what is asked of it and what it answers, as MLflow tells it beside every model.

It is the request and the reply of `/recommend`, so there is one truth of both: the schemas of the service.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from marquee.registry import Beside
from marquee.serve.schemas.replies import ListReply
from marquee.serve.schemas.requests import RecommendRequest

_EXAMPLE = "input_example.json"
_SERVE = "marquee serve --model model"  # in the folder of the version
_KINDS = {"integer": "long", "number": "double", "boolean": "boolean", "string": "string"}

Told = Mapping[str, Any]  # a JSON schema


def signed(beside: Beside) -> Beside:
    """With the files by which MLflow knows a model's signature and an example of what is asked."""
    return Beside(beside.metrics, beside.tags, beside.files, {"MLmodel": _mlmodel(), _EXAMPLE: _example()})


def _example() -> str:
    example: Any = RecommendRequest.model_config["json_schema_extra"]
    return json.dumps(example["examples"][0], indent=2) + "\n"


def _mlmodel() -> str:
    from mlflow.models import Model, ModelSignature  # noqa: PLC0415 - takes seconds

    signature = ModelSignature(_schema(RecommendRequest), _schema(ListReply))
    example = {"artifact_path": _EXAMPLE, "type": "json_object"}
    flavors = {"marquee": {"data": "model", "serve": _SERVE}}
    return str(Model(flavors=flavors, signature=signature, saved_input_example_info=example).to_yaml())


def _schema(kind: type[BaseModel]) -> Any:
    from mlflow.types.schema import ColSpec, Schema  # noqa: PLC0415

    told = kind.model_json_schema()
    return Schema([ColSpec(of, name, is_needed) for name, of, is_needed in _fields(told, told.get("$defs", {}))])


def _fields(told: Told, known: Told) -> Iterator[tuple[str, Any, bool]]:
    for name, of in told["properties"].items():
        yield name, _type(of, known), name in told.get("required", ()) and "anyOf" not in of


def _type(told: Told, known: Told) -> Any:
    from mlflow.types.schema import Array, DataType, Object, Property  # noqa: PLC0415

    if "$ref" in told:
        return _type(known[told["$ref"].rpartition("/")[2]], known)
    if "anyOf" in told:  # one of them is that it is not told
        return _type(next(each for each in told["anyOf"] if each.get("type") != "null"), known)
    if told["type"] == "array":
        return Array(_type(told["items"], known))
    if told["type"] == "object":
        return Object([Property(name, of, is_needed) for name, of, is_needed in _fields(told, known)])
    return DataType[_KINDS[told["type"]]]
