"""Print the page of the metrics: `python -m shared.runtime.metrics`."""

from shared.runtime.metrics.document import document

print(document(), end="")
