"""Measurements. Never tests: they say how fast this machine is, and what the ratios are in one run."""
