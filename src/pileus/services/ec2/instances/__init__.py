"""Instances, and what they are launched from."""
