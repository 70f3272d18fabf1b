"""Parts of the window, one a file; each takes what it shows."""
