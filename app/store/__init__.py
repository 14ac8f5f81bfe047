"""SQL and nothing else: the database, its tables and the statements that throughput hangs on."""
