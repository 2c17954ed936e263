"""What every model server shares: health, lifecycle, errors, progress, cancellation, shutdown."""
