"""VPCs: what an account's network in a Region is made of."""
