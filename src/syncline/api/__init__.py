"""The REST API: the use cases over HTTP, the only place that knows of statuses and headers."""
