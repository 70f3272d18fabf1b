"""The demo laboratory: simulated instruments over real sockets, and this computer's own sensors."""
