"""botocore's API models: the one definition of operations, shapes and errors."""

from .model import Model, Operation, Shape, index, load, query_form, snake_case

__all__ = ["Model", "Operation", "Shape", "index", "load", "query_form", "snake_case"]
