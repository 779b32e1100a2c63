"""One module a topic; each has a `router`. Every route depends on one `api.auth.Allow` (a house test says so)."""
