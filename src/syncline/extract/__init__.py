"""The only HTTP that reads data: from a profile to Arrow batches."""
