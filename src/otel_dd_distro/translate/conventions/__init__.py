"""Operation names, resources and types in Datadog, by domain: HTTP, SQL, messaging, templates, ..."""
