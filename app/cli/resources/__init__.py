"""Commands that look at what a service holds and change it, through its API."""
