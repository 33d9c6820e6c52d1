"""WooCommerce stores: orders read, deliveries verified and decoded."""
