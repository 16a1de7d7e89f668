"""What leads out of a VPC or into it, and what watches its traffic."""
