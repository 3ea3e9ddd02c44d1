"""Running many pieces of work at once: in threads, in processes, on a Dask cluster."""
