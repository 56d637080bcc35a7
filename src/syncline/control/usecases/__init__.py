"""What people and programs can do in the control plane; the same for web, API and command line."""
