"""What a made-up store is about: its catalogue, its customers, their orders and what becomes of those, from a seed."""
