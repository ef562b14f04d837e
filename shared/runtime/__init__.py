"""What every process needs: logs, metrics, loops, garbage collection."""
