"""Care of the record: checked, repaired, backed up, compacted, archived; one noun a file."""
