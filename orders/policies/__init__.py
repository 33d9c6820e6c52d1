"""Rules about orders: pure functions of documents and tables, no database."""
