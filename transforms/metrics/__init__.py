"""One module a family of metrics, one function a metric."""
