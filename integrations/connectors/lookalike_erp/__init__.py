"""Connector of the look-alike ERP (`retailhub.sandbox.erp`): the pattern where writes are two steps."""
