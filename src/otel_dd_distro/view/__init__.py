"""`python -m otel_dd_distro view`: receives traces as an Agent does, and shows them on a page and in the terminal.

Needs the extra `view`. Nothing here is imported by a traced application.
"""
