"""WHERE rows live: landing, quarantine, staged tables, working database, publishing. Knows no Dagster."""
