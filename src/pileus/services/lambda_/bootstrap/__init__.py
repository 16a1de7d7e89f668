"""Runtimes of our own: the programs that run handlers inside sandboxes."""
