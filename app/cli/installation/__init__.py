"""Commands that work on the installation itself, beside a running service or without one."""
