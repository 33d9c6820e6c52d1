"""Tryton 8.2 over JSON-RPC: sales of a web shop under our references."""
