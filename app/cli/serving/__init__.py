"""Commands that run the service, for production or to be tried out."""
