"""What a scan measured, wherever it is kept: looked at lazily, taken out as pandas, xarray or Arrow."""
