"""The process that ranks. ``ranker`` by the words of documents (rank-bm25); ``process`` the socket and its life.

Only here are rank_bm25 and numpy imported. It reads, and writes nothing but its own row of ``process``; without it the
mount orders by FTS5 alone.
"""
