"""A look-alike WooCommerce store: a process of its own, a durable ledger, wc/v3 as recorded, and bad manners.

From a test::

    from retailhub.sandbox.store.control import running_store

    with running_store(tmp_path) as (place, control):
        place.url, place.key, place.secret      # for a connection to it: OAuth 1.0a over http
        control.place_orders(20)                 # checkouts; or kind="store-api", "classic", "rest"
        control.run_queue()                      # webhooks go out now, whatever the cadence
        control.books().placed                   # the truth: every order ever placed, with its money

As a process: ``python -m retailhub.sandbox.store --ledger FILE --ready-file FILE`` (``--help`` for settings);
the ready file has the fields of ``control.Place``. What of the recorded store it does not imitate is listed
in ``not_imitated.py`` and nowhere else.
"""
