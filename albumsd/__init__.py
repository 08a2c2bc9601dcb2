"""albumsd: one person's photos, videos and documents as a filesystem.

The packages are floors: a package imports only what stands below it
(``docs/architecture.md`` draws them, ``pyproject.toml`` lets import-linter check them).
"""

__version__ = "0.1.0"
