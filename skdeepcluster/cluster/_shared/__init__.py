"""What clustering methods share, and what single ones are too long without."""
