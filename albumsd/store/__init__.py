"""The one SQLite file, its connections and its statements. Nothing else imports apsw.

``database`` opens and locks; ``sources``, ``files``, ``assets``, ``readings``, ``documents``, ``embeddings``,
``suggestions``, ``clusters``, ``jobs``, ``changes`` and ``queries`` hold the statements for their tables, one subject
each. A write is a function that runs inside one ``BEGIN IMMEDIATE`` (``Database.write``); functions that take a ``Tx``
must be called in one.
"""
