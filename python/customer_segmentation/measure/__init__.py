"""What is measured on rows, labels and partitions."""
