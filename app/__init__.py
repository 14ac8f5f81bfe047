"""The application: rules, rows, verbs and HTTP. What makes deliveries is the package `delivery`."""
