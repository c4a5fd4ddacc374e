"""`python -m otel_dd_distro doctor`: why there is no span, in the first lines of what it prints.

Each module looks at one thing and returns sections of findings; `report` prints them, the worst first.
"""
