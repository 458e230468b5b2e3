"""Settings: the schema, where values come from, and the live store. Import from the modules directly."""
