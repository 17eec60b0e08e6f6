"""Floor 6, the wiring: from settings to a ready worker. The one place that knows concrete classes."""
