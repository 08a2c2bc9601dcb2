"""Query trees made into SQL, and the answers: selections for the views, ranked hits for ``search/``.

``columns`` where each attribute lies · ``fulltext`` words to FTS5 · ``nearby`` and ``flags`` positions and states ·
``likeness`` which asset ``like=`` means ·
``compiler`` tree to condition · ``selections`` and ``disk`` what views list · ``candidates`` what ranking looks at ·
``run`` the search itself. Reads only; ranking by rank-bm25 is brain's.
"""
