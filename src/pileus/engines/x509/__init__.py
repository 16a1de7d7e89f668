"""Keys and certificates (RFC 5280), for all services that issue, sign or check some."""
