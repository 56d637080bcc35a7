"""From pages as they came to what a profile says of them."""
