"""Volumes, snapshots and images."""
