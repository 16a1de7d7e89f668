"""The real things behind services. They know nothing of AWS."""
