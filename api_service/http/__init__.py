"""HTTP for every route: bodies, queries, cursors, problems, OpenAPI; nothing of the domain."""
