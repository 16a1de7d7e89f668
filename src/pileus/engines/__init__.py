"""The real things behind services: they run programs, speak protocols, move packets, and know nothing of AWS."""
