"""AetherFlow for Python: `aetherflow.webhooks` verifies deliveries and talks to the API.

Everything below this package runs on Python 3.9 and later and needs nothing but the standard
library, because it is installed into other people's applications.
"""

__version__ = "0.1.0"
