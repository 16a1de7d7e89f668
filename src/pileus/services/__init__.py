"""The AWS services: one package per botocore service name."""
