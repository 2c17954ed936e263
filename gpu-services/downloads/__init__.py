"""Downloads weights from the hub, in an environment of its own; model servers never do."""
