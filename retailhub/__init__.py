"""RetailHub: retail middleware between WooCommerce stores and the systems behind them."""
