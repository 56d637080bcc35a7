"""From an OpenAPI or Swagger document to a profile with its open questions."""
