"""The exclusive right to work on a request: claims, leases, slots, circuits."""
