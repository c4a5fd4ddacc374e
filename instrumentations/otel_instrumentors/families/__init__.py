"""Protocols that many libraries speak, one module each."""
