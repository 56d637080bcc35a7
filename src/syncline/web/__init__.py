"""The web pages: NiceGUI over the use cases, one module a page."""
