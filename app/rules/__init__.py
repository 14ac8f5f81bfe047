"""What the service decides, apart from everything it does.

Nothing in here reads a clock, draws a random number, opens a file or a socket, or knows of a database:
time and chance come in as parameters, so that each decision can be tested at its limits. One file
holds one set of rules.
"""
