"""The public inbound address: any method, any path below a slug."""
