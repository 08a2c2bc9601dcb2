"""The query language: text in, plain data out. No input or output, no SQL.

``parser.parse`` turns text into a tree of ``tree`` nodes; ``writing.describe`` writes a tree as text again;
``meant`` reads a text for a model of meaning;
``attributes`` says what a node may name; ``terms`` is the registry of ``name=value`` terms; ``help`` writes
the manual from it.
"""
