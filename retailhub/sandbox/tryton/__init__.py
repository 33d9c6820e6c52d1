"""A real Tryton 8.2 in its own virtual environment, on the PostgreSQL it is given: `server.TrytonServer`."""
