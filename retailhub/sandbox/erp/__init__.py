"""A look-alike ERP: a process of its own, a durable ledger, a sober API and bad manners that can be switched.

It stands for the ERPs that keep retailers awake: creating and confirming are two steps, nothing is
idempotent, and an answer may come late, cut, wrong or never, after the work was done. Standard library only.
"""
