"""The process that ranks, and looks at pictures. Without it the mount orders by FTS5 alone.

Of a query: ``ranker`` orders by words (rank-bm25), ``meaning`` by vectors (``mirror``: the rows as an index;
``phrases``: texts as vectors; ``floors``: what is too unlike), ``fusion`` joins both. For the indexer: ``labour`` makes
vectors, tags (``tagger``, ``vocabulary``) and captions. By itself: ``upkeep`` follows settings and rows (``mind``,
``choice``) and puts alike pictures together (``clusters``, ``clustering``, ``clusterer``). ``process`` is the socket
and the life of it all.

It writes its own row of ``process`` and the clusters, nothing else. torch runs in a child of its own (``albumsd.ml``);
without it, or without a model, words rank as ever.
"""
