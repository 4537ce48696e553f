"""Functions on traces that return tables and figures."""
