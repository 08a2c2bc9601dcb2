"""The ground floor: ids, facts, names, errors, clock and configuration. Standard library only, no I/O library."""
